/* SPDX-License-Identifier: MIT */
package moka;

/**
 * What a thread is to a collector; see {@link Roles}.
 */
public enum Role {
    /** Of no meaning to a collector. */
    NONE,
    /** Runs the application, and stops for pauses. */
    MUTATOR,
    /** Compiles it; does not stop. */
    COMPILER,
    /** Collects beside the mutators, or in pauses too; in a pause it runs before all others. */
    GC_CONCURRENT,
    /** Collects in pauses only, and runs before mutators at all times. */
    GC_PAUSE,
    /** Conducts the pauses, and runs before mutators at all times. */
    VM;

    private static final Role[] ALL = values();

    static Role of(long number) {
        return ALL[(int) number];
    }
}
