/* SPDX-License-Identifier: MIT */
package suite.work;

import java.util.Arrays;

/**
 * The compression of Lempel, Ziv and Welch with codes of 9 to 16 bits.  A string
 * is a code and the byte behind it; when the table of strings is full, both
 * sides begin with an empty one.
 */
final class Lzw {
    private static final int FIRST_BITS = 9, LAST_BITS = 16, FIRST_CODE = 256, SLOTS = 1 << 18;

    private final int[] keys = new int[SLOTS];
    private final char[] codes = new char[SLOTS];
    private final char[] prefixes = new char[1 << LAST_BITS];
    private final byte[] suffixes = new byte[1 << LAST_BITS];
    private int next;
    private int bits;

    private long pool;
    private int pooled;
    private int place;

    private void reset() {
        next = FIRST_CODE;
        bits = FIRST_BITS;
    }

    /** After each code on both sides; true if the table was full and is empty now. */
    private boolean grow() {
        next++;
        if (next == 1 << LAST_BITS) {
            reset();
            return true;
        }
        if (next == 1 << bits) {
            bits++;
        }
        return false;
    }

    private void put(byte[] output, int code) {
        pool |= (long) code << pooled;
        pooled += bits;
        while (pooled >= 8) {
            output[place++] = (byte) pool;
            pool >>>= 8;
            pooled -= 8;
        }
    }

    /** The slot of a key, or the empty one where it belongs. */
    private int slotOf(int key) {
        int slot = (key * 0x9e3779b1) >>> 14;
        while (keys[slot] != key && keys[slot] != -1) {
            slot = (slot + 1) & (SLOTS - 1);
        }
        return slot;
    }

    /** Compresses input, which is not empty; the length of what is in the output then. */
    int compress(byte[] input, byte[] output) {
        reset();
        Arrays.fill(keys, -1);
        pool = pooled = place = 0;
        int code = input[0] & 0xff;
        for (int i = 1; i < input.length; i++) {
            int key = code << 8 | (input[i] & 0xff);
            int slot = slotOf(key);
            if (keys[slot] == key) {
                code = codes[slot];
                continue;
            }
            put(output, code);
            keys[slot] = key;
            codes[slot] = (char) next;
            if (grow()) {
                Arrays.fill(keys, -1);
            }
            code = input[i] & 0xff;
        }
        put(output, code);
        bits = 8; // what is left in the pool
        put(output, 0);
        return place;
    }

    private int get(byte[] input) {
        while (pooled < bits) {
            pool |= (input[place++] & 0xffL) << pooled;
            pooled += 8;
        }
        int code = (int) pool & ((1 << bits) - 1);
        pool >>>= bits;
        pooled -= bits;
        return code;
    }

    /** Fills output with what compress() had as its input. */
    void expand(byte[] input, byte[] output) {
        reset();
        pool = pooled = place = 0;
        int last = get(input);
        output[0] = (byte) last;
        int from = 0; // where the string of `last` begins in the output
        int length = 1;
        while (from + length < output.length) {
            // The new string is the last one and the first byte of the one that follows.
            int added = next;
            prefixes[added] = (char) last;
            boolean cleared = grow();
            int code = get(input);
            int to = from + length;
            if (code == added && !cleared) {
                System.arraycopy(output, from, output, to, length);
                output[to + length] = output[from];
                suffixes[added] = output[from];
                length++;
            } else {
                length = write(code, output, to);
                suffixes[added] = output[to];
            }
            from = to;
            last = code;
        }
    }

    /** The string of a code, from its end; its length. */
    private int write(int code, byte[] output, int to) {
        int length = 1;
        for (int c = code; c >= FIRST_CODE; c = prefixes[c]) {
            length++;
        }
        int at = to + length;
        for (; code >= FIRST_CODE; code = prefixes[code]) {
            output[--at] = suffixes[code];
        }
        output[--at] = (byte) code;
        return length;
    }
}
