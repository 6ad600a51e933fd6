/* SPDX-License-Identifier: MIT */
package moka;

/**
 * The time of all threads of one role; see {@link Roles#times}. In Moka those that have ended count
 * too.
 *
 * @param threads that live
 * @param running nanoseconds on a processor
 * @param waiting nanoseconds ready to run, without a processor
 */
public record RoleTimes(long threads, long running, long waiting) {
    /* Longs of a native method's array that one of these is. */
    static final int WORDS = 3;
}
