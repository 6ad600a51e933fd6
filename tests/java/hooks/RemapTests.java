/* SPDX-License-Identifier: MIT */
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import moka.Memory;
import moka.MemoryRange;
import moka.Moka;
import moka.MokaException;
import moka.Remap;
import moka.RemapInfo;

/* moka.Remap, wherever there are such hooks. */
final class RemapTests {
    private static final int LARGE = Moka.LARGE_PAGE, PAGE = Moka.PAGE, SIZE = 4 * LARGE;
    private static final Class<? extends Throwable> ARGUMENT = IllegalArgumentException.class;

    /* Two of the same size; each page has a number that the first has from 0 on, the other from 10000 on. */
    private final Memory first = Memory.allocate(SIZE), second = Memory.allocate(SIZE);
    private final ByteBuffer one = first.buffer(), other = second.buffer();
    private final MemoryRange to = MemoryRange.of(first), from = MemoryRange.of(second);

    private RemapTests() {
        for (int at = 0; at < SIZE; at += PAGE) {
            one.putInt(at + 8, at / PAGE);
            other.putInt(at + 8, 10000 + at / PAGE);
        }
    }

    static void run() {
        new RemapTests().swaps();
        new RemapTests().moves();
        new RemapTests().slides();
        new RemapTests().shares();
        new RemapTests().snapshots();
        new RemapTests().misuse();
        if (Moka.isPresent()) {
            new RemapTests().beside();
        }
    }

    /* Page `page` has the number that the array's next one says, and so on. */
    private static boolean has(ByteBuffer buffer, int page, int count, int number) {
        for (int i = 0; i < count; i++) {
            if (buffer.getInt((page + i) * PAGE + 8) != number + i) {
                System.out.println("# page " + (page + i) + " has "
                    + buffer.getInt((page + i) * PAGE + 8));
                return false;
            }
        }
        return true;
    }

    private static long[] pair(long toOffset, long fromOffset, long length) {
        return new long[] {toOffset, fromOffset, length};
    }

    private void swaps() {
        long pairs = Remap.info().pairs();
        Remap.swap(to, 0, from, 0, SIZE, 0);
        Tap.ok(has(one, 0, 2048, 10000) && has(other, 0, 2048, 0), "swap of all");
        Remap.swap(from, PAGE, to, 3 * PAGE, 5 * PAGE, Remap.QUIET);
        Tap.ok(has(one, 3, 5, 1) && has(other, 1, 5, 10003), "swap of some pages");
        Remap.swap(to, 3 * PAGE, from, PAGE, 5 * PAGE, 0);
        Remap.swap(to, 0, to, LARGE, LARGE, 0);
        Tap.ok(has(one, 0, 512, 10512) && has(one, 512, 512, 10000), "swap within a range");
        Remap.swap(to, LARGE, to, 0, LARGE, 0);
        long[] all = new long[3 * 300];
        for (int i = 0; i < 300; i++) {
            all[3 * i] = 2L * i * PAGE;
            all[3 * i + 1] = (2L * i + 1) * PAGE;
            all[3 * i + 2] = PAGE;
        }
        Tap.is(300, Remap.swap(to, from, all, 0), "swap of 300 pairs");
        boolean right = true;
        for (int i = 0; i < 300; i++) {
            right &= one.getInt(2 * i * PAGE + 8) == 2 * i + 1
                && other.getInt((2 * i + 1) * PAGE + 8) == 10000 + 2 * i;
        }
        Tap.ok(right, "each page where it belongs");
        Tap.is(0, Remap.swap(to, from, new long[0], 0), "swap of no pairs");
        RemapInfo info = Remap.info();
        Tap.ok(!Moka.isPresent() || info.pairs() >= pairs + 305 && info.shootdowns() > 0,
            "counted: " + info);
    }

    private void moves() {
        Remap.move(to, LARGE, from, 0, LARGE, 0);
        Tap.ok(has(one, 512, 512, 10000) && has(one, 1024, 1024, 1024), "move");
        Tap.is(0, other.getInt(8), "zeroes are left");
        Tap.is(0, other.getInt(511 * PAGE + 8), "to the last page");
        long[] two = {0, LARGE, PAGE, PAGE, LARGE + 7 * PAGE, PAGE};
        Tap.is(2, Remap.move(to, from, two, Remap.QUIET), "move of two pairs");
        Tap.ok(has(one, 0, 1, 10512) && has(one, 1, 1, 10519) && has(one, 2, 1, 2), "both are there");
        Remap.move(to, 2 * LARGE, from, 3 * LARGE, LARGE, Remap.UNMAP);
        Tap.ok(has(one, 1024, 512, 11536), "move and unmap");
        Tap.raises(MokaException.class, () -> from.page(3 * LARGE), "nothing is mapped there");
        Tap.raises(MokaException.class, () -> Remap.move(to, 0, from, 3 * LARGE, PAGE, 0),
            "nor to be moved");
    }

    private void slides() {
        Remap.slide(to, 0, 3 * PAGE, 1000 * PAGE, 0);
        Tap.ok(has(one, 0, 1000, 3) && has(one, 1003, 100, 1003), "slide");
        Tap.ok(one.getInt(1000 * PAGE + 8) == 0 && one.getInt(1002 * PAGE + 8) == 0,
            "what is left is zero");
        Tap.is(1, Remap.slide(from, pair(0, LARGE, 2 * LARGE), Remap.LEAVE), "slide of one pair");
        Tap.ok(has(other, 0, 1024, 10512), "the pages are there");
        // Linux has no call that keeps them.
        Tap.ok(!Moka.isPresent() || from.page(3 * LARGE - PAGE).isPresent(), "and some where they were");
    }

