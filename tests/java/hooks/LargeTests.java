/* SPDX-License-Identifier: MIT */
import java.nio.ByteBuffer;
import moka.Memory;
import moka.MemoryRange;
import moka.Moka;
import moka.MokaException;
import moka.PagePolicy;
import moka.RangeStats;

/* moka.MemoryRange: sizes of pages, wherever there are such hooks. */
final class LargeTests {
    private static final int LARGE = Moka.LARGE_PAGE, PAGE = Moka.PAGE, SIZE = 4 * LARGE;
    private static final Class<? extends Throwable> ARGUMENT = IllegalArgumentException.class;

    private LargeTests() {
    }

    static void run() {
        contents();
        misuse();
        if (Moka.isPresent()) {
            sizes();
            policies();
        }
    }

    private static boolean are(ByteBuffer buffer, int from, int to, int value) {
        for (int at = from; at < to; at += 64) {
            if (buffer.get(at) != value) {
                return false;
            }
        }
        return true;
    }

    private static ByteBuffer filled(Memory memory, int value) {
        ByteBuffer buffer = memory.buffer();
        for (int at = 0; at < buffer.capacity(); at++) {
            buffer.put(at, (byte) value);
        }
        return buffer;
    }

    /* What is in memory after each call, and how much of it there is. */
    private static void contents() {
        Memory memory = Memory.allocate(SIZE);
        try (MemoryRange range = MemoryRange.of(memory)) {
            RangeStats none = range.stats();
            Tap.is(SIZE, none.mapped(), "all is mapped");
            Tap.is(0, none.backed(), "nothing is there");
            Tap.ok(none.hasPages(PAGE) && !none.hasPages(1 << 16), "pages of 4 KiB, none of 64");
            Tap.is(SIZE, range.populate(0, SIZE, 2), "populate");
            Tap.is(SIZE, range.stats().backed(), "all is there");
            Tap.is(0, range.populate(0, SIZE, 0), "populate: it is already");
            ByteBuffer buffer = filled(memory, 7);
            range.promote(0, SIZE, LARGE);
            range.demote(0, SIZE, PAGE);
            Tap.is(0, range.stats().bytes2M(), "demoted, nothing is large");
            Tap.ok(are(buffer, 0, SIZE, 7), "what was there is there");
            Tap.is(LARGE, range.discard(LARGE, LARGE), "discard");
            Tap.ok(are(buffer, LARGE, 2 * LARGE, 0) && are(buffer, 2 * LARGE, SIZE, 7),
                "discarded, it is zero, and nothing else");
            range.discard(0, SIZE);
            Tap.is(0, range.stats().backed(), "nothing is left");
            Tap.is(SIZE, range.populateUnzeroed(0, SIZE, 1), "populate, unzeroed");
        }
    }

    private static void misuse() {
        Memory memory = Memory.allocate(2 * LARGE);
        MemoryRange range = MemoryRange.at(memory.address(), LARGE);
        Class<? extends Throwable> bounds = IndexOutOfBoundsException.class;
        Tap.raises(bounds, () -> range.populate(0, 2 * LARGE, 0), "populate beyond it");
        Tap.raises(ARGUMENT, () -> range.populate(0, LARGE, -1), "by less than no processor");
        Tap.raises(ARGUMENT, () -> range.populateUnzeroed(1, PAGE, 0), "not a page's start");
        Tap.raises(ARGUMENT, () -> range.promote(0, LARGE, PAGE), "promote to 4 KiB");
        Tap.raises(bounds, () -> range.promote(-PAGE, LARGE, LARGE), "promote before it");
        Tap.raises(ARGUMENT, () -> range.demote(0, LARGE, Moka.HUGE_PAGE), "demote to 1 GiB");
        Tap.raises(ARGUMENT, () -> range.discard(0, 0), "discard nothing");
        Tap.raises(ARGUMENT, () -> range.policy(0, LARGE, PAGE, PagePolicy.PREFER), "prefer 4 KiB");
        Tap.raises(ARGUMENT, () -> range.policy(0, PAGE, LARGE, PagePolicy.REQUIRE),
            "require a part of a page");
        Tap.raises(bounds, () -> range.policy(LARGE, PAGE, LARGE, PagePolicy.REFUSE),
            "policy beyond it");
        Tap.raises(NullPointerException.class, () -> range.policy(0, LARGE, LARGE, null), "null");
        range.close();
        Tap.raises(IllegalStateException.class, range::stats, "stats of a closed range");
        Tap.raises(IllegalStateException.class, () -> range.discard(0, PAGE), "discard of it");
    }

    private static void sizes() {
        Memory memory = Memory.allocate(SIZE);
        try (MemoryRange range = MemoryRange.of(memory)) {
            filled(memory, 1);
            range.demote(0, SIZE, PAGE);
            Tap.is(3, range.promote(PAGE, SIZE - PAGE, LARGE), "promote: what is wholly in it");
            RangeStats stats = range.stats();
            Tap.ok(stats.bytes2M() == 3 * LARGE && stats.bytes4K() == LARGE && stats.bytes1G() == 0
                && stats.bytesFile() == 0, "by page sizes: " + stats);
            Tap.ok(stats.promotions() >= 3 && stats.faults() > 0, "promotions and faults");
            Tap.is(1, range.demote(2 * LARGE + PAGE, PAGE, PAGE), "demote: of which a part is meant");
            Tap.ok(range.stats().demotions() > stats.demotions(), "a demotion");
            Tap.ok(range.stats().hasPages(LARGE), "pages of 2 MiB");
        }
    }

    private static void policies() {
        Memory memory = Memory.allocate(SIZE);
        try (MemoryRange range = MemoryRange.of(memory)) {
            range.policy(0, SIZE, LARGE, PagePolicy.REQUIRE);
            Tap.is(SIZE, range.stats().bytes2M(), "required");
            range.policy(0, LARGE, LARGE, PagePolicy.REFUSE);
            Tap.is(LARGE, range.stats().bytes4K(), "refused");
            Tap.is(0, range.promote(0, LARGE, LARGE), "so there is no promotion");
            range.policy(0, LARGE, LARGE, PagePolicy.DEFAULT);
            Tap.is(1, range.promote(0, LARGE, LARGE), "until it is not refused any more");
            range.discard(0, SIZE);
            range.policy(0, SIZE, LARGE, PagePolicy.PREFER);
            memory.buffer().put(PAGE, (byte) 1);
            Tap.is(LARGE, range.stats().bytes2M(), "preferred");
        }
        Memory much = Memory.allocate(1L << 40);
        try (MemoryRange range = MemoryRange.of(much)) {
            Tap.raises(MokaException.class,
                () -> range.policy(0, much.size(), LARGE, PagePolicy.REQUIRE), "more than there is");
            range.discard(0, much.size());
        }
    }
}
