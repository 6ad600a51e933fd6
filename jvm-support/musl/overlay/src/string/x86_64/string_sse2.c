/* SPDX-License-Identifier: MIT */
/*
 * The string functions in 16-byte vectors, and the choice between the variants;
 * see string_functions.h and variant.h.
 */
#include <cpuid.h>

#define NAME(f) f##_sse2
#define SIZE 16
typedef char vec __attribute__((vector_size(16), may_alias));
typedef char vec_any __attribute__((vector_size(16), aligned(1), may_alias));
#define MIN(a, b) ((vec)__builtin_ia32_pminub128((a), (b)))
#define EQ(a, b) ((unsigned)__builtin_ia32_pmovmskb128((vec)((a) == (b))))
#define ZERO(v) EQ(v, (vec){0})
#define STOP(a, b) ZERO(MIN((vec)((a) == (b)), (a)))
#define STOP_GROUP(low, difference) (ZERO(low) | (ZERO(difference) ^ FULL))
#define FULL 0xffffu
#define LAST_SHORT(d, s, n) \
    do { \
        if ((n) == 16) { \
            PUT(d) = GET(s); \
        } else { \
            copy_below_16(d, s, n); \
        } \
    } while (0)

#include "moka_string.h"
#include "variant.h"

struct string_functions __string = STRING_FUNCTIONS_TABLE;
int __string_rep, __string_evex;

/* Which vector registers the system keeps: XCR0; Intel SDM 1, 13.3 and 14.3. */
static unsigned kept_registers(void)
{
    unsigned eax, ebx, ecx, edx;

    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & bit_OSXSAVE)) {
        return 0;
    }
    __asm__("xgetbv" : "=a"(eax), "=d"(edx) : "c"(0));
    return eax;
}

void __string_init(void)
{
    const unsigned avx2 = bit_AVX2 | bit_BMI | bit_BMI2, evex = bit_AVX512VL | bit_AVX512BW;
    const unsigned erms = 1u << 9;
    unsigned eax, ebx, ecx, edx, kept = kept_registers();

    if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) {
        return;
    }
    __string_rep = (ebx & erms) != 0;
    if ((ebx & avx2) != avx2 || (kept & 6) != 6) {
        return;
    }
    __string = __string_avx2;
    __string_evex = (ebx & evex) == evex && (kept & 0xe6) == 0xe6;
}
