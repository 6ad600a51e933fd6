/* SPDX-License-Identifier: MIT */
/*
 * memchr(): aligned vectors.  What a vector holds before the beginning is
 * shifted out of its mask; a hit behind the end is none.
 */
#include <string.h>

#include "vector.h"

/* From aligned p to end, which may be anywhere. */
static WITH_AVX2 const char *find_long_avx2(const char *p, const char *end, char c)
{
    v32 wanted = ALL32(c);

    for (; (uintptr_t)end - (uintptr_t)p >= 128 && p < end; p += 128) {
        v32 a = GET32(p) == wanted, b = GET32(p + 32) == wanted;
        v32 e = GET32(p + 64) == wanted, f = GET32(p + 96) == wanted;

        if (MASK32(a | b | e | f)) {
            break;
        }
    }
    for (; p < end; p += 32) {
        unsigned hits = MASK32(GET32(p) == wanted);

        if (hits) {
            return p + __builtin_ctz(hits);
        }
    }
    return end;
}

static const char *find_sse2(const char *p, const char *end, char c)
{
    v16 wanted = ALL16(c);

    for (; p < end; p += 16) {
        unsigned hits = MASK16(GET16(p) == wanted);

        if (hits) {
            return p + __builtin_ctz(hits);
        }
        if (((uintptr_t)p & 31) == 16 && end - p > 128 && (__string_cpu & STRING_AVX2)) {
            return find_long_avx2(p + 16, end, c);
        }
    }
    return end;
}

void *memchr(const void *from, int c, size_t n)
{
    const char *p = from, *aligned = (const char *)((uintptr_t)p & -16ul);
    /* A length beyond the end of memory means "it will be found". */
    const char *end = n > UINTPTR_MAX - (uintptr_t)p ? (const char *)UINTPTR_MAX : p + n;
    unsigned hits;

    if (n == 0) {
        return NULL;
    }
    hits = MASK16(*(const v16 *)aligned == ALL16((char)c)) >> (p - aligned);
    p = hits ? p + __builtin_ctz(hits) : find_sse2(aligned + 16, end, c);
    return p < end ? (void *)p : NULL;
}
