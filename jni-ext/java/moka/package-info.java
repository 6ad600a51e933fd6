/* SPDX-License-Identifier: MIT */
/**
 * Moka's hooks for memory managers, in Java.
 *
 * <p>{@link moka.Moka} says what there is. {@link moka.MemoryRange} is where most begins: memory is
 * opened as a range, by its address or as a direct buffer, and asked about and changed through
 * that. {@link moka.Memory} allocates memory that begins at a large page.
 *
 * <p><b>Units.</b> Sizes and offsets are in bytes and, where not said otherwise, multiples of
 * {@link moka.Moka#PAGE}; offsets are from the range's start. Times are in nanoseconds.
 *
 * <p><b>Errors.</b> Each misuse has an exception and changes nothing:
 * <ul>
 * <li>{@link IllegalStateException}: the range is closed;
 * <li>{@link IndexOutOfBoundsException}: beyond the range;
 * <li>{@link IllegalArgumentException}: not a multiple of the page, a value that means nothing, a
 *     bitmap that is too small, no memory of the program's own;
 * <li>{@link UnsupportedOperationException}: this system has no such hook, or not for this memory;
 * <li>{@link moka.MokaException}: what else can go wrong, with its number, as that memory is out.
 * </ul>
 *
 * <p><b>Threads.</b> Every method may be called from any thread at any time.
 *
 * <p><b>Danger.</b> The hooks reach the program's own memory only, but all of that. Whoever opens a
 * range by an address can move pages of the Java heap to other places, and so end the JVM.
 */
package moka;
