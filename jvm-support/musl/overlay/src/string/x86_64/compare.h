/* SPDX-License-Identifier: MIT */
/*
 * strcmp() and strncmp(): 16 bytes of each at once, wherever they begin, unless
 * one of them would reach into a next page, which may not be there: then byte
 * by byte across the edge.
 */
#ifndef MOKA_STRING_COMPARE_H
#define MOKA_STRING_COMPARE_H

#include "vector.h"

static inline int in_page(const void *p, size_t size)
{
    return ((uintptr_t)p & (STRING_PAGE - 1)) <= STRING_PAGE - size;
}

/* n is the most that is compared. */
static inline __attribute__((always_inline)) int compare_strings(const unsigned char *a,
                                                                 const unsigned char *b, size_t n)
{
    const v16 zero = {0};

    while (n) {
        if (__builtin_expect(in_page(a, 16) && in_page(b, 16), 1)) {
            v16 va = GET16(a);
            /* A bit where they differ, or the first ends. */
            unsigned stop = MASK16((va == GET16(b)) & (va != zero)) ^ 0xffff;

            if (stop) {
                unsigned i = __builtin_ctz(stop);

                return i < n ? a[i] - b[i] : 0;
            }
            if (n <= 16) {
                return 0;
            }
            a += 16, b += 16, n -= 16;
        } else {
            if (*a != *b || !*a) {
                return *a - *b;
            }
            a++, b++, n--;
        }
    }
    return 0;
}

#endif
