/* SPDX-License-Identifier: MIT */
package suite;

/**
 * One kind of work, as one thread does it: each thread has an object of its own.
 *
 * <p>All operations do the same from the same input, which is generated from a
 * fixed seed, so that the checksum of their result is known.  What an operation
 * leaves behind for the next one must not change that result.
 */
public interface Workload {
    /** Generates the input.  Called once, before any thread has begun. */
    void setUp(Setting setting) throws Exception;

    /** What is measured: does the work once and gives the checksum of its result. */
    long operation() throws Exception;

    /** The check: what {@link #operation} must give. */
    long expected();

    /** Gives back what is not memory.  Called once, when all threads have ended. */
    default void tearDown() throws Exception {}
}