    private void shares() {
        Remap.alias(to, 0, from, LARGE, LARGE, 0);
        Tap.ok(has(one, 0, 512, 10512) && has(other, 512, 512, 10512), "alias");
        one.putInt(8, 1);
        other.putInt(LARGE + PAGE + 8, 2);
        Tap.ok(other.getInt(LARGE + 8) == 1 && one.getInt(PAGE + 8) == 2, "seen at both places");
        Tap.is(2, Remap.alias(to, from, new long[] {2 * LARGE, 0, PAGE, 3 * LARGE, PAGE, PAGE}, 0),
            "alias of two pairs");
        one.putInt(2 * LARGE + 8, 3).putInt(3 * LARGE + 8, 4);
        Tap.ok(other.getInt(8) == 3 && other.getInt(PAGE + 8) == 4, "both are seen");
        if (Moka.isPresent()) {
            Tap.raises(MokaException.class, () -> Remap.alias(from, 3 * LARGE, to, 0, PAGE,
                Remap.SNAPSHOT), "a snapshot of what is shared");
            to.discard(0, LARGE);
            Tap.ok(one.getInt(8) == 0 && other.getInt(LARGE + 8) == 1, "discarded at one place only");
        }
    }

    private void snapshots() {
        Remap.alias(to, 0, from, 0, SIZE, Remap.SNAPSHOT);
        Tap.ok(has(one, 0, 2048, 10000) && has(other, 0, 2048, 10000), "snapshot");
        long copies = Remap.info().copies();
        for (int at = 0; at < SIZE; at += LARGE) {
            one.putInt(at + 8, 1);
            other.putInt(at + 5 * PAGE + 8, 2);
        }
        boolean right = true;
        for (int at = 0; at < SIZE; at += LARGE) {
            right &= one.getInt(at + 8) == 1 && other.getInt(at + 8) == 10000 + at / PAGE
                && other.getInt(at + 5 * PAGE + 8) == 2
                && one.getInt(at + 5 * PAGE + 8) == 10005 + at / PAGE;
        }
        Tap.ok(right, "each has its own");
        Tap.ok(has(one, 600, 400, 10600) && has(other, 600, 400, 10600), "the rest is as it was");
        Tap.ok(!Moka.isPresent() || Remap.info().copies() > copies, "copied when written to");
        Tap.raises(ARGUMENT, () -> Remap.alias(to, 0, to, 0, LARGE, Remap.SNAPSHOT), "of itself");
        Tap.raises(ARGUMENT, () -> Remap.alias(to, 0, from, 0, LARGE, Remap.QUIET), "swap's flag");
    }

    private void misuse() {
        Class<? extends Throwable> bounds = IndexOutOfBoundsException.class;
        MemoryRange closed = MemoryRange.of(first);
        closed.close();
        Tap.raises(IllegalStateException.class, () -> Remap.swap(closed, 0, from, 0, PAGE, 0),
            "a closed range");
        Tap.raises(IllegalStateException.class, () -> Remap.slide(closed, pair(0, 0, PAGE), 0),
            "slide in it");
        Tap.raises(bounds, () -> Remap.swap(to, 0, from, SIZE, PAGE, 0), "beyond a range");
        Tap.raises(bounds, () -> Remap.swap(to, -PAGE, from, 0, PAGE, 0), "before a range");
        Tap.raises(bounds, () -> Remap.move(to, from, pair(0, 0, -PAGE), 0), "a size below 0");
        Tap.raises(ARGUMENT, () -> Remap.swap(to, 0, from, 0, 0, 0), "nothing");
        Tap.raises(ARGUMENT, () -> Remap.swap(to, 8, from, 0, PAGE, 0), "not a page's start");
        Tap.raises(ARGUMENT, () -> Remap.swap(to, 0, to, PAGE, 2 * PAGE, 0), "places that overlap");
        Tap.raises(ARGUMENT, () -> Remap.swap(to, 0, from, 0, PAGE, Remap.UNMAP), "move's flag");
        Tap.raises(ARGUMENT, () -> Remap.slide(to, 0, PAGE, PAGE, 1 << 20), "an unknown flag");
        Tap.raises(ARGUMENT, () -> Remap.swap(to, from, new long[4], 0), "a pair of one number");
        Tap.raises(ARGUMENT, () -> Remap.swap(to, from, new long[3 * 16385], 0), "too many pairs");
        Tap.raises(NullPointerException.class, () -> Remap.swap(to, from, null, 0), "no pairs");
        Tap.raises(NullPointerException.class, () -> Remap.swap(null, 0, from, 0, PAGE, 0), "null");
        Tap.ok(has(one, 0, 2048, 0) && has(other, 0, 2048, 10000),
            "none of which has changed anything");
    }

    /* Each access of another thread finds one page or the other, whole. */
    private void beside() {
        AtomicBoolean stop = new AtomicBoolean();
        AtomicLong wrong = new AtomicLong(), looks = new AtomicLong();
        Thread reader = new Thread(() -> {
            for (int page = 0; !stop.get(); page = (page + 7) % 2048) {
                int found = one.getInt(page * PAGE + 8);
                if (found != page && found != 10000 + page) {
                    wrong.incrementAndGet();
                }
                looks.incrementAndGet();
            }
        });
        reader.start();
        for (int i = 0; i < 200; i++) {
            Remap.swap(to, 0, from, 0, SIZE, 0);
            Remap.swap(to, PAGE, from, PAGE, 100 * PAGE, 0);
        }
        while (looks.get() == 0) {
            Thread.onSpinWait();
        }
        stop.set(true);
        try {
            reader.join();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
        Tap.is(0, wrong.get(), "400 swaps beside a thread that reads");
        Tap.ok(has(one, 0, 2048, 0) && has(other, 0, 2048, 10000), "all is back in its place");
    }
}
