/* SPDX-License-Identifier: MIT */
/*
 * strchrnul(), which strchr() uses too: aligned vectors until one holds the
 * character or the zero.
 */
#define _GNU_SOURCE
#include <string.h>

#include "vector.h"

/* From aligned p. */
static WITH_AVX2 char *find_either_avx2(const char *p, char c)
{
    v32 wanted = ALL32(c), zero = {0};

    for (;; p += 32) {
        v32 v = GET32(p);
        unsigned hits = MASK32((v == wanted) | (v == zero));

        if (hits) {
            return (char *)p + __builtin_ctz(hits);
        }
    }
}

char *__strchrnul(const char *s, int c)
{
    const char *p = (const char *)((uintptr_t)s & -16ul);
    v16 wanted = ALL16((char)c), zero = {0}, v = *(const v16 *)p;
    unsigned hits = MASK16((v == wanted) | (v == zero)) >> (s - p);

    if (hits) {
        return (char *)s + __builtin_ctz(hits);
    }
    for (;;) {
        p += 16;
        if (((uintptr_t)p & 63) == 0 && (__string_cpu & STRING_AVX2)) {
            return find_either_avx2(p, c);
        }
        v = *(const v16 *)p;
        hits = MASK16((v == wanted) | (v == zero));
        if (hits) {
            return (char *)p + __builtin_ctz(hits);
        }
    }
}

weak_alias(__strchrnul, strchrnul);
