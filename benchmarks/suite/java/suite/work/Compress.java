/* SPDX-License-Identifier: MIT */
package suite.work;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import suite.Checksum;
import suite.Rng;
import suite.Setting;

/** Text, a table of numbers, a picture and noise, each compressed and expanded. */
public final class Compress extends Known {
    private static final int SIZE = 1 << 20;

    private final Lzw lzw = new Lzw();
    private byte[][] inputs;

    public Compress(long expected) {
        super(expected);
    }

    @Override
    public void setUp(Setting setting) {
        inputs = new byte[][] {text(), numbers(), picture(), new Rng(9).bytes(SIZE / 4)};
    }

    private static byte[] text() {
        Text text = new Text(1);
        StringBuilder all = new StringBuilder();
        while (all.length() < SIZE) {
            all.append(text.sentence(8)).append('\n');
        }
        return all.toString().getBytes(StandardCharsets.US_ASCII);
    }

    private static byte[] numbers() {
        Rng random = new Rng(2);
        StringBuilder all = new StringBuilder();
        for (int line = 0; all.length() < SIZE; line++) {
            all.append(line).append('\t').append(random.nextInt(1000)).append('\t').append(random.nextRank(100000));
            all.append('\n');
        }
        return all.toString().getBytes(StandardCharsets.US_ASCII);
    }

    /** Bytes that differ little from their neighbours. */
    private static byte[] picture() {
        Rng random = new Rng(3);
        byte[] picture = new byte[SIZE];
        int width = 1024;
        for (int i = 0; i < SIZE; i++) {
            picture[i] = (byte) ((i % width) / 16 * (i / width / 16) + random.nextRank(4));
        }
        return picture;
    }

    @Override
    public long operation() {
        Checksum sum = new Checksum();
        for (byte[] input : inputs) {
            byte[] compressed = new byte[2 * input.length + 2];
            int length = lzw.compress(input, compressed);
            byte[] expanded = new byte[input.length];
            lzw.expand(compressed, expanded);
            require(Arrays.equals(expanded, input), "what is expanded is what was compressed");
            sum.add(compressed, length);
        }
        return sum.value();
    }
}
