/* SPDX-License-Identifier: MIT */
/*
 * The string functions in 32-byte vectors; see string_functions.h and variant.h.
 */
#pragma GCC target("avx2,bmi,bmi2")

#define NAME(f) f##_avx2
#define SIZE 32
typedef char vec __attribute__((vector_size(32), may_alias));
typedef char vec_any __attribute__((vector_size(32), aligned(1), may_alias));
#define MIN(a, b) ((vec)__builtin_ia32_pminub256((a), (b)))
#define EQ(a, b) ((unsigned)__builtin_ia32_pmovmskb256((vec)((a) == (b))))
#define ZERO(v) EQ(v, (vec){0})
#define STOP(a, b) ZERO(MIN((vec)((a) == (b)), (a)))
#define STOP_GROUP(low, difference) (ZERO(low) | (ZERO(difference) ^ FULL))
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

const struct string_functions __string_avx2 = STRING_FUNCTIONS_TABLE;
