/* SPDX-License-Identifier: MIT */
package moka;

import java.lang.ref.Cleaner;
import java.nio.ByteBuffer;
import java.util.Objects;

/**
 * Memory outside of the Java heap, which begins at a large page and holds zeroes. It is not limited
 * by {@code -XX:MaxDirectMemorySize}, and may be larger than a buffer can be.
 *
 * <p>Only what is touched takes memory of the machine. It is given back when neither this object
 * nor a buffer of it nor a {@link MemoryRange} of it can be reached any more, so that none of them
 * can ever be used after that.
 *
 * <p>On any system where the native library loads, with or without hooks.
 */
public final class Memory {
    static final Cleaner CLEANER = Cleaner.create();

    private final long address;
    private final long size;

    private Memory(long address, long size) {
        this.address = address;
        this.size = size;
        CLEANER.register(this, () -> Native.unmap(address, size));
    }

    /**
     * Allocates memory that begins at a multiple of 2 MiB.
     *
     * @param size bytes, above 0, at most 2<sup>46</sup>; rounded up to whole pages
     * @return the memory, all of it zero
     * @throws IllegalArgumentException the size is not in that range
     * @throws MokaException there is no room for it
     * @throws UnsupportedOperationException the native library could not be loaded
     */
    public static Memory allocate(long size) {
        return allocate(size, Moka.LARGE_PAGE);
    }

    /**
     * Allocates memory that begins at a multiple of a size.
     *
     * @param size bytes, above 0, at most 2<sup>46</sup>; rounded up to whole pages
     * @param alignment bytes, a power of 2 from {@link Moka#PAGE} to {@link Moka#HUGE_PAGE}
     * @return the memory, all of it zero
     * @throws IllegalArgumentException size or alignment are not in that range
     * @throws MokaException there is no room for it
     * @throws UnsupportedOperationException the native library could not be loaded
     */
    public static Memory allocate(long size, int alignment) {
        if (size <= 0 || size > 1L << 46) {
            throw new IllegalArgumentException("size " + size);
        }
        if (alignment < Moka.PAGE || alignment > Moka.HUGE_PAGE || Integer.bitCount(alignment) != 1) {
            throw new IllegalArgumentException("alignment " + alignment);
        }
        Native.need();
        long whole = (size + Moka.PAGE - 1) & -Moka.PAGE;
        return new Memory(Errors.check(Native.map(whole, alignment)), whole);
    }

    /**
     * Where a direct buffer's next byte is.
     *
     * @param buffer a direct buffer
     * @return the address of the byte at its position
     * @throws IllegalArgumentException it is not direct
     * @throws UnsupportedOperationException the native library could not be loaded
     */
    public static long address(ByteBuffer buffer) {
        if (!buffer.isDirect()) {
            throw new IllegalArgumentException("not a direct buffer");
        }
        Native.need();
        return Native.address(buffer) + buffer.position();
    }

    /**
     * Where it begins.
     *
     * @return its address
     */
    public long address() {
        return address;
    }

    /**
     * How large it is.
     *
     * @return bytes, a multiple of {@link Moka#PAGE}
     */
    public long size() {
        return size;
    }

    /**
     * All of it as a direct buffer.
     *
     * @return a new buffer, big-endian as all are at first
     * @throws IllegalStateException it is larger than a buffer can be, 2 GiB less 1
     */
    public ByteBuffer buffer() {
        if (size > Integer.MAX_VALUE) {
            throw new IllegalStateException("too large for a buffer, " + size);
        }
        return buffer(0, (int) size);
    }

    /**
     * A part of it as a direct buffer.
     *
     * @param offset bytes from its start; any, not only of pages
     * @param length bytes, 0 or more
     * @return a new buffer, big-endian as all are at first
     * @throws IndexOutOfBoundsException that is not within it
     */
    public ByteBuffer buffer(long offset, int length) {
        Objects.checkFromIndexSize(offset, length, size);
        ByteBuffer buffer = Native.buffer(address + offset, length);
        CLEANER.register(buffer, this::release);
        return buffer;
    }

    /* A buffer has gone.  What is registered for it, this method of this object, kept this object. */
    private void release() {
    }
}
