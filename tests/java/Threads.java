/* SPDX-License-Identifier: MIT */
/*
 * Threads NUMBER: threads and what they wait with: sleep, park, monitors, the
 * executors, NUMBER at once, interrupts, CPU time, signals.
 */
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.RecursiveTask;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;

public class Threads {
    static void sleeps() throws InterruptedException {
        long begin = System.nanoTime();
        Thread.sleep(50);
        System.out.println("sleep: " + (System.nanoTime() - begin >= 50_000_000L));
        begin = System.nanoTime();
        synchronized (Threads.class) {
            Threads.class.wait(30);
        }
        System.out.println("wait: " + (System.nanoTime() - begin >= 29_000_000L));
    }

    static void interrupts() throws InterruptedException {
        Thread parked = new Thread(() -> {
            while (!Thread.currentThread().isInterrupted()) {
                LockSupport.park();
            }
            System.out.println("parked: interrupted");
        });
        parked.start();
        parked.interrupt();
        parked.join();
        Thread sleeping = new Thread(() -> {
            try {
                Thread.sleep(60_000);
            } catch (InterruptedException e) {
                System.out.println("asleep: interrupted");
            }
        });
        sleeping.start();
        sleeping.interrupt();
        sleeping.join();
    }

    /* What the kernel has counted for the process, ended threads included. */
    static long faults() throws IOException {
        String text = Files.readString(Path.of("/proc/self/stat"));
        return Long.parseLong(text.substring(text.lastIndexOf(')') + 2).split(" ")[7]);
    }

    static void many(int count) throws Exception {
        long before = faults();
        List<Thread> threads = new ArrayList<>();
        CountDownLatch arrived = new CountDownLatch(count), leave = new CountDownLatch(1);
        AtomicInteger left = new AtomicInteger();
        for (int i = 0; i < count; i++) {
            Thread thread = new Thread(() -> {
                arrived.countDown();
                try {
                    leave.await();
                } catch (InterruptedException e) {
                    return;
                }
                left.incrementAndGet();
            });
            thread.start();
            threads.add(thread);
        }
        arrived.await();
        System.out.println("alive: " + (Thread.activeCount() > count));
        leave.countDown();
        for (Thread thread : threads) {
            thread.join();
        }
        System.out.println("left: " + left);
        System.out.println("faults: " + (faults() > before + count));
    }

    /* Divides down to single numbers, each half a task that others may steal. */
    static final class Sum extends RecursiveTask<Long> {
        private final long from, to;

        Sum(long from, long to) {
            this.from = from;
            this.to = to;
        }

        @Override
        protected Long compute() {
            if (to - from == 1) {
                return from;
            }
            Sum left = new Sum(from, (from + to) / 2), right = new Sum((from + to) / 2, to);
            left.fork();
            return right.compute() + left.join();
        }
    }

    static void executors() throws Exception {
        System.out.println("forked: " + new ForkJoinPool(8).invoke(new Sum(0, 200_000)));
        System.out.println("chained: " + CompletableFuture.supplyAsync(() -> 20)
                               .thenCombineAsync(CompletableFuture.supplyAsync(() -> 22),
                                                 Integer::sum).get());
        System.out.println("stream: " + ForkJoinPool.commonPool().submit(
            () -> IntStream.range(0, 1_000_000).parallel().map(x -> x % 7).sum()).get());
        ScheduledExecutorService later = Executors.newScheduledThreadPool(2);
        System.out.println("scheduled: " + later.schedule(() -> 5, 20, TimeUnit.MILLISECONDS).get());
        later.shutdown();
        ExecutorService pool = Executors.newFixedThreadPool(8);
        int sum = 0;
        List<java.util.concurrent.Future<Integer>> results = new ArrayList<>();
        for (int i = 0; i < 10_000; i++) {
            int number = i;
            results.add(pool.submit(() -> number % 10));
        }
        for (java.util.concurrent.Future<Integer> result : results) {
            sum += result.get();
        }
        pool.shutdown();
        System.out.println("pool: " + sum + " " + pool.awaitTermination(10, TimeUnit.SECONDS));
    }

    static void handOver() throws Exception {
        SynchronousQueue<Integer> queue = new SynchronousQueue<>();
        Thread giver = new Thread(() -> {
            try {
                for (int i = 0; i < 20_000; i++) {
                    queue.put(i);
                }
            } catch (InterruptedException e) {
                System.out.println("interrupted");
            }
        });
        giver.start();
        long sum = 0;
        for (int i = 0; i < 20_000; i++) {
            sum += queue.take();
        }
        giver.join();
        System.out.println("handed over: " + sum);
    }

    static void signals() throws InterruptedException {
        CountDownLatch came = new CountDownLatch(1);
        sun.misc.Signal.handle(new sun.misc.Signal("HUP"), signal -> {
            System.out.println("signal: " + signal);
            came.countDown();
        });
        sun.misc.Signal.raise(new sun.misc.Signal("HUP"));
        came.await();
    }

    public static void main(String[] args) throws Exception {
        sleeps();
        interrupts();
        executors();
        handOver();
        many(Integer.parseInt(args[0]));
        signals();
        System.out.println("CPU time: "
                           + (ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() > 0));
        System.out.println("stack traces: " + (Thread.getAllStackTraces().size() > 2));
    }
}
