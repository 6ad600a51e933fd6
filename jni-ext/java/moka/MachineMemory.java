/* SPDX-License-Identifier: MIT */
package moka;

/**
 * The machine's memory; see {@link Pressure#memory}. All are bytes but {@code shrinks} and
 * {@code shrinkers}. What a system does not know is 0.
 *
 * @param total of the machine, for programs and files; what a balloon has taken is in it
 * @param free held by nobody
 * @param available free, and cached files that can go at once
 * @param zeroed of the free: zeroed ahead
 * @param reported of the free: given back to the host until it is needed
 * @param cache files
 * @param balloon taken by the host for as long as it wants
 * @param balloonWanted how much of that it asks for
 * @param low available memory below which the level is {@link Level#LOW}
 * @param critical available memory below which it is {@link Level#CRITICAL}
 * @param givenByCache given back since the start by cached files, because memory was short
 * @param givenByShrinkers given back since the start by shrinkers, as they said
 * @param shrinks how often shrinkers were asked since the start
 * @param givenToHost given back to the host since the start, again and again
 * @param level how short memory is
 * @param shrinkers how many there are
 */
public record MachineMemory(long total, long free, long available, long zeroed, long reported,
    long cache, long balloon, long balloonWanted, long low, long critical, long givenByCache,
    long givenByShrinkers, long shrinks, long givenToHost, Level level, int shrinkers) {
    /** How short memory is. */
    public enum Level {
        /** Not short. */
        PLENTY,
        /** The shrinkers are asked. */
        LOW,
        /** They are asked again as soon as they have answered. */
        CRITICAL
    }

    /* Longs of a native method's array: the last has the level, and the shrinkers above it. */
    static final int WORDS = 15;

    static MachineMemory of(long[] w) {
        return new MachineMemory(w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7], w[8], w[9], w[10],
            w[11], w[12], w[13], Level.values()[(int) w[14]], (int) (w[14] >> 32));
    }
}
