/* SPDX-License-Identifier: MIT */
package suite.work;

import suite.Rng;
import suite.Setting;
import suite.UsageException;
import suite.Workload;

/**
 * A cache of large arrays: few objects, much memory, all of which a collector
 * that compacts or copies has to move.  Each operation puts new arrays into the
 * places of old ones.
 *
 * <p>Each thread has a cache of its own.  Some words of each KiB say what they
 * are of; those of an array are checked when it goes.
 */
public final class LargeArrays implements Workload {
    private static final int REPLACED = 32, STRIDE = 61;

    private Rng random;
    private long live;
    private int least;
    private int most;
    private long[][] places;
    private long held;

    @Override
    public void setUp(Setting setting) throws Exception {
        random = new Rng(setting.thread());
        live = (long) setting.parameter("live") * (1 << 20) / setting.threads();
        least = setting.parameter("least") * 1024;
        most = setting.parameter("most") * 1024;
        if (least > most || most > live / 2) {
            throw new UsageException("gc.arrays: of live=N MiB, a thread's share must hold two of most=N KiB,"
                    + " which is not below least=N");
        }
        places = new long[(int) (live / least) + 1][];
        while (held < live - most) {
            put();
        }
    }

    /** As many of 64 to 128 KiB as of 4 to 8 MiB. */
    private int length() {
        double octaves = StrictMath.log((double) most / least);
        return (int) (least * StrictMath.exp(octaves * random.nextDouble())) / Long.BYTES;
    }

    private void put() {
        long[] array = new long[length()];
        for (int i = 0; i < array.length; i += STRIDE) {
            array[i] = Rng.mix(i + array.length);
        }
        place(array);
        held += (long) array.length * Long.BYTES;
    }

    /** At a random place, or the next that is free: one is, as there are places for the smallest. */
    private void place(long[] array) {
        int place = random.nextInt(places.length);
        while (places[place] != null) {
            place = (place + 1) % places.length;
        }
        places[place] = array;
    }

    private static boolean isRight(long[] array) {
        for (int i = 0; i < array.length; i += STRIDE) {
            if (array[i] != Rng.mix(i + array.length)) {
                return false;
            }
        }
        return true;
    }

    /** Random ones, until there is room for another. */
    private boolean forget() {
        boolean right = true;
        for (int i = random.nextInt(places.length); held > live - most; i = (i + 1) % places.length) {
            if (places[i] != null) {
                right &= isRight(places[i]);
                held -= (long) places[i].length * Long.BYTES;
                places[i] = null;
            }
        }
        return right;
    }

    @Override
    public long operation() {
        long right = 0;
        for (int i = 0; i < REPLACED; i++) {
            right += forget() ? 1 : 0;
            put();
        }
        return right;
    }

    @Override
    public long expected() {
        return REPLACED;
    }
}
