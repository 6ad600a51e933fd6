/* SPDX-License-Identifier: MIT */
package moka;

/* Exceptions of the negative numbers that native methods return. */
final class Errors {
    private static final int EPERM = 1, ESRCH = 3, ENXIO = 6, EBADF = 9, EAGAIN = 11, ENOMEM = 12,
        EFAULT = 14, EBUSY = 16, EINVAL = 22, EMFILE = 24, ENOSPC = 28, ERANGE = 34, ENOSYS = 38,
        EOPNOTSUPP = 95;

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
        case EPERM:
            return new IllegalStateException("not the calling thread's");
        case ERANGE:
            return new IndexOutOfBoundsException("beyond the range");
        case EINVAL:
            return new IllegalArgumentException(
                "not a multiple of the page, not a value that is known, or not the program's memory");
        case ENOSPC:
            return new IllegalArgumentException("the bitmap is too small");
        case ESRCH:
            return new IllegalArgumentException("no such thread");
        case ENOSYS:
            return new UnsupportedOperationException(
                Moka.isAvailable() ? "this system has no such hook" : Moka.describe());
        case EOPNOTSUPP:
            return new UnsupportedOperationException("not of this memory, or not on this system");
        default:
            return new MokaException(describe(errno), errno);
        }
    }

    private static String describe(int errno) {
        switch (errno) {
        case ENOMEM:
            return "nothing is mapped there, or memory is out";
        case ENXIO:
            return "not mapped, or only in part";
        case EMFILE:
            return "too many of them are open";
        case EFAULT:
            return "no such memory";
        case EBUSY:
            return "in use";
        case EAGAIN:
            return "no thread could be started";
        default:
            return "error " + errno;
        }
    }
}
