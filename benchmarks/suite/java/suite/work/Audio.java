/* SPDX-License-Identifier: MIT */
package suite.work;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import javazoom.jl.decoder.Bitstream;
import javazoom.jl.decoder.Decoder;
import javazoom.jl.decoder.Header;
import javazoom.jl.decoder.JavaLayerException;
import javazoom.jl.decoder.SampleBuffer;
import suite.Checksum;
import suite.Rng;
import suite.Setting;

/**
 * Decodes MP3 (JLayer): frames of MPEG 1, layer III, 128 kbit/s, 44.1 kHz, stereo.
 *
 * <p>Nobody has composed them.  Their headers and side information are as the
 * standard (ISO/IEC 11172-3, 2.4.1) wants them, with block types, tables and
 * gains drawn at random; the data are random bits, which each of the Huffman
 * codes makes something of.  It sounds like a waterfall, and it takes the way
 * through the decoder that music takes.
 */
public final class Audio extends Known {
    private static final int FRAMES = 100, FRAME_BYTES = 417, SIDE_BYTES = 32;
    /** Of the data of a frame, for each of two granules and two channels. */
    private static final int PART_BITS = (FRAME_BYTES - 4 - SIDE_BYTES) * 8 / 4;
    private static final int[] TABLES = {1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15};
    private static final int LONG = 0, SHORT = 2;

    private byte[] stream;

    public Audio(long expected) {
        super(expected);
    }

    /** Bits, the highest first. */
    private static final class Bits {
        private final byte[] bytes;
        private int at;

        Bits(int count) {
            bytes = new byte[count];
        }

        Bits put(int width, int value) {
            for (int bit = width - 1; bit >= 0; bit--) {
                bytes[at / 8] |= (byte) ((value >> bit & 1) << (7 - at % 8));
                at++;
            }
            return this;
        }
    }

    @Override
    public void setUp(Setting setting) {
        Rng random = new Rng(12);
        ByteArrayOutputStream frames = new ByteArrayOutputStream();
        for (int frame = 0; frame < FRAMES; frame++) {
            Bits bits = new Bits(FRAME_BYTES);
            // In sync, MPEG 1, layer III, no checksum; 128 kbit/s, 44.1 kHz; middle and side as stereo.
            bits.put(12, 0xfff).put(4, 0xb).put(4, 9).put(4, 0).put(2, 1).put(2, 2).put(4, 0);
            putSide(bits, random);
            while (bits.at < 8 * FRAME_BYTES) {
                bits.put(8, random.nextInt(256));
            }
            frames.writeBytes(bits.bytes);
        }
        stream = frames.toByteArray();
    }

    private static void putSide(Bits bits, Rng random) {
        // The data begin in this frame, and no scale factor is shared.
        bits.put(9, 0).put(3, 0).put(8, 0);
        for (int granule = 0; granule < 2; granule++) {
            int type = random.nextInt(4) == 0 ? SHORT : LONG;
            for (int channel = 0; channel < 2; channel++) {
                putGranule(bits, random, type);
            }
        }
    }

    private static void putGranule(Bits bits, Rng random, int type) {
        // The length, pairs of large values, gain, which scale factors there are.
        bits.put(12, PART_BITS).put(9, 60 + random.nextInt(20)).put(8, 160 + random.nextInt(8));
        bits.put(4, random.nextInt(16));
        if (type == SHORT) {
            // Not mixed; two tables; the gains of three windows.
            bits.put(1, 1).put(2, SHORT).put(1, 0).put(5, table(random)).put(5, table(random));
            bits.put(3, random.nextInt(3)).put(3, random.nextInt(3)).put(3, random.nextInt(3));
        } else {
            // Three tables, and how many bands the first two are for.
            bits.put(1, 0).put(5, table(random)).put(5, table(random)).put(5, table(random));
            bits.put(4, 5 + random.nextInt(4)).put(3, 3 + random.nextInt(3));
        }
        bits.put(1, 0).put(1, random.nextInt(2)).put(1, random.nextInt(2));
    }

    private static int table(Rng random) {
        return TABLES[random.nextInt(TABLES.length)];
    }

    @Override
    public long operation() throws JavaLayerException {
        Bitstream bits = new Bitstream(new ByteArrayInputStream(stream));
        Decoder decoder = new Decoder();
        Checksum sum = new Checksum();
        Header header;
        while ((header = bits.readFrame()) != null) {
            SampleBuffer samples = (SampleBuffer) decoder.decodeFrame(header, bits);
            short[] values = samples.getBuffer();
            for (int i = 0; i < samples.getBufferLength(); i++) {
                sum.add(values[i]);
            }
            sum.add(samples.getBufferLength());
            bits.closeFrame();
        }
        bits.close();
        return sum.value();
    }
}
