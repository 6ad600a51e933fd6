/* SPDX-License-Identifier: MIT */
package moka;

/**
 * What there is of the hooks on this system.
 *
 * <p>In Moka they are the kernel's own. On Linux {@link #isPresent()} is false, and the native library
 * does the same by Linux's system calls as far as these allow: {@link #isAvailable()} is true and the
 * groups that {@link #has} names work, more slowly and with what {@code docs/gc-hooks.md} says is
 * missing; what a Linux is too old for throws {@link UnsupportedOperationException}.
 */
public final class Moka {
    /** Bytes of a page: the smallest unit of all that is done to memory. */
    public static final int PAGE = 4096;
    /** Bytes of a large page: 2 MiB. */
    public static final int LARGE_PAGE = 2 << 20;
    /** Bytes of a huge page: 1 GiB. */
    public static final int HUGE_PAGE = 1 << 30;

    /** Groups of hooks, which a system has or has not. */
    public enum Group {
        /** {@link MemoryRange}: queries, scans, {@code split}, {@code join}. */
        PAGES,
        /** {@link MemoryRange}: {@code policy}, {@code populate}, {@code promote}, {@code demote},
         * {@code discard}, {@code stats}. */
        LARGE_PAGES,
        /** {@link Remap}: {@code swap}, {@code move}, {@code alias}, {@code slide}. */
        REMAP,
        /** {@link Roles} and {@link Pause}. */
        ROLES,
        /** {@link Pressure}: levels, shrinkers, the machine's memory. */
        PRESSURE
    }

    private Moka() {
    }

    /**
     * Is this Moka?
     *
     * @return true if the hooks are there, and are the kernel's own
     */
    public static boolean isPresent() {
        return Native.KIND == Native.KIND_MOKA;
    }

    /**
     * Are there hooks, Moka's or those for Linux?
     *
     * @return true if some group works; false if the native library could not be loaded
     */
    public static boolean isAvailable() {
        return Native.KIND != Native.KIND_NONE;
    }

    /**
     * Is there a group of hooks?
     *
     * @param group which
     * @return true if it works here; if not, its methods throw
     *     {@link UnsupportedOperationException}
     */
    public static boolean has(Group group) {
        return (Native.GROUPS >> group.ordinal() & 1) != 0;
    }

    /**
     * The version of the hooks.
     *
     * @return 1 or more, or 0 if there are none
     */
    public static int version() {
        return Native.VERSION;
    }

    /**
     * Says in a few words what hooks these are, or why there are none.
     *
     * @return a line for people
     */
    public static String describe() {
        switch (Native.KIND) {
        case Native.KIND_MOKA:
            return "Moka's hooks, version " + version();
        case Native.KIND_LINUX:
            return "hooks by Linux's system calls, version " + version();
        default:
            return "no hooks, " + Native.WHY;
        }
    }
}
