/* SPDX-License-Identifier: MIT */
/*
 * What `make run` shows: where a Java program runs, and what Moka's hooks let it
 * see and do, in one screen.  All of it is asked or measured at that moment, so
 * the same jar on Linux says what is true there.
 *
 * The first line comes before any class of java.util.Formatter's is loaded.
 */
import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Collectors;

public final class Welcome {
    private static final int YIELDS = 200_000;

    /** A part of what is shown. */
    @FunctionalInterface
    private interface Part {
        void show() throws Exception;
    }

    private Welcome() {
    }

    static void say(String what, String format, Object... values) {
        System.out.printf("  %-12s %s%n", what, String.format(format, values));
    }

    /* What is not there is said, and the rest goes on. */
    private static void show(String what, Part part) {
        try {
            part.show();
        } catch (NoClassDefFoundError e) {
            say(what, "there is no moka.jar (make jni)");
        } catch (Exception e) {
            say(what, "not here: %s", e.getMessage());
        }
    }

    private static double secondsSinceBoot() throws IOException {
        return Double.parseDouble(Files.readString(Path.of("/proc/uptime")).split(" ")[0]);
    }

    /* Thread.yield() is sched_yield(2) and little else, once it is compiled. */
    private static double nanosecondsPerCall() {
        double least = Double.MAX_VALUE;
        for (int round = 0; round < 5; round++) {
            long begin = System.nanoTime();
            for (int i = 0; i < YIELDS / 5; i++) {
                Thread.yield();
            }
            least = Math.min(least, (System.nanoTime() - begin) / (YIELDS / 5.0));
        }
        return least;
    }

    private static void showMachine(double boot, long main) {
        OperatingSystemMXBean system =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        double toMain = (main - ManagementFactory.getRuntimeMXBean().getStartTime()) / 1e3;

        say("system", "%s %s, %d processors, %d MiB", System.getProperty("os.name"),
            System.getProperty("os.version"), system.getAvailableProcessors(),
            system.getTotalMemorySize() >> 20);
        say("since boot", "%.2f s, of which the JVM took %.2f s to reach main()", boot, toMain);
        say("system call", "%.0f ns, for Thread.yield()", nanosecondsPerCall());
        say("heap", "up to %d MiB, by %s", Runtime.getRuntime().maxMemory() >> 20,
            ManagementFactory.getGarbageCollectorMXBeans().stream()
                .map(GarbageCollectorMXBean::getName).collect(Collectors.joining(", ")));
    }

    public static void main(String[] args) throws IOException {
        long main = System.currentTimeMillis();
        System.out.println("Hello from Java ".concat(System.getProperty("java.version")).concat(", ")
            .concat(System.getProperty("java.vm.name")).concat("."));
        double boot = secondsSinceBoot();
        showMachine(boot, main);
        show("heap pages", Hooks::showHeap);
        show("page table", Hooks::showPages);
        show("remap", Hooks::showRemap);
        show("threads", Hooks::showRoles);
        System.out.printf("Your own:  ./moka run your.jar%n");
    }
}
