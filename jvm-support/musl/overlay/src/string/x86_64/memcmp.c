/* SPDX-License-Identifier: MIT */
/*
 * memcmp(): vectors until two differ, the last one overlapping the one before.
 * Short ones are compared as big-endian numbers.
 */
#include <string.h>

#include "vector.h"

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

/* The bytes where a vector's comparison is not equal. */
static inline int difference(const unsigned char *a, const unsigned char *b, unsigned unequal)
{
    unsigned i = __builtin_ctz(unequal);

    return a[i] - b[i];
}

static WITH_AVX2 int compare_long_avx2(const unsigned char *a, const unsigned char *b, size_t n)
{
    unsigned unequal;

    for (; n > 128; a += 128, b += 128, n -= 128) {
        v32 all = (v32)(GET32(a) == GET32(b)) & (v32)(GET32(a + 32) == GET32(b + 32)) &
                  (v32)(GET32(a + 64) == GET32(b + 64)) & (v32)(GET32(a + 96) == GET32(b + 96));
        if (~MASK32(all)) {
            break;
        }
    }
    for (; n > 32; a += 32, b += 32, n -= 32) {
        if ((unequal = ~MASK32(GET32(a) == GET32(b)))) {
            return difference(a, b, unequal);
        }
    }
    a -= 32 - n, b -= 32 - n;
    unequal = ~MASK32(GET32(a) == GET32(b));
    return unequal ? difference(a, b, unequal) : 0;
}

int memcmp(const void *left, const void *right, size_t n)
{
    const unsigned char *a = left, *b = right;
    unsigned unequal;

    if (n < 16) {
        return compare_below_16(a, b, n);
    }
    for (size_t done = 0; n > 16; a += 16, b += 16, n -= 16, done += 16) {
        if ((unequal = MASK16(GET16(a) == GET16(b)) ^ 0xffff)) {
            return difference(a, b, unequal);
        }
        if (done == 48 && n > 64 && (__string_cpu & STRING_AVX2)) {
            return compare_long_avx2(a, b, n);
        }
    }
    a -= 16 - n, b -= 16 - n;
    unequal = MASK16(GET16(a) == GET16(b)) ^ 0xffff;
    return unequal ? difference(a, b, unequal) : 0;
}
