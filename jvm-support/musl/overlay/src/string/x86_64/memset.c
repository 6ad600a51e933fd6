/* SPDX-License-Identifier: MIT */
/*
 * memset(): as memcpy() with nothing to load; see vector.h and copy.h.
 */
#include <string.h>

#include "vector.h"

static inline __attribute__((always_inline)) void set_below_16(char *d, uint64_t word, size_t n)
{
    if (n >= 8) {
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
}

static void set_long_sse2(char *d, v16 v, size_t n)
{
    char *end = d + n;

    PUT16(d) = v;
    for (d = (char *)(((uintptr_t)d + 16) & -16ul); d < end - 64; d += 64) {
        PUT16(d) = v, PUT16(d + 16) = v, PUT16(d + 32) = v, PUT16(d + 48) = v;
    }
    PUT16(end - 64) = v, PUT16(end - 48) = v, PUT16(end - 32) = v, PUT16(end - 16) = v;
}

static WITH_AVX2 void set_long_avx2(char *d, char c, size_t n)
{
    char *end = d + n;
    v32 v = ALL32(c);

    PUT32(d) = v;
    for (d = (char *)(((uintptr_t)d + 32) & -32ul); d < end - 128; d += 128) {
        PUT32(d) = v, PUT32(d + 32) = v, PUT32(d + 64) = v, PUT32(d + 96) = v;
    }
    PUT32(end - 128) = v, PUT32(end - 96) = v, PUT32(end - 64) = v, PUT32(end - 32) = v;
}

static __attribute__((noinline)) void *set_long(char *d, int c, size_t n)
{
    void *p = d;

    if (n >= STRING_REP_SET && (__string_cpu & STRING_ERMS)) {
        __asm__ volatile("rep stosb" : "+D"(p), "+c"(n) : "a"(c) : "memory");
    } else if (__string_cpu & STRING_AVX2) {
        set_long_avx2(d, c, n);
    } else {
        set_long_sse2(d, ALL16((char)c), n);
    }
    return d;
}

void *memset(void *to, int c, size_t n)
{
    char *d = to;
    uint64_t word = (unsigned char)c * 0x0101010101010101ull;
    v16 v = (v16)(__attribute__((vector_size(16))) uint64_t){word, word};

    if (n > 128) {
        return set_long(d, c, n);
    }
    if (n < 16) {
        set_below_16(d, word, n);
        return to;
    }
    PUT16(d) = v, PUT16(d + n - 16) = v;
    if (n > 32) {
        PUT16(d + 16) = v, PUT16(d + n - 32) = v;
    }
    if (n > 64) {
        PUT16(d + 32) = v, PUT16(d + 48) = v, PUT16(d + n - 64) = v, PUT16(d + n - 48) = v;
    }
    return to;
}
