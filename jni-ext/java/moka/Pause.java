/* SPDX-License-Identifier: MIT */
package moka;

/**
 * A pause that a collector of one's own makes: while it lasts the system runs the threads first that
 * it waits for. HotSpot's own pauses are seen without this.
 *
 * <pre>{@code
 * try (Pause pause = Pause.begin(Pause.Phase.REACHING)) {
 *     // tell the mutators to stop, and wait until they have
 *     pause.enter(Pause.Phase.STOPPED);
 *     // collect, and wake them
 * }
 * }</pre>
 *
 * <p>A pause belongs to the thread that has begun it, which has one at a time and ends it. It ends
 * with that thread at the latest.
 */
public final class Pause implements AutoCloseable {
    /** How far a pause is. */
    public enum Phase {
        /** The mutators were told to stop; those that have not yet run first. */
        REACHING,
        /**
         * All have stopped. Threads with the roles {@link Role#VM}, {@link Role#GC_PAUSE} and
         * {@link Role#GC_CONCURRENT} run first.
         */
        STOPPED
    }

    private boolean ended;

    private Pause() {
    }

    /**
     * Begins a pause, of which the calling thread is the conductor.
     *
     * @param phase how far it is
     * @return the pause; to be closed when the mutators have been woken
     * @throws MokaException with {@link MokaException#EBUSY}: another thread conducts one
     * @throws UnsupportedOperationException this system has no such hook
     */
    public static Pause begin(Phase phase) {
        Native.need();
        Errors.check(enter(phase.ordinal() + 1));
        return new Pause();
    }

    /**
     * It has come to a phase.
     *
     * @param phase how far it is
     * @throws IllegalStateException it is over
     * @throws MokaException with {@link MokaException#EBUSY}: it is another thread's
     */
    public void enter(Phase phase) {
        if (ended) {
            throw new IllegalStateException("the pause is over");
        }
        Errors.check(enter(phase.ordinal() + 1));
    }

    /**
     * It is over, and the mutators have been woken. A second time it does nothing.
     *
     * @throws IllegalStateException it is another thread's
     */
    @Override
    public void close() {
        if (!ended) {
            Errors.check(end());
            ended = true;
        }
    }

    private static native long enter(int phase);

    private static native long end();
}
