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
#define SIZE 32
typedef char vec __attribute__((vector_size(32), may_alias));
typedef char vec_any __attribute__((vector_size(32), aligned(1), may_alias));
#define MIN(a, b) ((vec)__builtin_ia32_pminub256((a), (b)))
#define EQ(a, b) ((unsigned)__builtin_ia32_cmpb256_mask((a), (b), 0, -1))
#define ZERO(v) ((unsigned)__builtin_ia32_ptestnmb256((v), (v), -1))
#define STOP(a, b) \
    (~(unsigned)__builtin_ia32_cmpb256_mask((a), (b), 0, __builtin_ia32_ptestmb256((a), (a), -1)))
#define STOP_GROUP(low, difference) \
    (~(unsigned)__builtin_ia32_ptestnmb256((difference), (difference), \
                                           __builtin_ia32_ptestmb256((low), (low), -1)))
#define FULL 0xffffffffu
#define LAST_SHORT(d, s, n) \
    do { \
        if ((n) >= 16) { \
            v16 first_ = GET16(s), last_ = GET16((s) + (n)-16); \
            PUT16(d) = first_, PUT16((d) + (n)-16) = last_; \
        } else { \
            copy_below_16(d, s, n); \
        } \
    } while (0)

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
