/* SPDX-License-Identifier: MIT */
package suite;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * The threads, and what they do in an iteration.
 *
 * <p>By time: each thread does operations until the window has ended.  The one
 * that it is in then is finished and counts by the part of its duration that lies
 * in the window.  Until the last thread is done with that, the others do
 * further operations, which do not count, so that nobody's last one is quicker
 * for having the machine alone.  The score is operations in the window by its
 * length, and the CPU time is the process's in the window.
 *
 * <p>Fixed work: each thread does so many operations; the time and CPU time are
 * those from the first thread's begin to the last one's end.
 */
final class Driver {
    private final Options options;
    private final List<Workload> workloads;
    private final OperatingSystemMXBean system =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    /** Something went wrong: all that goes on is pointless. */
    private volatile boolean failed;

    Driver(Options options, List<Workload> workloads) {
        this.options = options;
        this.workloads = workloads;
    }

    /** All iterations; true if all operations were right. */
    boolean run() throws InterruptedException {
        if (options.operations == 0 && options.warmup > 0) {
            new Iteration(options.warmup, 0).run();
        }
        for (int i = 1; i <= options.iterations && !failed; i++) {
            Iteration iteration = options.operations > 0 ? new Iteration(0, options.operations)
                    : new Iteration(options.seconds, 0);
            iteration.run();
            iteration.print(i);
        }
        return !failed;
    }

    private void fail(String what) {
        failed = true;
        System.err.println("suite: " + options.name + ": " + what);
    }

    /** One operation, and its check. */
    private void operate(Workload workload) {
        try {
            long result = workload.operation();
            if (result != workload.expected()) {
                fail(String.format("an operation gave %#018x, not %#018x", result, workload.expected()));
            }
        } catch (Exception | LinkageError | OutOfMemoryError | StackOverflowError e) {
            fail("an operation failed: " + e);
        }
    }

    /** The threads of one iteration: a window of so many seconds, or so many operations each. */
    private final class Iteration {
        private final double window;
        private final int fixed;
        private final CountDownLatch ready = new CountDownLatch(workloads.size());
        private final CountDownLatch start = new CountDownLatch(1);
        private final CountDownLatch done = new CountDownLatch(workloads.size());
        private final double[] counted = new double[workloads.size()];
        private long begin;
        private double seconds;
        private double cpu;

        Iteration(double window, int fixed) {
            this.window = window;
            this.fixed = fixed;
        }

        void run() throws InterruptedException {
            Thread[] threads = new Thread[workloads.size()];
            for (int i = 0; i < threads.length; i++) {
                int index = i;
                threads[i] = new Thread(() -> work(index), "suite-" + i);
                threads[i].start();
            }
            ready.await();
            long used = system.getProcessCpuTime();
            begin = System.nanoTime();
            start.countDown();
            if (fixed == 0) {
                sleepUntil(begin + (long) (window * 1e9));
            } else {
                done.await();
            }
            cpu = (system.getProcessCpuTime() - used) / 1e9;
            seconds = fixed == 0 ? window : (System.nanoTime() - begin) / 1e9;
            for (Thread thread : threads) {
                thread.join();
            }
        }

        /** Sooner, if an operation failed. */
        private void sleepUntil(long end) throws InterruptedException {
            long left;
            while (!failed && (left = end - System.nanoTime()) > 0) {
                TimeUnit.NANOSECONDS.sleep(Math.min(left, 100_000_000));
            }
        }

        private void work(int index) {
            ready.countDown();
            try {
                start.await();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
            Workload workload = workloads.get(index);
            if (fixed > 0) {
                while (counted[index] < fixed && !failed) {
                    operate(workload);
                    counted[index]++;
                }
                done.countDown();
            } else {
                counted[index] = operateInWindow(workload);
                done.countDown();
                while (done.getCount() > 0 && !failed) {
                    operate(workload);
                }
            }
        }

        /** The operations that lie in the window. */
        private double operateInWindow(Workload workload) {
            long end = begin + (long) (window * 1e9);
            double operations = 0;
            while (!failed) {
                long before = System.nanoTime();
                if (before >= end) {
                    break;
                }
                operate(workload);
                long after = System.nanoTime();
                operations += after <= end ? 1 : (double) (end - before) / (after - before);
            }
            return operations;
        }

        void print(int number) {
            double operations = 0;
            for (double one : counted) {
                operations += one;
            }
            System.out.printf(Locale.ROOT,
                    "result name=%s iteration=%d threads=%d operations=%.3f seconds=%.3f score=%.3f cpu=%.3f"
                            + " valid=%s%n",
                    options.name, number, workloads.size(), operations, seconds, operations * 60 / seconds, cpu,
                    failed ? "no" : "yes");
            System.out.flush();
        }
    }
}
