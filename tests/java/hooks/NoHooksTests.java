/* SPDX-License-Identifier: MIT */
import java.nio.ByteBuffer;
import moka.HeapArrays;
import moka.Memory;
import moka.MemoryRange;
import moka.Moka;

/* Where there are no hooks, all that needs them says so. */
final class NoHooksTests {
    private NoHooksTests() {
    }

    static void run() {
        Class<? extends Throwable> expected = UnsupportedOperationException.class;
        Memory memory = Memory.allocate(Moka.PAGE);
        ByteBuffer buffer = memory.buffer();
        Tap.raises(expected, () -> MemoryRange.of(memory), "a range of memory");
        Tap.raises(expected, () -> MemoryRange.of(buffer), "of a buffer");
        Tap.raises(expected, () -> MemoryRange.at(memory.address(), Moka.PAGE), "of an address");
        Tap.raises(expected, () -> HeapArrays.page(new byte[8], 0), "a page of the heap");
        Tap.raises(expected, () -> HeapArrays.scan(new byte[8], 1, null), "pages of the heap");
        Tap.ok(HeapArrays.address(new byte[8]) > 0, "but the address of an array");
    }
}
