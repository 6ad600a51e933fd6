/* SPDX-License-Identifier: MIT */
/*
 * Stress SECONDS THREADS: everything that a collector has to find, move or
 * forget, on all threads at once, each object with something to know it by.
 *
 * Every round of a thread is one of the works below.  What they make is kept
 * in one map of all threads, and checked when another object takes its place,
 * perhaps many collections later and by another thread.  It prints "intact"
 * if all was, else what was not.
 */
import java.io.IOException;
import java.io.InputStream;
import java.lang.invoke.MethodHandles;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.lang.ref.PhantomReference;
import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.SoftReference;
import java.lang.ref.WeakReference;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntSupplier;
import java.util.zip.DataFormatException;
import java.util.zip.Deflater;
import java.util.zip.Inflater;

public class Stress {
    /* What can tell whether it is still what it was made as. */
    interface Kept {
        boolean isWhole();
    }

    interface Work {
        Kept make(Random random) throws Exception;
    }

    /* What a work has made. */
    record Made(String work, Kept object) {}

    static final int SLOTS = 600;
    static final int FIRST = 1000; /* Integers below it may be shared */
    static final ConcurrentHashMap<Integer, Made> kept = new ConcurrentHashMap<>();
    static final ConcurrentHashMap<String, AtomicLong> rounds = new ConcurrentHashMap<>();
    static final ConcurrentHashMap<String, AtomicLong> broken = new ConcurrentHashMap<>();

    static void count(Map<String, AtomicLong> counts, String name) {
        counts.computeIfAbsent(name, key -> new AtomicLong()).incrementAndGet();
    }

    /* ---- Shapes of objects --------------------------------------------------------- */

    static final class Tree implements Kept {
        final Tree left, right;
        final int value;
        final byte[] padding;

        Tree(int depth, int value) {
            this.value = value;
            padding = new byte[value & 63];
            left = depth == 0 ? null : new Tree(depth - 1, value * 2 + 1);
            right = depth == 0 ? null : new Tree(depth - 1, value * 2 + 2);
        }

        public boolean isWhole() {
            return padding.length == (value & 63)
                && (left == null || left.value == value * 2 + 1 && left.isWhole())
                && (right == null || right.value == value * 2 + 2 && right.isWhole());
        }
    }

    /* Deep, not broad: a collector's marking stack has to cope. */
    static final class Chain implements Kept {
        static final class Link {
            final Link next;
            final int place;

            Link(Link next, int place) {
                this.next = next;
                this.place = place;
            }
        }

        final Link first;
        final int length;

        Chain(Random random) {
            Link link = null;
            length = random.nextInt(20_000);
            for (int i = 0; i < length; i++) {
                link = new Link(link, i);
            }
            first = link;
        }

        public boolean isWhole() {
            int place = length;
            for (Link link = first; link != null; link = link.next) {
                if (link.place != --place) {
                    return false;
                }
            }
            return place == 0;
        }
    }

    /* From a few words to what is a region of its own in G1. */
    static final class Array implements Kept {
        final int seed;
        final int[] words;

        Array(Random random) {
            seed = random.nextInt();
            words = new int[1 << random.nextInt(20)];
            for (int i = 0; i < words.length; i++) {
                words[i] = seed ^ i;
            }
        }

        public boolean isWhole() {
            for (int i = 0; i < words.length; i++) {
                if (words[i] != (seed ^ i)) {
                    return false;
                }
            }
            return true;
        }
    }

    /* References into young and old, changed again and again: cards, barriers, remembered sets. */
    static final class Web implements Kept {
        final Integer[][] rows = new Integer[64][];

        Web(Random random) {
            for (int i = 0; i < rows.length; i++) {
                rows[i] = new Integer[256];
                Arrays.setAll(rows[i], at -> FIRST + at);
            }
            change(random);
        }

        void change(Random random) {
            for (int i = 0; i < 1000; i++) {
                Integer[] row = rows[random.nextInt(rows.length)];
                int at = random.nextInt(row.length);
                row[at] = FIRST + at;
                System.arraycopy(row, 0, rows[random.nextInt(rows.length)], 0, row.length);
            }
        }

