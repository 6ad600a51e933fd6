/* SPDX-License-Identifier: MIT */
package moka;

/* Exceptions of the negative numbers that native methods return. */
final class Errors {
    private static final int EBADF = 9, ENOMEM = 12, EFAULT = 14, EBUSY = 16, EINVAL = 22,
        EMFILE = 24, ENOSPC = 28, ERANGE = 34, ENOSYS = 38, EOPNOTSUPP = 95;

    private Errors() {
    }

    static long check(long result) {
        if (result < 0) {
            throw of((int) -result);
        }
        return result;
    }

    static RuntimeException of(int errno) {
        switch (errno) {
        case EBADF:
            return new IllegalStateException("the range is closed");
        case ERANGE:
            return new IndexOutOfBoundsException("beyond the range");
        case EINVAL:
            return new IllegalArgumentException(
                "not a multiple of the page, not a value that is known, or not the program's memory");
        case ENOSPC:
            return new IllegalArgumentException("the bitmap is too small");
        case ENOSYS:
            return new UnsupportedOperationException(
                Moka.isAvailable() ? "this system has no such hook" : Moka.describe());
        case EOPNOTSUPP:
            return new UnsupportedOperationException("not of this memory, or not on this system");
        case ENOMEM:
            return new MokaException("nothing is mapped there, or memory is out", errno);
        case EMFILE:
            return new MokaException("too many of them are open", errno);
        case EFAULT:
            return new MokaException("no such memory", errno);
        case EBUSY:
            return new MokaException("in use", errno);
        default:
            return new MokaException("error " + errno, errno);
        }
    }
}
