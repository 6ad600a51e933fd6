/* SPDX-License-Identifier: MIT */
/**
 * Moka's hooks for memory managers: the page tables of the program's own memory, remapping of
 * pages, large pages, the scheduling of the JVM's threads, and the machine's memory.
 *
 * <p>Begin with {@link moka.Moka}. The module needs {@code java.base} only, and no option of the
 * JVM. It works on Linux too, where {@link moka.Moka#isPresent()} is false.
 */
module moka {
    exports moka;
}
