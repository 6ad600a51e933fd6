/* SPDX-License-Identifier: MIT */
/*
 * The functions of struct string_functions, as VARIANT has them; included by
 * string_sse2.c, string_avx2.c and evex.h, which define
 *
 *   NAME(f)     f's name in this variant
 *   SIZE        bytes of a vector
 *   vec, vec_any  its type, aligned and not
 *   MIN(a, b)   the smaller of each two bytes, unsigned: zero where one is
 *   EQ(a, b)    a bit for each byte that is equal in both
 *   ZERO(v)     a bit for each byte that is zero
 *   STOP(a, b)  a bit for each byte that is not equal, or zero
 *   FULL        all those bits
 *   LAST_SHORT(d, s, n)  copies 1 to SIZE bytes
 *
 * A search reads whole vectors, so that it may read past the end of its object
 * but never past a page that the object is in: it begins with an unaligned
 * vector if that is in one page, and goes on with aligned ones.  Not found is a
 * branch, not a choice of values: the caller need not wait for the search.
 */
#include "string_functions.h"

#define GET(p) (*(const vec_any *)(p))
#define PUT(p) (*(vec_any *)(p))

#define PAGE_BYTES 4096u

/* Is all of `size` bytes at p in one page? */
#define IN_PAGE(p, size) (((uintptr_t)(p) & (PAGE_BYTES - 1)) <= PAGE_BYTES - (size))

/* All bytes the same. */
#define SPLAT(c) ((vec){0} + (char)(c))

/* p down to a multiple of `size`. */
#define ALIGN(p, size) ((void *)((uintptr_t)(p) & -(uintptr_t)(size)))

#include "variant_compare.h"
#include "variant_copy.h"
#include "variant_find.h"

/* Uses one of those. */
#include "variant_copy_string.h"
