/* SPDX-License-Identifier: MIT */
package moka;

/**
 * What a page was like when it was asked about.
 *
 * @param frame the physical address of its 4 KiB, divided by 4096; 0 if it is not present, or the
 *     system does not tell
 * @param size bytes that its entry of the page table maps, {@link Moka#PAGE} or
 *     {@link Moka#LARGE_PAGE} or {@link Moka#HUGE_PAGE}; 0 if it is not present
 * @param flags the constants below, added up
 */
public record PageInfo(long frame, long size, int flags) {
    /** It may be read. */
    public static final int READ = 1;
    /** It may be written to. */
    public static final int WRITE = 2;
    /** It may be executed. */
    public static final int EXEC = 4;
    /** Memory is behind it. */
    public static final int PRESENT = 8;
    /** Written to since the last scan that cleared this. */
    public static final int DIRTY = 16;
    /** Read or written likewise. */
    public static final int ACCESSED = 32;
    /** It is of a mapped file. */
    public static final int FILE = 64;
    /** Nothing is behind it yet: the first access finds zeroes. */
    public static final int ZERO = 128;
    /** A write goes through without a page fault. */
    public static final int WRITABLE = 256;

    /* How many longs of a native method's array one of these is. */
    static final int WORDS = 3;

    static PageInfo of(long[] words, int index) {
        int at = index * WORDS;
        return new PageInfo(words[at], words[at + 1], (int) words[at + 2]);
    }

    /**
     * Is memory behind it?
     *
     * @return true if it is present
     */
    public boolean isPresent() {
        return (flags & PRESENT) != 0;
    }

    /**
     * Has it been written to since the last scan that cleared this?
     *
     * @return true if it has
     */
    public boolean isDirty() {
        return (flags & DIRTY) != 0;
    }

    /**
     * Has it been read or written since the last scan that cleared this?
     *
     * @return true if it has
     */
    public boolean isAccessed() {
        return (flags & ACCESSED) != 0;
    }

    /**
     * Is it part of a large or huge page?
     *
     * @return true if it is
     */
    public boolean isLarge() {
        return size > Moka.PAGE;
    }

    /**
     * The flags in one word, as {@code rw-pda-}: readable, writable, executable, present, dirty,
     * accessed, of a file.
     *
     * @return seven characters, each a letter or {@code -}
     */
    public String letters() {
        String all = "rwxpdaf";
        StringBuilder letters = new StringBuilder();
        for (int i = 0; i < all.length(); i++) {
            letters.append((flags >> i & 1) != 0 ? all.charAt(i) : '-');
        }
        return letters.toString();
    }
}
