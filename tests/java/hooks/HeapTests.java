/* SPDX-License-Identifier: MIT */
import moka.HeapArrays;
import moka.MemoryRange;
import moka.Moka;
import moka.PageInfo;

/* moka.HeapArrays, in Moka. */
final class HeapTests {
    private HeapTests() {
    }

    static void run() {
        byte[] array = new byte[1 << 20];
        long[] bits = new long[5];
        Object[] others = {new short[3000], new char[3000], new int[3000], new float[3000],
            new long[3000], new double[3000], new boolean[3000], new byte[3000]};
        java.util.Arrays.fill(array, (byte) 1);
        Tap.ok(HeapArrays.address(array) > 0, "an address");
        PageInfo page = HeapArrays.page(array, (1 << 20) - 1);
        Tap.ok(page.isPresent() && page.isDirty(), "its last page: " + page);
        long count = HeapArrays.scan(array, MemoryRange.PRESENT, bits);
        Tap.ok(count >= 256 && count <= 258, "it lies on " + count + " pages");
        Tap.is(count, HeapArrays.scan(array, MemoryRange.PRESENT, null), "counted");
        for (Object other : others) {
            Tap.ok(HeapArrays.scan(other, MemoryRange.PRESENT, null) >= 1
                && HeapArrays.page(other, 2999).isPresent(), other.getClass().getSimpleName());
        }
        Class<? extends Throwable> argument = IllegalArgumentException.class;
        Class<? extends Throwable> bounds = IndexOutOfBoundsException.class;
        Tap.raises(bounds, () -> HeapArrays.page(array, 1 << 20), "beyond it");
        Tap.raises(bounds, () -> HeapArrays.page(array, -1), "before it");
        Tap.raises(bounds, () -> HeapArrays.page(new byte[0], 0), "page of an empty array");
        Tap.raises(argument, () -> HeapArrays.scan(new byte[0], 1, null), "an empty array");
        Tap.raises(argument, () -> HeapArrays.scan(array, 0, null), "for nothing");
        Tap.raises(argument, () -> HeapArrays.scan(array, MemoryRange.PRESENT, new long[4]),
            "a small bitmap");
        Tap.raises(argument, () -> HeapArrays.address(new String[3]), "an array of objects");
        Tap.raises(argument, () -> HeapArrays.address("text"), "no array");
        Tap.raises(NullPointerException.class, () -> HeapArrays.address(null), "null");
        long sum = 0;
        for (int i = 0; i < 20_000; i++) {
            byte[] garbage = new byte[Moka.PAGE];
            sum += HeapArrays.page(garbage, 0).size() > 0 ? 1 : 0;
        }
        Tap.is(20_000, sum, "while the collector works");
    }
}
