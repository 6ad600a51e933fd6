/* SPDX-License-Identifier: MIT */
/*
 * memcpy(); see string_functions.h.  Up to 32 bytes, which every processor
 * copies in words, all is loaded before anything is stored.
 */
#include <string.h>

#include "evex.h"

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
    char *d = to;
    const char *s = from;

    if (n > 32) {
        NEED_EVEX(copy(d, s, n), d, s, n);
        return copy_evex(d, s, n);
    }
    if (n < 16) {
        copy_below_16(d, s, n);
    } else {
        uint64_t a = *(const u64_any *)s, b = *(const u64_any *)(s + 8);
        uint64_t c = *(const u64_any *)(s + n - 16), e = *(const u64_any *)(s + n - 8);

        *(u64_any *)d = a, *(u64_any *)(d + 8) = b;
        *(u64_any *)(d + n - 16) = c, *(u64_any *)(d + n - 8) = e;
    }
    return to;
}
