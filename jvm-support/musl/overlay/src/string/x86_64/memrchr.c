/* SPDX-License-Identifier: MIT */
/*
 * memrchr(), which strrchr() uses too: aligned vectors downward.
 */
#define _GNU_SOURCE
#include <string.h>

#include "vector.h"

void *__memrchr(const void *from, int c, size_t n)
{
    const char *begin = from, *p = (const char *)((uintptr_t)(begin + n) & -16ul);
    v16 wanted = ALL16((char)c);
    unsigned hits, above = (uintptr_t)(begin + n) & 15;

    if (n == 0) {
        return NULL;
    }
    /* The vector that the end is in: only what is below the end. */
    hits = above ? MASK16(*(const v16 *)p == wanted) & ((1u << above) - 1) : 0;
    while (!hits && p > begin) {
        p -= 16;
        hits = MASK16(*(const v16 *)p == wanted);
    }
    if (!hits) {
        return NULL;
    }
    p += 31 - __builtin_clz(hits);
    return p >= begin ? (void *)p : NULL;
}

weak_alias(__memrchr, memrchr);
