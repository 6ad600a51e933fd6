/* SPDX-License-Identifier: MIT */
/*
 * Searches for a byte or the end; see variant.h.  A vector at the beginning,
 * four aligned ones each by itself, which is the end of most searches, then
 * groups of four at addresses aligned to all.
 */

/* The hits of the first vector, at s. */
#define FIRST_HITS(s, hits_of) \
    (IN_PAGE(s, SIZE) ? hits_of(GET(s)) \
                      : hits_of(*(vec *)ALIGN(s, SIZE)) >> ((uintptr_t)(s) & (SIZE - 1)))

/*
 * A search without a length: returns from the function with RESULT(where).  In
 * low_of(v) a byte is zero where v has a hit.
 */
#define SEARCH(s, hits_of, low_of, RESULT) \
    do { \
        const char *p_; \
        unsigned hits_ = FIRST_HITS(s, hits_of); \
        if (hits_) { \
            RESULT((s) + __builtin_ctz(hits_)); \
        } \
        p_ = (const char *)ALIGN((s) + SIZE, SIZE); \
        for (int i_ = 0; i_ < 4; i_++, p_ += SIZE) { \
            if ((hits_ = hits_of(*(vec *)p_))) { \
                RESULT(p_ + __builtin_ctz(hits_)); \
            } \
        } \
        for (p_ = (const char *)ALIGN(p_, 4 * SIZE);; p_ += 4 * SIZE) { \
            vec a_ = low_of(*(vec *)p_), b_ = low_of(*(vec *)(p_ + SIZE)); \
            vec c_ = low_of(*(vec *)(p_ + 2 * SIZE)), d_ = low_of(*(vec *)(p_ + 3 * SIZE)); \
            vec ab_ = MIN(a_, b_); \
            if (ZERO(MIN(ab_, MIN(c_, d_)))) { \
                if ((hits_ = ZERO(a_))) { \
                    RESULT(p_ + __builtin_ctz(hits_)); \
                } \
                if ((hits_ = ZERO(ab_))) { \
                    RESULT(p_ + SIZE + __builtin_ctz(hits_)); \
                } \
                if ((hits_ = ZERO(c_))) { \
                    RESULT(p_ + 2 * SIZE + __builtin_ctz(hits_)); \
                } \
                RESULT(p_ + 3 * SIZE + __builtin_ctz(ZERO(d_))); \
            } \
        } \
    } while (0)

#define SAME(v) (v)
#define LENGTH_TO(where) return (where)-s
static size_t NAME(length)(const char *s)
{
    SEARCH(s, ZERO, SAME, LENGTH_TO);
}

/* Zero where v is the character or zero. */
#define EITHER(v) MIN((v) ^ wanted, (v))
#define EITHER_HITS(v) ZERO(EITHER(v))
#define WHERE(where) return (char *)(where)
static char *NAME(find_char_or_end)(const char *s, int c)
{
    vec wanted = SPLAT(c);

    SEARCH(s, EITHER_HITS, EITHER, WHERE);
}

#define WHERE_OR_NULL(where) \
    do { \
        const char *found_ = (where); \
        if (*found_ != (char)c) { \
            return NULL; \
        } \
        __asm__(""); /* a branch */ \
        return (char *)found_; \
    } while (0)
static char *NAME(find_char)(const char *s, int c)
{
    vec wanted = SPLAT(c);

    SEARCH(s, EITHER_HITS, EITHER, WHERE_OR_NULL);
}

#define RETURN_IF_BEFORE_END(where) \
    do { \
        const char *found_ = (where); \
        if (found_ >= end) { \
            return NULL; \
        } \
        __asm__(""); /* a branch */ \
        return (void *)found_; \
    } while (0)
static void *NAME(find_byte)(const void *from, int c, size_t n)
{
    const char *s = from, *p;
    /* A length beyond the end of memory means "it will be found". */
    const char *end = n > UINTPTR_MAX - (uintptr_t)s ? (const char *)UINTPTR_MAX : s + n;
    vec wanted = SPLAT(c);
#define BYTE_HITS(v) EQ(v, wanted)
    unsigned hits = FIRST_HITS(s, BYTE_HITS);

    if (hits) {
        RETURN_IF_BEFORE_END(s + __builtin_ctz(hits));
    }
    p = ALIGN(s + SIZE, SIZE);
    for (int i = 0; i < 4; i++, p += SIZE) {
        if (p >= end) {
            return NULL;
        }
        if ((hits = BYTE_HITS(*(vec *)p))) {
            RETURN_IF_BEFORE_END(p + __builtin_ctz(hits));
        }
    }
    for (p = ALIGN(p, 4 * SIZE); p < end; p += 4 * SIZE) {
        vec a = *(vec *)p ^ wanted, b = *(vec *)(p + SIZE) ^ wanted;
        vec e = *(vec *)(p + 2 * SIZE) ^ wanted, f = *(vec *)(p + 3 * SIZE) ^ wanted;

        if (ZERO(MIN(MIN(a, b), MIN(e, f)))) {
            for (hits = ZERO(a); !hits; hits = BYTE_HITS(*(vec *)p)) {
                p += SIZE;
            }
            RETURN_IF_BEFORE_END(p + __builtin_ctz(hits));
        }
    }
    return NULL;
}

/* Aligned vectors downward. */
static void *NAME(find_last_byte)(const void *from, int c, size_t n)
{
    const char *begin = from, *p = ALIGN(begin + n, SIZE);
    vec wanted = SPLAT(c);
    unsigned above = (uintptr_t)(begin + n) & (SIZE - 1);
    /* The vector that the end is in: only what is below the end. */
    unsigned hits = above ? EQ(*(vec *)p, wanted) & ((1u << above) - 1) : 0;

    while (!hits && p > begin) {
        p -= SIZE;
        hits = EQ(*(vec *)p, wanted);
    }
    if (!hits) {
        return NULL;
    }
    p += 31 - __builtin_clz(hits);
    return p >= begin ? (void *)p : NULL;
}

/*
 * Upward to the end, keeping the last vector with a hit.  `keep` leaves out
 * what is before the string; the end itself may be what is looked for.
 */
static char *NAME(find_last_char)(const char *s, int c)
{
    const char *p = ALIGN(s, SIZE), *last = s;
    vec wanted = SPLAT(c);
    unsigned last_hits = 0, keep = ~0u << (s - p);

    for (;; p += SIZE, keep = ~0u) {
        vec v = *(vec *)p;
        unsigned hits = EQ(v, wanted) & keep, ends = ZERO(v) & keep;

        if (ends) {
            hits &= ends ^ (ends - 1);
            if (hits) {
                last = p, last_hits = hits;
            }
            if (!last_hits) {
                return NULL;
            }
            __asm__(""); /* a branch */
            return (char *)last + 31 - __builtin_clz(last_hits);
        }
        if (hits) {
            last = p, last_hits = hits;
        }
        while ((uintptr_t)p % (4 * SIZE) == 3 * SIZE) {
            const vec *q = (const vec *)(p + SIZE);
            vec low = MIN(MIN(q[0], q[1]), MIN(q[2], q[3]));
            vec other = MIN(MIN(q[0] ^ wanted, q[1] ^ wanted), MIN(q[2] ^ wanted, q[3] ^ wanted));

            if (ZERO(MIN(low, other))) {
                break;
            }
            p += 4 * SIZE;
        }
    }
}
