/* SPDX-License-Identifier: MIT */
/*
 * Copies of each length, for memcpy() and memmove().  Up to 128 bytes, all is
 * loaded before anything is stored, so that overlap does not matter; the ends
 * are covered by two operations that overlap each other, without a loop.
 */
#ifndef MOKA_STRING_COPY_H
#define MOKA_STRING_COPY_H

#include "vector.h"

static inline __attribute__((always_inline)) void copy_below_16(char *d, const char *s, size_t n)
{
    if (n >= 8) {
        uint64_t first = *(const u64_any *)s, last = *(const u64_any *)(s + n - 8);

        *(u64_any *)d = first;
        *(u64_any *)(d + n - 8) = last;
    } else if (n >= 4) {
        uint32_t first = *(const u32_any *)s, last = *(const u32_any *)(s + n - 4);

        *(u32_any *)d = first;
        *(u32_any *)(d + n - 4) = last;
    } else if (n >= 2) {
        uint16_t first = *(const u16_any *)s, last = *(const u16_any *)(s + n - 2);

        *(u16_any *)d = first;
        *(u16_any *)(d + n - 2) = last;
    } else if (n == 1) {
        *d = *s;
    }
}

static inline __attribute__((always_inline)) void copy_to_128(char *d, const char *s, size_t n)
{
    v16 a, b, c, e, f, g, h, i;

    if (n < 16) {
        copy_below_16(d, s, n);
    } else if (n <= 32) {
        a = GET16(s), b = GET16(s + n - 16);
        PUT16(d) = a, PUT16(d + n - 16) = b;
    } else if (n <= 64) {
        a = GET16(s), b = GET16(s + 16), c = GET16(s + n - 32), e = GET16(s + n - 16);
        PUT16(d) = a, PUT16(d + 16) = b, PUT16(d + n - 32) = c, PUT16(d + n - 16) = e;
    } else {
        a = GET16(s), b = GET16(s + 16), c = GET16(s + 32), e = GET16(s + 48);
        f = GET16(s + n - 64), g = GET16(s + n - 48), h = GET16(s + n - 32), i = GET16(s + n - 16);
        PUT16(d) = a, PUT16(d + 16) = b, PUT16(d + 32) = c, PUT16(d + 48) = e;
        PUT16(d + n - 64) = f, PUT16(d + n - 48) = g, PUT16(d + n - 32) = h, PUT16(d + n - 16) = i;
    }
}

/* Any length, overlapping or not; not inline, below 128 bytes is done already. */
__attribute__((__visibility__("hidden"))) void *__copy_long(void *d, const void *s, size_t n);

#endif
