/* SPDX-License-Identifier: MIT */
package moka;

import java.lang.reflect.Array;

/**
 * The pages below arrays of the Java heap: for measurement only, as the collector may move an array
 * at any time. For as long as one of these methods takes it is pinned where it is.
 *
 * <p>Every method throws {@link IllegalArgumentException} if its argument is not an array of a
 * primitive type, and {@link UnsupportedOperationException} if there are no hooks or the collector
 * cannot pin.
 */
public final class HeapArrays {
    private HeapArrays() {
    }

    /**
     * Where an array's first element is just now.
     *
     * @param array of a primitive type
     * @return its address, which may be another a moment later
     */
    public static long address(Object array) {
        bytes(array);
        return Errors.check(locate(array));
    }

    /**
     * Tells of the page below a byte of an array.
     *
     * @param array of a primitive type
     * @param offset bytes from its first element, 0 or more
     * @return what that page is like
     * @throws IndexOutOfBoundsException the array has not so many bytes
     */
    public static PageInfo page(Object array, long offset) {
        long bytes = bytes(array);
        if (offset < 0 || offset >= bytes) {
            throw new IndexOutOfBoundsException("offset " + offset + " of " + bytes);
        }
        long[] words = new long[PageInfo.WORDS];
        Errors.check(query(array, bytes, offset, words));
        return PageInfo.of(words, 0);
    }

    /**
     * Looks at the pages that an array lies on, as {@link MemoryRange#scan} does with a grain of
     * 4 KiB. The first and the last page usually hold something else too.
     *
     * @param array of a primitive type, not empty
     * @param flags as there
     * @param bitmap bit <i>i</i> of word <i>n</i> becomes that of the array's page 64<i>n</i> +
     *     <i>i</i>; an array of <i>b</i> bytes may lie on <i>b</i> / 4096 + 2 pages; null if they are
     *     only counted
     * @return how many pages it tells of
     * @throws IllegalArgumentException the flags mean nothing, the array is empty or the bitmap is
     *     too small
     */
    public static long scan(Object array, int flags, long[] bitmap) {
        long bytes = bytes(array);
        if (bytes == 0) {
            throw new IllegalArgumentException("an empty array");
        }
        return Errors.check(scan(array, bytes, flags, bitmap));
    }

    /* How large the elements are, all together. */
    private static long bytes(Object array) {
        Class<?> type = array.getClass().getComponentType();
        if (type == null || !type.isPrimitive()) {
            throw new IllegalArgumentException("not an array of a primitive type");
        }
        Native.need();
        long length = Array.getLength(array);
        if (type == long.class || type == double.class) {
            return length * Long.BYTES;
        } else if (type == int.class || type == float.class) {
            return length * Integer.BYTES;
        } else if (type == short.class || type == char.class) {
            return length * Short.BYTES;
        }
        return length;
    }

    private static native long locate(Object array);

    private static native long query(Object array, long bytes, long offset, long[] words);

    private static native long scan(Object array, long bytes, int flags, long[] bitmap);
}
