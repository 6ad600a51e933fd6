/* SPDX-License-Identifier: MIT */
/*
 * Comparisons; see variant.h.
 */

/* Returns from the function if the vectors at offset `at` differ. */
#define RETURN_IF_UNEQUAL(at) \
    do { \
        unsigned unequal_ = EQ(GET(a + (at)), GET(b + (at))) ^ FULL; \
        if (unequal_) { \
            size_t i_ = (at) + __builtin_ctz(unequal_); \
            return a[i_] - b[i_]; \
        } \
    } while (0)

/* More than four vectors; one of the two is read at aligned addresses. */
static int NAME(compare_memory_long)(const unsigned char *a, const unsigned char *b, size_t n)
{
    size_t skip = SIZE - ((uintptr_t)a & (SIZE - 1));

    RETURN_IF_UNEQUAL(0);
    a += skip, b += skip, n -= skip;
    for (; n > 4 * SIZE; a += 4 * SIZE, b += 4 * SIZE, n -= 4 * SIZE) {
        vec one = (*(vec *)a ^ GET(b)) | (*(vec *)(a + SIZE) ^ GET(b + SIZE));
        vec two = (*(vec *)(a + 2 * SIZE) ^ GET(b + 2 * SIZE)) |
                  (*(vec *)(a + 3 * SIZE) ^ GET(b + 3 * SIZE));

        if (ZERO(one | two) != FULL) {
            break;
        }
    }
    for (; n > SIZE; a += SIZE, b += SIZE, n -= SIZE) {
        RETURN_IF_UNEQUAL(0);
    }
    RETURN_IF_UNEQUAL(n - SIZE);
    return 0;
}

static int NAME(compare_memory)(const void *left, const void *right, size_t n)
{
    const unsigned char *a = left, *b = right;

    if (n > 4 * SIZE) {
        return NAME(compare_memory_long)(a, b, n);
    }
    RETURN_IF_UNEQUAL(0);
    if (n > 2 * SIZE) {
        RETURN_IF_UNEQUAL(SIZE);
        RETURN_IF_UNEQUAL(n - 2 * SIZE);
    }
    RETURN_IF_UNEQUAL(n - SIZE);
    return 0;
}

/*
 * Compares the strings' vectors at offset `at`, which may be "negative" for bytes
 * that are known to be alike; returns from the function if that decides.
 */
#define RETURN_IF_DECIDED(at) \
    do { \
        unsigned stop_ = STOP(GET(a + (at)), GET(b + (at))); \
        if (stop_) { \
            size_t i_ = (at) + __builtin_ctz(stop_); \
            if (bounded && i_ >= n) { \
                return 0; \
            } \
            return a[i_] - b[i_]; \
        } \
    } while (0)
#define RETURN_IF_DONE(at) \
    do { \
        if (bounded && n <= (at)) { \
            return 0; \
        } \
    } while (0)

/* The first four vectors, one of which is not within a page: 0 and *decided false if alike. */
static int NAME(compare_start)(const unsigned char *a, const unsigned char *b, size_t n,
                               int *decided)
{
    enum { bounded = 1 };

    *decided = 1;
    for (int i = 0; i < 4; i++, a += SIZE, b += SIZE, n -= SIZE) {
        if (IN_PAGE(a, SIZE) && IN_PAGE(b, SIZE)) {
            RETURN_IF_DECIDED(0);
        } else {
            for (int j = 0; j < SIZE && (size_t)j < n; j++) {
                if (a[j] != b[j] || !a[j]) {
                    return a[j] - b[j];
                }
            }
        }
        RETURN_IF_DONE(SIZE);
    }
    *decided = 0;
    return 0;
}

/* strcmp() and strncmp(): n is the most that is compared, if `bounded`, which is a constant. */
static inline __attribute__((always_inline)) int
NAME(compare_strings)(const unsigned char *a, const unsigned char *b, size_t n, int bounded)
{
    size_t skip;

    RETURN_IF_DONE(0);
    if (__builtin_expect(IN_PAGE(a, 4 * SIZE) && IN_PAGE(b, 4 * SIZE), 1)) {
        RETURN_IF_DECIDED(0);
        RETURN_IF_DONE(SIZE);
        RETURN_IF_DECIDED(SIZE);
        RETURN_IF_DONE(2 * SIZE);
        RETURN_IF_DECIDED(2 * SIZE);
        RETURN_IF_DONE(3 * SIZE);
        RETURN_IF_DECIDED(3 * SIZE);
        RETURN_IF_DONE(4 * SIZE);
    } else {
        int decided, order = NAME(compare_start)(a, b, n, &decided);

        if (decided) {
            return order;
        }
    }
    /* From here on, groups of four of which those of `a` are aligned. */
    skip = 4 * SIZE - ((uintptr_t)a & (4 * SIZE - 1));
    for (a += skip, b += skip, n -= skip;; a += 4 * SIZE, b += 4 * SIZE, n -= 4 * SIZE) {
        if (__builtin_expect(!IN_PAGE(b, 4 * SIZE), 0)) {
            /*
             * If the strings are alike to the end of b's page, then b goes on in
             * the next one.  What is before b has been compared.
             */
            size_t left = PAGE_BYTES - ((uintptr_t)b & (PAGE_BYTES - 1));

            for (size_t at = left & (SIZE - 1); at <= left; at += SIZE) {
                RETURN_IF_DECIDED(at - SIZE);
            }
        } else {
            const vec *v = (const vec *)a;
            vec low = MIN(MIN(v[0], v[1]), MIN(v[2], v[3]));
            vec one = (v[0] ^ GET(b)) | (v[1] ^ GET(b + SIZE));
            vec two = (v[2] ^ GET(b + 2 * SIZE)) | (v[3] ^ GET(b + 3 * SIZE));

            if (STOP_GROUP(low, one | two) == 0) {
                RETURN_IF_DONE(4 * SIZE);
                continue;
            }
        }
        RETURN_IF_DECIDED(0);
        RETURN_IF_DECIDED(SIZE);
        RETURN_IF_DECIDED(2 * SIZE);
        RETURN_IF_DECIDED(3 * SIZE);
        RETURN_IF_DONE(4 * SIZE);
    }
}

static int NAME(compare)(const char *a, const char *b)
{
    return NAME(compare_strings)((const unsigned char *)a, (const unsigned char *)b, SIZE_MAX, 0);
}

static int NAME(compare_n)(const char *a, const char *b, size_t n)
{
    return NAME(compare_strings)((const unsigned char *)a, (const unsigned char *)b, n, 1);
}
