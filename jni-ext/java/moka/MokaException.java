/* SPDX-License-Identifier: MIT */
package moka;

/**
 * A hook could not do what was asked, for a reason that is not a mistake of the caller's: as that
 * memory is out.
 */
public class MokaException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** What {@link #errno()} is if memory is out, or nothing is mapped there any more. */
    public static final int ENOMEM = 12;

    /** What {@link #errno()} is if a place is not mapped, or only in part. */
    public static final int ENXIO = 6;
    /** What {@link #errno()} is if something else is using what is wanted. */
    public static final int EBUSY = 16;
    /** What {@link #errno()} is if too many are open. */
    public static final int EMFILE = 24;

    /** Linux's number of the error. */
    private final int errno;

    /**
     * An exception of that number.
     *
     * @param message what has happened
     * @param errno Linux's number of the error, above 0
     */
    public MokaException(String message, int errno) {
        super(message);
        this.errno = errno;
    }

    /**
     * Which error it is.
     *
     * @return Linux's number of it, above 0
     */
    public int errno() {
        return errno;
    }
}
