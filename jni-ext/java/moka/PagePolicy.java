/* SPDX-License-Identifier: MIT */
package moka;

/**
 * What pages some memory shall have; see {@link MemoryRange#policy}. A policy belongs to what is
 * mapped now: a new mapping in the same place begins with {@link #DEFAULT}.
 */
public enum PagePolicy {
    /** Pages of 2 MiB wherever they fit and memory is not scarce. */
    DEFAULT,
    /**
     * No pages of that size or larger, now or ever after. What is larger is split at once; the rest
     * of the address space keeps its pages.
     */
    REFUSE,
    /**
     * Pages of that size wherever they fit, to the last free one; else smaller ones. Nothing that is
     * there changes: the next access to an empty place, or {@link MemoryRange#populate}, finds large
     * pages if there are any.
     */
    PREFER,
    /**
     * All of that size, from now on. The memory must begin at a multiple of the size, be so many
     * whole pages, and be private memory of one kind without a file. The call itself backs every
     * page and promotes what is smaller, so there is no access later that could find no memory. If
     * there are not so many pages it fails, and the policy is as it was. The system does not split
     * such pages; {@link MemoryRange#discard}, {@link MemoryRange#split} and
     * {@link MemoryRange#demote} do what they say.
     */
    REQUIRE
}
