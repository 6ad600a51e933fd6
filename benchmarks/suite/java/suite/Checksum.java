/* SPDX-License-Identifier: MIT */
package suite;

import java.util.zip.CRC32C;

/** A sum of values and of their order, which a wrong one changes. */
public final class Checksum {
    private long sum;

    public Checksum add(long value) {
        sum = Rng.mix(sum ^ value) + 1;
        return this;
    }

    /** Each bit counts: a double that is nearly right is wrong. */
    public Checksum add(double value) {
        return add(Double.doubleToLongBits(value));
    }

    public Checksum add(double[] values) {
        for (double value : values) {
            add(value);
        }
        return this;
    }

    public Checksum add(String value) {
        return add(value.length()).add(value.hashCode());
    }

    public Checksum add(byte[] bytes) {
        return add(bytes, bytes.length);
    }

    /** The first so many of them. */
    public Checksum add(byte[] bytes, int length) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, 0, length);
        return add(length).add(crc.getValue());
    }

    public long value() {
        return sum;
    }
}
