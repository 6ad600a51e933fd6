/* SPDX-License-Identifier: MIT */
/*
 * Traps KIB: Java's exceptions that a JVM makes of the CPU's faults: a field of null, a
 * division by zero, the guard pages of stacks up to KIB, a mapped file
 * that was cut short; and OutOfMemoryError.  Often enough that the code is
 * first interpreted, then compiled.
 */
import java.io.File;
import java.io.RandomAccessFile;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;

public class Traps {
    static class Point {
        int x = 1;
    }

    static int depth;

    static void recurse() {
        depth++;
        recurse();
    }

    static int fieldOf(Point point) {
        return point.x;
    }

    static int divide(int a, int b) {
        return a / b;
    }

    static void nulls() {
        int caught = 0, sum = 0;
        Point point = new Point();
        for (int i = 0; i < 300_000; i++) {
            try {
                sum += fieldOf(i % 1000 == 7 ? null : point);
            } catch (NullPointerException e) {
                caught++;
            }
        }
        System.out.println("null: " + caught + " of " + (caught + sum));
    }

    static void divisions() {
        int caught = 0;
        for (int i = 0; i < 300_000; i++) {
            try {
                divide(i, i % 1000 == 7 ? 0 : 2);
            } catch (ArithmeticException e) {
                caught++;
            }
        }
        System.out.println("division: " + caught);
    }

    /* No fault, but a check that compiled code makes in the same way. */
    static void stores() {
        int caught = 0;
        for (int i = 0; i < 300_000; i++) {
            try {
                Object[] array = i % 1000 == 7 ? new Integer[1] : new Object[1];
                array[0] = "text";
            } catch (ArrayStoreException e) {
                caught++;
            }
        }
        System.out.println("store: " + caught);
    }

    static void overflow(String where, int least) {
        int times = 0;
        for (int i = 0; i < 5; i++) {
            depth = 0;
            try {
                recurse();
            } catch (StackOverflowError e) {
                times += depth > least ? 1 : 0;
            }
        }
        System.out.println("stack overflow, " + where + ": " + times);
    }

    static void overflowOnThread(int kilobytes) throws InterruptedException {
        Thread thread = new Thread(null, () -> overflow(kilobytes + " KiB", kilobytes), "deep",
                                   kilobytes * 1024L);
        thread.start();
        thread.join();
    }

    static void outOfMemory() {
        for (int i = 0; i < 3; i++) {
            try {
                long[][] all = new long[100_000][];
                for (int k = 0; k < all.length; k++) {
                    all[k] = new long[1 << 17];
                }
            } catch (OutOfMemoryError e) {
                System.out.println("memory: " + e.getMessage());
            }
        }
    }

    static void cutFile() throws Exception {
        File file = File.createTempFile("cut", ".bin");
        try (RandomAccessFile open = new RandomAccessFile(file, "rw")) {
            open.setLength(1 << 20);
            MappedByteBuffer map = open.getChannel().map(FileChannel.MapMode.READ_WRITE, 0, 1 << 20);
            int sum = map.get(1 << 19);
            open.setLength(0);
            try {
                for (int i = 0; i < 1 << 20; i += 4096) {
                    sum += map.get(i);
                }
                System.out.println("cut file: not noticed " + sum);
            } catch (InternalError e) {
                System.out.println("cut file: InternalError");
            }
        } finally {
            file.delete();
        }
    }

    public static void main(String[] args) throws Exception {
        nulls();
        divisions();
        stores();
        overflow("main", 1000);
        overflowOnThread(256);
        overflowOnThread(1024);
        overflowOnThread(Integer.parseInt(args[0]));
        outOfMemory();
        cutFile();
        nulls();
    }
}
