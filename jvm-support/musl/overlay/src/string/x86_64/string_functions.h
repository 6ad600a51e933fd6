/* SPDX-License-Identifier: MIT */
/*
 * What the string functions of this folder share.  They replace musl's (byte
 * loops, words of eight bytes, backward `rep movs`), which are up to 25 times
 * slower than glibc's.
 *
 * There are three variants of each, from the same source, as variant.h says:
 *
 *   sse2   16-byte vectors, which every x86-64 has
 *   avx2   32-byte vectors
 *   evex   the same with AVX-512's instructions on the registers 16 to 31,
 *          which need no VZEROUPPER at the end: a third of a short call's time
 *
 * The functions are the last one, and jump to one of the others through the
 * pointers below where the processor lacks it, or __string_init() has not yet
 * run.  Rejected: choosing by IFUNC (a static program would need its own code
 * for such relocations, and the loader itself could not use the functions), and 64-byte vectors
 * (they lower the clock of older processors; the gain is small).
 */
#ifndef MOKA_STRING_FUNCTIONS_H
#define MOKA_STRING_FUNCTIONS_H

#include <stddef.h>
#include <stdint.h>

#define STRING_HIDDEN __attribute__((__visibility__("hidden")))

struct string_functions {
    void *(*copy)(void *to, const void *from, size_t n);           /* memmove, n > 32 */
    void *(*set)(void *to, int c, size_t n);                       /* memset, n > 32 */
    int (*compare_memory)(const void *a, const void *b, size_t n); /* memcmp, n > 32 */
    void *(*find_byte)(const void *p, int c, size_t n);            /* memchr, n > 0 */
    void *(*find_last_byte)(const void *p, int c, size_t n);       /* memrchr, n > 0 */
    size_t (*length)(const char *s);                               /* strlen */
    char *(*find_char)(const char *s, int c);                      /* strchr */
    char *(*find_char_or_end)(const char *s, int c);               /* strchrnul */
    char *(*find_last_char)(const char *s, int c);                 /* strrchr */
    int (*compare)(const char *a, const char *b);                  /* strcmp */
    int (*compare_n)(const char *a, const char *b, size_t n);      /* strncmp */
    char *(*copy_string)(char *to, const char *from);              /* strcpy */
    char *(*copy_string_end)(char *to, const char *from);          /* stpcpy */
};

/* The ones in use. */
extern STRING_HIDDEN struct string_functions __string;
extern STRING_HIDDEN const struct string_functions __string_avx2;

/* Does the processor have what the third variant needs? */
extern STRING_HIDDEN int __string_evex;

/* Are `rep movsb` and `rep stosb` fast? */
extern STRING_HIDDEN int __string_rep;

/* From here on they gain more than they cost to begin. */
#define STRING_REP_COPY 4096
#define STRING_REP_SET 2049

/* string_stream.c.  From here on no cache holds it; copies of what does not overlap. */
#define STRING_STREAM (32ul << 20)
STRING_HIDDEN void __string_copy_stream(char *d, const char *s, size_t n);
STRING_HIDDEN void __string_set_stream(char *d, int c, size_t n);

typedef uint16_t u16_any __attribute__((aligned(1), may_alias));
typedef uint32_t u32_any __attribute__((aligned(1), may_alias));
typedef uint64_t u64_any __attribute__((aligned(1), may_alias));
typedef char v16 __attribute__((vector_size(16), may_alias));
typedef char v16_any __attribute__((vector_size(16), aligned(1), may_alias));

#define GET16(p) (*(const v16_any *)(p))
#define PUT16(p) (*(v16_any *)(p))

/* One bit for each byte of a comparison. */
#define MASK16(v) ((unsigned)__builtin_ia32_pmovmskb128((v16)(v)))

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

#endif
