/* SPDX-License-Identifier: MIT */
/*
 * Idle: a JVM that has nothing to do.  What it takes all the same are the
 * periodic tasks of HotSpot and of the collector.
 */
public class Idle {
    private static final long SETTLE_MS = 2000, IDLE_MS = 10_000;

    static void sleep(long ms) {
        try {
            Thread.sleep(ms);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    public static void main(String[] args) {
        sleep(SETTLE_MS);
        Phases.measure("idle", () -> sleep(IDLE_MS));
    }
}
