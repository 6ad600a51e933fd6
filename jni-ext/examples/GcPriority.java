/* SPDX-License-Identifier: MIT */
import java.io.IOException;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;
import moka.Role;
import moka.RoleTimes;
import moka.Roles;

/**
 * GcPriority [THREADS [SECONDS]]: what the collector's threads get of the processors beside 32 busy
 * threads, without roles and with them; and what the program gets done.
 *
 * <pre>./moka run -c 2 -Xmx256m -XX:+UseParallelGC build/jni/examples.jar GcPriority</pre>
 */
public final class GcPriority {
    private static final LongAdder work = new LongAdder();
    private static volatile Object[] live = new Object[20_000];
    private static volatile long sink;

    /** A thread of the collector's, by its number. */
    private record Collector(int number, Role role) {
    }

    /** Sums of some time: nanoseconds, but pauses, milliseconds and units of work. */
    private record Sums(long running, long waiting, long pauses, long millis, long work) {
        Sums minus(Sums other) {
            return new Sums(running - other.running, waiting - other.waiting, pauses - other.pauses,
                millis - other.millis, work - other.work);
        }
    }

    private GcPriority() {
    }

    /* Computes and allocates, always. */
    private static void compute() {
        long sum = 0;
        for (Object[] ring = new Object[64];;) {
            for (int i = 0; i < ring.length; i++) {
                ring[i] = new long[i * 8];
                for (int n = 0; n < 500; n++) {
                    sum = sum * 31 + n;
                }
            }
            sink = sum;
            work.increment();
        }
    }

    /*
     * The threads that pauses wait for, by the names that HotSpot gives them.  As compilers they are
     * nobody's first; so that their times are to be seen, those that do compile are none here.
     */
    private static List<Collector> collectors() throws IOException {
        List<Collector> found = new ArrayList<>();
        try (DirectoryStream<Path> tasks = Files.newDirectoryStream(Path.of("/proc/self/task"))) {
            for (Path task : tasks) {
                String name = Files.readString(task.resolve("comm")).trim();
                int number = Integer.parseInt(task.getFileName().toString());
                if (name.equals("VM Thread")) {
                    found.add(new Collector(number, Role.VM));
                } else if (name.startsWith("GC Thread#")) {
                    found.add(new Collector(number, Role.GC_PAUSE));
                } else if (name.startsWith("C1 Comp") || name.startsWith("C2 Comp")) {
                    Roles.set(number, Role.NONE);
                }
            }
        }
        return found;
    }

    /* Of the roles that the collector's threads have, with them or without priority. */
    private static Sums sums(Role... roles) {
        long running = 0, waiting = 0, pauses = 0, millis = 0;
        Map<Role, RoleTimes> times = Roles.times();
        for (Role role : roles) {
            running += times.get(role).running();
            waiting += times.get(role).waiting();
        }
        for (GarbageCollectorMXBean bean : ManagementFactory.getGarbageCollectorMXBeans()) {
            pauses += bean.getCollectionCount();
            millis += bean.getCollectionTime();
        }
        return new Sums(running, waiting, pauses, millis, work.sum());
    }

    private static void measure(String what, long seconds, Role... roles) throws InterruptedException {
        Sums before = sums(roles);
        Thread.sleep(seconds * 1000);
        Sums some = sums(roles).minus(before);
        long pauses = Math.max(some.pauses, 1);
        System.out.printf("%-14s %7d %9.2f ms %9.2f ms %9.2f ms %,10d%n", what, some.pauses,
            (double) some.millis / pauses, some.running / 1e6 / pauses,
            some.waiting / 1e6 / pauses, some.work);
    }

    public static void main(String[] args) throws IOException, InterruptedException {
        int threads = args.length > 0 ? Integer.parseInt(args[0]) : 32;
        long seconds = args.length > 1 ? Long.parseLong(args[1]) : 4;
        for (int i = 0; i < live.length; i++) {
            live[i] = new long[i % 50];
        }
        sums(Role.VM); // which loads classes, as long as there is time for that
        for (int i = 0; i < threads; i++) {
            Thread thread = new Thread(GcPriority::compute);
            thread.setDaemon(true);
            thread.start();
        }
        Thread.sleep(seconds * 250); // until it is compiled, and the collector has all its threads
        System.out.printf("%d threads compute and allocate on %d processors; a pause, and in it the%n"
            + "collector's threads, all together:%n"
            + "                pauses         each          run         wait       work%n", threads,
            Runtime.getRuntime().availableProcessors());
        List<Collector> collectors = collectors();
        for (int round = 0; round < 2; round++) {
            for (Collector collector : collectors) {
                Roles.set(collector.number, Role.COMPILER);
            }
            measure("without roles:", seconds, Role.COMPILER);
            for (Collector collector : collectors) {
                Roles.set(collector.number, collector.role);
            }
            measure("with roles:", seconds, Role.VM, Role.GC_PAUSE);
        }
    }
}
