/* SPDX-License-Identifier: MIT */
/*
 * memset(); see string_functions.h.
 */
#include <string.h>

#include "evex.h"

void *memset(void *to, int c, size_t n)
{
    char *d = to;
    uint64_t word = (unsigned char)c * 0x0101010101010101ull;

    if (n > 32) {
        NEED_EVEX(set(to, c, n), to, c, n);
        return set_evex(to, c, n);
    }
    if (n >= 16) {
        *(u64_any *)d = word, *(u64_any *)(d + 8) = word;
        *(u64_any *)(d + n - 16) = word, *(u64_any *)(d + n - 8) = word;
    } else if (n >= 8) {
        *(u64_any *)d = word;
        *(u64_any *)(d + n - 8) = word;
    } else if (n >= 4) {
        *(u32_any *)d = word;
        *(u32_any *)(d + n - 4) = word;
    } else if (n >= 2) {
        *(u16_any *)d = word;
        *(u16_any *)(d + n - 2) = word;
    } else if (n == 1) {
        *d = word;
    }
    return to;
}
