/* SPDX-License-Identifier: MIT */
/* What the two variants with 32-byte vectors share: string_avx2.c and evex.h; see variant.h. */
#define SIZE 32
typedef char vec __attribute__((vector_size(32), may_alias));
typedef char vec_any __attribute__((vector_size(32), aligned(1), may_alias));
#define MIN(a, b) ((vec)__builtin_ia32_pminub256((a), (b)))
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
