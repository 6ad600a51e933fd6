/* SPDX-License-Identifier: MIT */
/*
 * Asks the processor what the string functions may use; see vector.h.
 */
#include <cpuid.h>

#include "moka_string.h"
#include "vector.h"

unsigned __string_cpu;

/* Does the system keep the upper halves of the vector registers?  Intel SDM 1, 14.3. */
static int system_keeps_ymm(void)
{
    unsigned eax, ebx, ecx, edx, low, high;

    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & bit_OSXSAVE)) {
        return 0;
    }
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & 6) == 6; /* SSE and AVX state */
}

void __string_init(void)
{
    unsigned eax, ebx, ecx, edx, found = 0;

    if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) {
        return;
    }
    if ((ebx & bit_AVX2) && system_keeps_ymm()) {
        found |= STRING_AVX2;
    }
    if (ebx & (1u << 9)) {
        found |= STRING_ERMS;
    }
    __string_cpu = found;
}
