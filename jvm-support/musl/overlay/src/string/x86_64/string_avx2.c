/* SPDX-License-Identifier: MIT */
/*
 * The string functions in 32-byte vectors; see string_functions.h and variant.h.
 */
#pragma GCC target("avx2,bmi,bmi2")

#define NAME(f) f##_avx2
#define EQ(a, b) ((unsigned)__builtin_ia32_pmovmskb256((vec)((a) == (b))))
#define ZERO(v) EQ(v, (vec){0})
#define STOP(a, b) ZERO(MIN((vec)((a) == (b)), (a)))
#define STOP_GROUP(low, difference) (ZERO(low) | (ZERO(difference) ^ FULL))

#include "vector32.h"

#include "variant.h"

const struct string_functions __string_avx2 = STRING_FUNCTIONS_TABLE;