        public synchronized boolean isWhole() {
            for (Integer[] row : rows) {
                for (int i = 0; i < row.length; i++) {
                    if (row[i] != FIRST + i) {
                        return false;
                    }
                }
            }
            change(new Random(hashCode()));
            return true;
        }
    }

    /* What is in the header: the identity's hash code, and the lock's. */
    static final class Headers implements Kept {
        final Object[] objects = new Object[200];
        final int[] codes = new int[objects.length];

        Headers() {
            for (int i = 0; i < objects.length; i++) {
                objects[i] = new byte[i];
                codes[i] = System.identityHashCode(objects[i]);
            }
        }

        public boolean isWhole() {
            for (int i = 0; i < objects.length; i++) {
                synchronized (objects[i]) {
                    if (System.identityHashCode(objects[i]) != codes[i]) {
                        return false;
                    }
                }
            }
            return true;
        }
    }

    /* ---- References ---------------------------------------------------------------- */

    static final class Referents implements Kept {
        static final ReferenceQueue<Object> queue = new ReferenceQueue<>();
        static final Set<Reference<?>> watched = ConcurrentHashMap.newKeySet();
        static final AtomicLong made = new AtomicLong(), cleared = new AtomicLong();
        final WeakReference<int[]> weak = new WeakReference<>(new int[] {1});
        final SoftReference<int[]> soft = new SoftReference<>(new int[] {2});
        final int[] held = {3};
        final WeakReference<int[]> weakOfHeld = new WeakReference<>(held);

        Referents() {
            Object referent = new Object();
            watched.add(new PhantomReference<>(referent, queue));
            Reference.reachabilityFence(referent); /* another thread looks for it in `watched` */
            made.incrementAndGet();
            poll();
        }

        static void poll() {
            for (Reference<?> r = queue.poll(); r != null; r = queue.poll()) {
                count(watched.remove(r) ? rounds : broken, "phantom");
                cleared.incrementAndGet();
            }
        }

        public boolean isWhole() {
            int[] one = weak.get(), two = soft.get();
            return (one == null || one[0] == 1) && (two == null || two[0] == 2)
                && weakOfHeld.get() == held;
        }
    }

    /* ---- Classes, strings, threads, native memory ------------------------------------ */

    /* Defined anew each time from its bytes: its class goes when its last object does. */
    public static final class Plugin implements IntSupplier {
        final int[] answer = {42};

        public int getAsInt() {
            return answer[0];
        }
    }

    static final byte[] PLUGIN = bytesOf("Stress$Plugin.class");

