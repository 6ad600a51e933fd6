/* SPDX-License-Identifier: MIT */
/*
 * Buffers MIB: memory beside the heap: direct buffers, many and large, touched
 * here and there, dropped and made again; the limit of direct memory; a sparse
 * file of 8 GiB that is mapped piece by piece.
 */
import java.io.RandomAccessFile;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

public class Buffers {
    static BufferPoolMXBean pool(String name) {
        return ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
            .filter(bean -> bean.getName().equals(name)).findFirst().orElseThrow();
    }

    /* Twenty times as many as fit at once: what was dropped has to be given back. */
    static void comeAndGo(int mib) {
        Random random = new Random(1);
        List<ByteBuffer> live = new ArrayList<>();
        long sum = 0;

        for (int i = 0; i < 20 * mib / 4; i++) {
            ByteBuffer buffer = ByteBuffer.allocateDirect(4 << 20).order(ByteOrder.nativeOrder());
            for (int at = random.nextInt(4096) & ~7; at < buffer.capacity(); at += 64 << 10) {
                sum += buffer.getLong(at);
                buffer.putLong(at, i);
            }
            if (live.size() >= mib / 8) {
                live.remove(random.nextInt(live.size()));
            }
            live.add(buffer);
        }
        System.out.println("new ones are zero: " + (sum == 0));
        System.out.println("counted: " + (pool("direct").getMemoryUsed() >= (long) mib / 8 << 22));
    }

    /* Far more small ones than a map of regions likes. */
    static void small() {
        ByteBuffer[] all = new ByteBuffer[50_000];
        long sum = 0;

        for (int i = 0; i < all.length; i++) {
            all[i] = ByteBuffer.allocateDirect(100 + i % 500).putInt(0, i);
        }
        for (ByteBuffer buffer : all) {
            sum += buffer.getInt(0);
        }
        System.out.println("small ones: " + sum);
    }

    static void limit() {
        List<ByteBuffer> all = new ArrayList<>();
        try {
            while (true) {
                all.add(ByteBuffer.allocateDirect(16 << 20));
            }
        } catch (OutOfMemoryError e) {
            System.out.println("limit: " + e.getMessage().replaceAll("[0-9]+", "N"));
        }
    }

    static void sparse() throws Exception {
        Path path = Files.createTempFile("sparse", ".bin");
        long size = 8L << 30, sum = 0;

        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            file.setLength(size);
            List<MappedByteBuffer> maps = new ArrayList<>();
            for (long at = 0; at < size; at += 1 << 30) {
                MappedByteBuffer map =
                    file.getChannel().map(FileChannel.MapMode.READ_WRITE, at, 1 << 30);
                map.putLong(4096, at).putLong((1 << 30) - 8, 1);
                maps.add(map);
            }
            for (MappedByteBuffer map : maps) {
                sum += map.getLong(4096) / (1 << 30) + map.getLong((1 << 30) - 8)
                    + map.getLong(12288);
            }
            file.seek(size - 8);
            System.out.println("sparse: " + sum + " " + file.readLong() + " " + file.length());
            System.out.println("mapped: " + (pool("mapped").getCount() >= 8));
        } finally {
            Files.delete(path);
        }
    }

    public static void main(String[] args) throws Exception {
        comeAndGo(Integer.parseInt(args[0]));
        small();
        limit();
        sparse();
    }
}
