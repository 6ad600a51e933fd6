/* SPDX-License-Identifier: MIT */
/*
 * A heap with a peak, and nothing to do after it until there is a line to read;
 * then the same again: Heap MEBIBYTES.
 */
import java.util.ArrayList;
import java.util.List;

public class Heap {
    static void fill(int mebibytes, String what) throws InterruptedException {
        List<byte[]> live = new ArrayList<>();
        long start = System.nanoTime();

        for (int i = 0; i < mebibytes; i++) {
            live.add(new byte[(1 << 20) - 64]);
        }
        System.out.printf("%s %d ms%n", what, (System.nanoTime() - start) / 1_000_000);
        Thread.sleep(1000); // who looks from outside sees it
    }

    public static void main(String[] args) throws Exception {
        int mebibytes = Integer.parseInt(args[0]);

        fill(mebibytes, "peak");
        System.out.println("idle");
        if (System.in.read() < 0) {
            return;
        }
        fill(mebibytes, "again");
    }
}
