/* SPDX-License-Identifier: MIT */
/*
 * What the compiler calls where the base instruction set lacks an
 * instruction.  The kernel is not linked with libgcc, whose code is built
 * with a red zone.
 */
#include <kernel/types.h>

int __popcountdi2(u64 bits);

/* Counts in parallel: pairs, nibbles, bytes, then all bytes by a multiply. */
int __popcountdi2(u64 bits)
{
    bits -= bits >> 1 & 0x5555555555555555ull;
    bits = (bits & 0x3333333333333333ull) + (bits >> 2 & 0x3333333333333333ull);
    bits = (bits + (bits >> 4)) & 0x0f0f0f0f0f0f0f0full;
    return (int)(bits * 0x0101010101010101ull >> 56);
}