    static byte[] bytesOf(String name) {
        try (InputStream in = Stress.class.getResourceAsStream(name)) {
            return in.readAllBytes();
        } catch (IOException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    static Kept plugin() throws ReflectiveOperationException {
        ClassLoader loader = new ClassLoader(Stress.class.getClassLoader()) {
            @Override
            protected Class<?> loadClass(String name, boolean link) throws ClassNotFoundException {
                return name.equals("Stress$Plugin") ? defineClass(name, PLUGIN, 0, PLUGIN.length)
                                                    : super.loadClass(name, link);
            }
        };
        IntSupplier made =
            (IntSupplier) loader.loadClass("Stress$Plugin").getConstructor().newInstance();
        return () -> made.getAsInt() == 42;
    }

    static Kept hidden() throws ReflectiveOperationException {
        IntSupplier made = (IntSupplier) MethodHandles.lookup()
                               .defineHiddenClass(PLUGIN, true)
                               .lookupClass()
                               .getConstructor()
                               .newInstance();
        return () -> made.getAsInt() == 42;
    }

    static Kept strings(Random random) {
        int number = random.nextInt(5000);
        String interned = ("key " + number).intern();
        Map<String, Integer> map = new TreeMap<>();
        for (int i = 0; i < 200; i++) {
            map.put(interned + i, i);
        }
        return () -> ("key " + number).intern() == interned && map.get(interned + 77) == 77;
    }

    /* What only a deep stack refers to. */
    static int sumOfStack(int depth, Integer local) {
        Integer own = FIRST + depth;
        int rest = depth == 0 ? 0 : sumOfStack(depth - 1, own);
        return rest + own - FIRST - depth + local;
    }

    static Kept thread(Random random) throws InterruptedException {
        int depth = 1 + random.nextInt(500);
        int expected = depth + depth * FIRST + depth * (depth + 1) / 2;
        int[] sum = new int[1];
        Thread thread = new Thread(() -> {
            for (int i = 0; i < 50; i++) {
                sum[0] = sumOfStack(depth, depth);
            }
        });
        thread.start();
        thread.join();
        return () -> sum[0] == expected;
    }

    /* Arrays that native code works on, while nothing may move them. */
    static Kept zipped(Random random) throws DataFormatException {
        byte[] plain = new byte[1 + random.nextInt(200_000)];
        random.nextBytes(plain);
        Arrays.fill(plain, plain.length / 2, plain.length, (byte) 7);
        byte[] packed = new byte[plain.length + 1000], again = new byte[plain.length];
        Deflater deflater = new Deflater(1);
        deflater.setInput(plain);
        deflater.finish();
        int length = deflater.deflate(packed);
        deflater.end();
        Inflater inflater = new Inflater();
        inflater.setInput(packed, 0, length);
        int back = inflater.inflate(again);
        inflater.end();
        return () -> back == plain.length && Arrays.equals(plain, again);
    }

    static Kept direct(Random random) {
        ByteBuffer buffer = ByteBuffer.allocateDirect(8 + random.nextInt(100_000));
        int last = buffer.capacity() - 4, value = random.nextInt();
        buffer.putInt(0, value).putInt(last, ~value);
        return () -> buffer.getInt(0) == value && buffer.getInt(last) == ~value;
    }

    /* ---- All of it ------------------------------------------------------------------- */

    static final Map<String, Work> works = new TreeMap<>(Map.ofEntries(
        Map.entry("array", Array::new), Map.entry("chain", Chain::new),
        Map.entry("direct", Stress::direct), Map.entry("header", random -> new Headers()),
        Map.entry("hidden", random -> hidden()), Map.entry("plugin", random -> plugin()),
        Map.entry("reference", random -> new Referents()), Map.entry("string", Stress::strings),
        Map.entry("thread", Stress::thread), Map.entry("web", Web::new),
        Map.entry("tree", random -> new Tree(6 + random.nextInt(7), 1)),
        Map.entry("zip", Stress::zipped)));
    static final String[] names = works.keySet().toArray(new String[0]);

    static void check(Made made) {
        if (made != null && !made.object.isWhole()) {
            count(broken, made.work);
        }
    }

    static void work(Random random, long end) {
        while (System.nanoTime() < end) {
            String name = names[random.nextInt(names.length)];
            try {
                Made made = new Made(name, works.get(name).make(random));
                check(made);
                check(kept.put(random.nextInt(SLOTS), made));
                count(rounds, name);
            } catch (Throwable e) { /* an error of the JVM is one, too */
                count(broken, name + ": " + e);
            }
        }
    }

    public static void main(String[] args) throws Exception {
        long end = System.nanoTime() + (long) (Double.parseDouble(args[0]) * 1e9);
        Thread[] threads = new Thread[Integer.parseInt(args[1])];
        for (int i = 0; i < threads.length; i++) {
            Random random = new Random(i);
            threads[i] = new Thread(() -> work(random, end));
            threads[i].start();
        }
        for (Thread thread : threads) {
            thread.join();
        }
        System.gc();
        Referents.poll();
        kept.values().forEach(Stress::check);
        StringBuilder said = new StringBuilder(rounds.toString());
        long collections = 0;
        for (GarbageCollectorMXBean bean : ManagementFactory.getGarbageCollectorMXBeans()) {
            collections += bean.getCollectionCount();
            said.append(", ").append(bean.getName()).append(' ').append(bean.getCollectionCount());
        }
        System.err.println(said + ", unloaded "
            + ManagementFactory.getClassLoadingMXBean().getUnloadedClassCount() + ", phantoms "
            + Referents.cleared + " of " + Referents.made);
        if (!broken.isEmpty() || collections == 0) {
            System.out.println("broken: " + broken);
            System.exit(1);
        }
        System.out.println("intact");
    }
}
