/* SPDX-License-Identifier: MIT */
/*
 * What the string functions of this folder share.  They replace musl's (byte
 * loops, words of eight bytes, backward `rep movs`), which are up to 25 times
 * slower than glibc's.
 *
 * Short inputs, which most are, take 16-byte SSE2 operations that every x86-64
 * has.  Long ones look at string_cpu, once, and go on with 32-byte vectors or
 * `rep movsb` where the processor is good at them.  Rejected: choosing whole
 * functions by IFUNC (musl's loader has no such relocations, and a short call
 * would pay for an indirect jump), and 64-byte vectors (they lower the clock
 * of older processors; the gain is small).
 *
 * A search reads whole aligned vectors, so that it may read past the end of
 * its object but never past a page that the object is in.
 */
#ifndef MOKA_STRING_VECTOR_H
#define MOKA_STRING_VECTOR_H

#include <stddef.h>
#include <stdint.h>

#define STRING_AVX2 1u /* and the system keeps its registers */
#define STRING_ERMS 2u /* fast `rep movsb` and `rep stosb` */

/* Zero, the plain vectors, until __string_init() has asked the processor. */
extern __attribute__((__visibility__("hidden"))) unsigned __string_cpu;

/* From here on `rep movsb` and `rep stosb` gain more than they cost to begin. */
#define STRING_REP_COPY 4096
#define STRING_REP_SET 2048

#define STRING_PAGE 4096u

typedef uint16_t u16_any __attribute__((aligned(1), may_alias));
typedef uint32_t u32_any __attribute__((aligned(1), may_alias));
typedef uint64_t u64_any __attribute__((aligned(1), may_alias));
typedef char v16 __attribute__((vector_size(16), may_alias));
typedef char v16_any __attribute__((vector_size(16), aligned(1), may_alias));
typedef char v32 __attribute__((vector_size(32), may_alias));
typedef char v32_any __attribute__((vector_size(32), aligned(1), may_alias));

#define GET16(p) (*(const v16_any *)(p))
#define PUT16(p) (*(v16_any *)(p))
#define GET32(p) (*(const v32_any *)(p))
#define PUT32(p) (*(v32_any *)(p))

/* One bit for each byte of a comparison. */
#define MASK16(v) ((unsigned)__builtin_ia32_pmovmskb128((v16)(v)))
#define MASK32(v) ((unsigned)__builtin_ia32_pmovmskb256((v32)(v)))

#define ALL16(c) \
    ((v16){(c), (c), (c), (c), (c), (c), (c), (c), (c), (c), (c), (c), (c), (c), (c), (c)})
#define ALL32(c) \
    ((v32){(c), (c), (c), (c), (c), (c), (c), (c), (c), (c), (c), (c), (c), (c), (c), (c), \
           (c), (c), (c), (c), (c), (c), (c), (c), (c), (c), (c), (c), (c), (c), (c), (c)})

#define WITH_AVX2 __attribute__((target("avx2"), noinline))

#endif
