/* SPDX-License-Identifier: MIT */
package suite.work;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import suite.Checksum;
import suite.Setting;
import suite.Workload;

/**
 * Many threads, each of which has something on a deep stack: at a pause all must
 * be stopped, and all their stacks looked through.  A task builds trees, which
 * die as it returns, except for one that the thread's next task looks through.
 *
 * <p>The driver's threads share the others among them.
 */
public final class ManyThreads implements Workload {
    private static final int DEPTH = 9, TREES = 10, FRAMES = 200;

    private ExecutorService pool;
    private final List<Callable<Long>> tasks = new ArrayList<>();
    private Node[] kept;

    private record Node(long value, Node left, Node right) {
        static Node tree(int depth, long value) {
            return depth == 0 ? new Node(value, null, null)
                    : new Node(value, tree(depth - 1, 2 * value), tree(depth - 1, 2 * value + 1));
        }

        /** Of the numbers 1 to 2^(depth+1) - 1, if nothing is missing. */
        long sum() {
            return value + (left == null ? 0 : left.sum() + right.sum());
        }
    }

    @Override
    public void setUp(Setting setting) {
        int count = Math.max(1, setting.parameter("threads") / setting.threads());
        pool = Executors.newFixedThreadPool(count, work -> {
            Thread thread = new Thread(work, "suite-many");
            thread.setDaemon(true);
            return thread;
        });
        kept = new Node[count];
        for (int i = 0; i < count; i++) {
            int place = i;
            kept[i] = Node.tree(DEPTH, 1);
            tasks.add(() -> build(place, FRAMES));
        }
    }

    /** Each frame of the stack has an object of its own, which must still be what it was at the end. */
    private long build(int place, int frames) {
        if (frames > 0) {
            Node mine = new Node(frames, null, null);
            return build(place, frames - 1) + mine.value() - frames;
        }
        long sum = kept[place].sum();
        for (int i = 0; i < TREES; i++) {
            Node tree = Node.tree(DEPTH, 1);
            sum += tree.sum();
            kept[place] = tree;
        }
        return sum;
    }

    @Override
    public long operation() throws Exception {
        long nodes = (2 << DEPTH) - 1, right = (TREES + 1) * (nodes * (nodes + 1) / 2);
        Checksum sum = new Checksum();
        for (Future<Long> result : pool.invokeAll(tasks)) {
            sum.add(result.get() == right ? 1 : 0);
        }
        return sum.value();
    }

    @Override
    public long expected() {
        Checksum sum = new Checksum();
        tasks.forEach(task -> sum.add(1));
        return sum.value();
    }

    @Override
    public void tearDown() {
        pool.shutdown();
    }
}
