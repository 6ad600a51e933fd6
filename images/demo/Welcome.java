/* SPDX-License-Identifier: MIT */
/*
 * What `make run` shows: a plain Java program that says where it runs.  All of
 * it is asked or measured at that moment, by nothing but Java's own classes, so
 * the same jar on Linux says what is true there.
 */
import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.lang.management.RuntimeMXBean;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

public class Welcome {
    private static final int YIELDS = 200_000, NUMBERS = 500_000;

    static void say(String what, String format, Object... values) {
        System.out.printf("  %-14s %s%n", what, String.format(format, values));
    }

    static double secondsSinceBoot() throws IOException {
        return Double.parseDouble(Files.readString(Path.of("/proc/uptime")).split(" ")[0]);
    }

    /* Thread.yield() is sched_yield(2) and little else, once it is compiled. */
    static double nanosecondsPerCall() {
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

    static boolean isPrime(int number) {
        return IntStream.rangeClosed(2, (int) Math.sqrt(number)).noneMatch(i -> number % i == 0);
    }

    public static void main(String[] args) throws Exception {
        double boot = secondsSinceBoot();
        RuntimeMXBean runtime = ManagementFactory.getRuntimeMXBean();
        double toMain = (System.currentTimeMillis() - runtime.getStartTime()) / 1e3;
        OperatingSystemMXBean system =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

        System.out.printf("%nHello from Java %s.%n%n", System.getProperty("java.version"));
        say("JVM", "%s (%s)", runtime.getVmName(), runtime.getVmVendor());
        say("system", "%s %s, %s", System.getProperty("os.name"),
            System.getProperty("os.version"), System.getProperty("os.arch"));
        say("machine", "%d processors, %d MiB", system.getAvailableProcessors(),
            system.getTotalMemorySize() >> 20);
        say("heap", "up to %d MiB, collected by %s", Runtime.getRuntime().maxMemory() >> 20,
            ManagementFactory.getGarbageCollectorMXBeans().stream()
                .map(GarbageCollectorMXBean::getName).collect(Collectors.joining(", ")));
        say("since boot", "%.2f s, of which the JVM took %.2f s to reach main()", boot, toMain);
        say("system call", "%.0f ns, for Thread.yield()", nanosecondsPerCall());
        long begin = System.nanoTime();
        long primes = IntStream.range(2, NUMBERS).parallel().filter(Welcome::isPrime).count();
        say("primes", "%,d below %,d, in %.2f s on all processors", primes, NUMBERS,
            (System.nanoTime() - begin) / 1e9);
        System.out.printf("%nYour own:  ./moka run your.jar%n");
    }
}
