/* SPDX-License-Identifier: MIT */
package moka;

/**
 * The machine's memory: how much there is, being asked for some when it runs short, and giving it
 * back to the host.
 *
 * <p>When less than a threshold is available, files that are cached go first; what is wanted beyond
 * that is asked of the shrinkers, as it is when the host takes memory away.
 *
 * <p>Every method throws {@link UnsupportedOperationException} if this system has no such hook.
 */
public final class Pressure {
    /** Gives up memory when it is short. */
    @FunctionalInterface
    public interface Shrinker {
        /**
         * Called when memory is short, by a thread of the system's own, a daemon, which calls all
         * shrinkers one after the other until enough is given. It may do whatever a thread may; but
         * memory is short, so it should need little. What it throws goes to the thread's handler of
         * uncaught exceptions, and counts as having given nothing.
         *
         * <p>Objects that only become unreachable give nothing back to the system; what does is
         * {@link MemoryRange#discard}, freeing {@link Memory}, or a collector that returns memory.
         *
         * @param wanted bytes, above 0
         * @return how many were given back to the system, maybe more than that; 0: there is nothing
         *     to give
         */
        long shrink(long wanted);
    }

    /** A shrinker that was added, until it is closed. */
    public static final class Registration implements AutoCloseable {
        private final int number;
        private long handle;

        private Registration(int number, long handle) {
            this.number = number;
            this.handle = handle;
        }

        /**
         * The shrinker is not called any more when this returns: a call that is under way is waited
         * for, unless this is it. A second time it does nothing.
         */
        @Override
        public void close() {
            long mine;
            synchronized (this) {
                mine = handle;
                handle = 0;
            }
            if (mine != 0) {
                Errors.check(remove(number, mine));
            }
        }
    }

    private Pressure() {
    }

    /**
     * The machine's memory.
     *
     * @return as of now
     */
    public static MachineMemory memory() {
        Native.need();
        long[] words = new long[MachineMemory.WORDS];
        Errors.check(memory(words));
        return MachineMemory.of(words);
    }

    /**
     * Adds a shrinker, which is called when memory is short. It stays reachable until its
     * registration is closed, whether or not the program keeps that.
     *
     * @param shrinker what is called; the same may be added more than once
     * @return what ends it
     * @throws MokaException there are 64 already, or no thread could be started
     */
    public static Registration add(Shrinker shrinker) {
        if (shrinker == null) {
            throw new NullPointerException("shrinker");
        }
        Native.need();
        long[] handle = new long[1];
        int number = (int) Errors.check(add(shrinker, handle));
        return new Registration(number, handle[0]);
    }

    /**
     * Sets the thresholds of the levels. 0 stands for what was there at the start, a sixteenth and a
     * 64th of all memory.
     *
     * @param low bytes available below which the level is {@link MachineMemory.Level#LOW}
     * @param critical bytes below which it is {@link MachineMemory.Level#CRITICAL}
     * @throws IllegalArgumentException critical is above low, low is above half of all memory, or
     *     one is below 0; nothing has changed
     */
    public static void thresholds(long low, long critical) {
        if (low < 0 || critical < 0) {
            throw new IllegalArgumentException("thresholds " + low + " and " + critical);
        }
        Native.need();
        Errors.check(set(low, critical));
    }

    /**
     * Gives free memory back to the host now, rather than when it has been free for long: for
     * whoever has just given up memory that will not be needed soon. Using it again costs the host
     * some time.
     *
     * @param size bytes at most, 0 or more
     * @return how many bytes were given
     * @throws IllegalArgumentException less than 0
     * @throws UnsupportedOperationException besides: the host takes none
     */
    public static long give(long size) {
        if (size < 0) {
            throw new IllegalArgumentException("size " + size);
        }
        Native.need();
        return Errors.check(hand(size));
    }

    /* Called by the native library, on the shrinkers' thread. */
    private static long call(Shrinker shrinker, long wanted) {
        try {
            return Math.max(0, shrinker.shrink(wanted));
        } catch (Throwable thrown) {
            Thread self = Thread.currentThread();
            self.getUncaughtExceptionHandler().uncaughtException(self, thrown);
            return 0;
        }
    }

    private static native long memory(long[] words);

    private static native long add(Shrinker shrinker, long[] handle);

    private static native long remove(int number, long handle);

    private static native long set(long low, long critical);

    private static native long hand(long size);
}
