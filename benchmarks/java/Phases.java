/* SPDX-License-Identifier: MIT */
/*
 * Marks what is measured, on standard output: "begin NAME", and "end NAME
 * WALL-MS CPU-MS KERNEL-MS".  Whoever started the JVM (measure.c) reads its CPU
 * time at these two lines, as the host counts it, hence the quiet before and
 * after: a line takes a while to get there.  What part of the time is the
 * kernel's only the inside knows.
 */
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

final class Phases {
    private static final long QUIET_MS = 50, TICK_MS = 10; /* USER_HZ */
    private static final int USER_TIME = 11, SYSTEM_TIME = 12; /* of the fields behind the name */

    /* What the compiler could leave out else. */
    static volatile long sink;

    private Phases() {}

    /* Of this process, all threads of it, in milliseconds: the clock, all its time, the kernel's. */
    private static long[] times() {
        try {
            String stat = Files.readString(Path.of("/proc/self/stat"));
            String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
            long kernel = Long.parseLong(fields[SYSTEM_TIME]) * TICK_MS;
            long all = kernel + Long.parseLong(fields[USER_TIME]) * TICK_MS;
            return new long[] {System.nanoTime() / 1_000_000, all, kernel};
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void quiet() {
        try {
            Thread.sleep(QUIET_MS);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    static void measure(String name, Runnable work) {
        System.out.println("begin " + name);
        quiet();
        long[] before = times();
        work.run();
        long[] after = times();
        System.out.println(String.join(" ", "end", name, Long.toString(after[0] - before[0]),
            Long.toString(after[1] - before[1]), Long.toString(after[2] - before[2])));
        quiet();
    }
}
