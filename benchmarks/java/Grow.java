/* SPDX-License-Identifier: MIT */
/*
 * Grow MIB: a heap that grows from its start size to what is asked for: ever
 * more is kept, with garbage made beside it, so that each collection moves
 * what lives into memory that nobody has touched yet.
 */
import java.util.ArrayList;
import java.util.List;

public class Grow {
    static final int SIZE = 1000, BATCH = 1 << 20;

    static void grow(int mib) {
        List<byte[][]> kept = new ArrayList<>();
        for (int i = 0; i < mib; i++) {
            byte[][] batch = new byte[BATCH / SIZE][];
            for (int j = 0; j < batch.length; j++) {
                Phases.sink = new byte[SIZE].length;
                batch[j] = new byte[SIZE];
            }
            kept.add(batch);
        }
        Phases.sink = kept.size();
    }

    public static void main(String[] args) {
        Phases.measure("grow", () -> grow(Integer.parseInt(args[0])));
    }
}
