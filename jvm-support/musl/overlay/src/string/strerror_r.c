/* SPDX-License-Identifier: MIT */
/*
 * strerror_r() twice.  musl's header gives its callers POSIX's function under
 * the name __xpg_strerror_r, as glibc's does; the plain name is glibc's own
 * function, which returns the text.  A program that was linked elsewhere with
 * musl would get the wrong one; there are more of glibc's here.
 */
#include <errno.h>
#include <string.h>

int strerror_r(int error, char *buf, size_t size)
{
    const char *text = strerror(error);
    size_t length = strlen(text);

    if (length >= size) {
        if (size) {
            memcpy(buf, text, size - 1);
            buf[size - 1] = 0;
        }
        return ERANGE;
    }
    memcpy(buf, text, length + 1);
    return 0;
}

char *__gnu_strerror_r(int error, char *buf, size_t size) __asm__("strerror_r");
char *__gnu_strerror_r(int error, char *buf, size_t size)
{
    return strerror(error);
}
