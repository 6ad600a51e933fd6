/* SPDX-License-Identifier: MIT */
/*
 * strlen(): aligned vectors until one holds the zero; long strings in groups
 * of four.
 */
#include <string.h>

#include "vector.h"

/* From p, aligned to 128. */
static WITH_AVX2 const char *find_end_avx2(const char *p)
{
    v32 zero = {0};

    for (;; p += 128) {
        v32 a = GET32(p), b = GET32(p + 32), c = GET32(p + 64), e = GET32(p + 96);
        /* The smallest of each four: zero if one is. */
        v32 low = (v32)__builtin_ia32_pminub256(a, b), high = (v32)__builtin_ia32_pminub256(c, e);

        if (MASK32((v32)__builtin_ia32_pminub256(low, high) == zero)) {
            break;
        }
    }
    for (;; p += 32) {
        unsigned hits = MASK32(GET32(p) == zero);

        if (hits) {
            return p + __builtin_ctz(hits);
        }
    }
}

size_t strlen(const char *s)
{
    const char *p = (const char *)((uintptr_t)s & -16ul);
    v16 zero = {0};
    unsigned hits = MASK16(*(const v16 *)p == zero) >> (s - p);

    if (hits) {
        return __builtin_ctz(hits);
    }
    for (;;) {
        p += 16;
        if (((uintptr_t)p & 127) == 0 && (__string_cpu & STRING_AVX2)) {
            return find_end_avx2(p) - s;
        }
        hits = MASK16(*(const v16 *)p == zero);
        if (hits) {
            return p - s + __builtin_ctz(hits);
        }
    }
}
