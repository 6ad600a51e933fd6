/* SPDX-License-Identifier: MIT */
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Random;
import moka.Memory;
import moka.MemoryRange;
import moka.Moka;

/**
 * Checkpoint [MIB [FOLDER]]: an incremental checkpoint of a store outside of the Java heap, of 1 GiB,
 * which writes only the pages that were written to since the last one.
 *
 * <pre>./moka run -m 2G build/jni/examples.jar Checkpoint</pre>
 */
public final class Checkpoint implements AutoCloseable {
    private static final int CHUNK = 64 << 20, ROUNDS = 3;

    private final Memory store;
    private final MemoryRange range;
    private final FileChannel file;
    private final long[] dirty;

    private Checkpoint(long size, Path path) throws IOException {
        store = Memory.allocate(size);
        range = MemoryRange.of(store);
        file = FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.READ,
            StandardOpenOption.WRITE, StandardOpenOption.DELETE_ON_CLOSE);
        dirty = range.bitmap(Moka.PAGE);
    }

    /* Each page is different from the others, and from what it was. */
    private void change(long page, long value) {
        store.buffer(page * Moka.PAGE, Moka.PAGE).putLong(0, page).putLong(2048, value);
    }

    private void write(long offset, long size) {
        try {
            for (long at = offset, end = offset + size; at < end; at += CHUNK) {
                ByteBuffer part = store.buffer(at, (int) Math.min(CHUNK, end - at));
                for (long to = at; part.hasRemaining();) {
                    to += file.write(part, to);
                }
            }
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    /* First the scan, then the copy: what is written to meanwhile is in the next checkpoint. */
    private void checkpoint(String what) {
        long begin = System.nanoTime();
        long pages = range.scan(Moka.PAGE, MemoryRange.DIRTY | MemoryRange.CLEAR, dirty);
        long scanned = System.nanoTime();
        MemoryRange.forEachRun(dirty, 0, Moka.PAGE, this::write);
        System.out.printf("%-24s %,9d %,12d us %,10.1f ms %,9.1f MiB%n", what, pages,
            (scanned - begin) / 1000, (System.nanoTime() - scanned) / 1e6, pages / 256.0);
    }

    private boolean isEqual() throws IOException {
        ByteBuffer read = ByteBuffer.allocateDirect(CHUNK);
        for (long at = 0; at < store.size(); at += CHUNK) {
            ByteBuffer part = store.buffer(at, (int) Math.min(CHUNK, store.size() - at));
            read.clear().limit(part.capacity());
            while (read.hasRemaining() && file.read(read, at + read.position()) > 0) {
            }
            if (!read.flip().equals(part)) {
                return false;
            }
        }
        return true;
    }

    @Override
    public void close() throws IOException {
        range.close();
        file.close();
    }

    public static void main(String[] args) throws IOException {
        long size = (args.length > 0 ? Integer.parseInt(args[0]) : 1024) * (1L << 20);
        Path folder = Path.of(args.length > 1 ? args[1] : ".");
        try (Checkpoint checkpoint = new Checkpoint(size, Files.createTempFile(folder, "store", ""))) {
            long pages = size / Moka.PAGE;
            for (long page = 0; page < pages; page++) {
                checkpoint.change(page, -1);
            }
            System.out.printf("%,d MiB                  dirty pages   finding them  writing them%n",
                size >> 20);
            checkpoint.range.split(0, size); // a dirty bit for each 4 KiB
            checkpoint.checkpoint("All was filled:");
            Random random = new Random(1);
            for (int round = 1; round <= ROUNDS; round++) {
                for (long i = 0; i < pages / 100; i++) {
                    checkpoint.change((random.nextInt() & Long.MAX_VALUE) % pages, round);
                }
                checkpoint.checkpoint("1 % was written to:");
            }
            checkpoint.checkpoint("Nothing was written to:");
            System.out.println("The file and the store are "
                + (checkpoint.isEqual() ? "equal." : "NOT EQUAL."));
        }
    }
}
