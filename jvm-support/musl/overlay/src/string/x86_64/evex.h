/* SPDX-License-Identifier: MIT */
/*
 * Included by the functions' own files: they are the variant with AVX-512's
 * instructions on 32-byte vectors, so that it is reached without a jump, behind
 * a look at the processor.  See string_functions.h and variant.h.
 *
 * config.mak keeps the compiler from the registers 0 to 15, after whose use it
 * would need VZEROUPPER; with them it would be as right, and slower.
 */
#pragma GCC target("avx2,bmi,bmi2,avx512vl,avx512bw")

#define NAME(f) f##_evex
#define EQ(a, b) ((unsigned)__builtin_ia32_cmpb256_mask((a), (b), 0, -1))
#define ZERO(v) ((unsigned)__builtin_ia32_ptestnmb256((v), (v), -1))
#define STOP(a, b) \
    (~(unsigned)__builtin_ia32_cmpb256_mask((a), (b), 0, __builtin_ia32_ptestmb256((a), (a), -1)))
#define STOP_GROUP(low, difference) \
    (~(unsigned)__builtin_ia32_ptestnmb256((difference), (difference), \
                                           __builtin_ia32_ptestmb256((low), (low), -1)))

#include "vector32.h"

#include "variant.h"

/*
 * Goes on only if the processor has this variant, else leaves it to the other
 * ones.  Nothing that is made of the three values is computed before that.
 */
#define NEED_EVEX(other, v1, v2, v3) \
    if (__builtin_expect(!__string_evex, 0)) { \
        return __string.other; \
    } \
    __asm__ volatile("" : "+r"(v1), "+r"(v2), "+r"(v3))

/*
 * memcpy() and memmove().  Up to 32 bytes, which every processor copies in
 * words, all is loaded before anything is stored.
 */
static inline __attribute__((always_inline)) void *move(void *to, const void *from, size_t n)
{
    char *d = to;
    const char *s = from;

    if (n > 32) {
        NEED_EVEX(copy(d, s, n), d, s, n);
        return copy_evex(d, s, n);
    }
    if (n < 16) {
        copy_below_16(d, s, n);
    } else {
        uint64_t a = *(const u64_any *)s, b = *(const u64_any *)(s + 8);
        uint64_t c = *(const u64_any *)(s + n - 16), e = *(const u64_any *)(s + n - 8);

        *(u64_any *)d = a, *(u64_any *)(d + 8) = b;
        *(u64_any *)(d + n - 16) = c, *(u64_any *)(d + n - 8) = e;
    }
    return to;
}
