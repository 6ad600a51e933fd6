/* SPDX-License-Identifier: MIT */
/*
 * memcmp(); see string_functions.h.  Short ones are compared as big-endian
 * numbers.
 */
#include <string.h>

#include "evex.h"

static inline int compare_u64(uint64_t a, uint64_t b)
{
    a = __builtin_bswap64(a), b = __builtin_bswap64(b);
    return a < b ? -1 : a > b;
}

static inline int compare_below_16(const unsigned char *a, const unsigned char *b, size_t n)
{
    if (n >= 8) {
        int order = compare_u64(*(const u64_any *)a, *(const u64_any *)b);

        return order ? order
                     : compare_u64(*(const u64_any *)(a + n - 8), *(const u64_any *)(b + n - 8));
    }
    if (n >= 4) {
        uint64_t x = (uint64_t) * (const u32_any *)a | (uint64_t) * (const u32_any *)(a + n - 4)
                                                           << 32;
        uint64_t y = (uint64_t) * (const u32_any *)b | (uint64_t) * (const u32_any *)(b + n - 4)
                                                           << 32;

        return compare_u64(x, y);
    }
    for (; n; n--, a++, b++) {
        if (*a != *b) {
            return *a - *b;
        }
    }
    return 0;
}

#define UNEQUAL_WORD(at) \
    do { \
        if (*(const u64_any *)(a + (at)) != *(const u64_any *)(b + (at))) { \
            return compare_u64(*(const u64_any *)(a + (at)), *(const u64_any *)(b + (at))); \
        } \
    } while (0)

int memcmp(const void *left, const void *right, size_t n)
{
    const unsigned char *a = left, *b = right;

    if (n > 32) {
        NEED_EVEX(compare_memory(a, b, n), a, b, n);
        return compare_memory_evex(a, b, n);
    }
    if (n < 16) {
        return compare_below_16(a, b, n);
    }
    UNEQUAL_WORD(0);
    UNEQUAL_WORD(8);
    UNEQUAL_WORD(n - 16);
    UNEQUAL_WORD(n - 8);
    return 0;
}
