/* SPDX-License-Identifier: MIT */
/*
 * strcpy() and stpcpy(); see variant.h.  The last vector is copied again, so
 * that it ends with the zero and nothing behind it is written.
 */

/* With a string's zero at offset `at`, SIZE or further: copies the vector that ends there. */
#define COPY_END(at) \
    do { \
        size_t length_ = (at); \
        vec last_ = GET(from + length_ + 1 - SIZE); \
        PUT(to + length_ + 1 - SIZE) = last_; \
        return to + length_; \
    } while (0)

/* The string is longer than four vectors, which are copied. */
static char *NAME(copy_string_long)(char *to, const char *from)
{
    ptrdiff_t distance = to - from;
    const char *p = ALIGN(from + 4 * SIZE, SIZE);
    unsigned ends;

    for (;; p += SIZE) {
        for (; (uintptr_t)p % (4 * SIZE) == 0; p += 4 * SIZE) {
            const vec *v = (const vec *)p;
            vec a = v[0], b = v[1], c = v[2], d = v[3];

            if (ZERO(MIN(MIN(a, b), MIN(c, d)))) {
                break;
            }
            PUT((char *)p + distance) = a, PUT((char *)p + distance + SIZE) = b;
            PUT((char *)p + distance + 2 * SIZE) = c, PUT((char *)p + distance + 3 * SIZE) = d;
        }
        if ((ends = ZERO(*(vec *)p))) {
            COPY_END(p - from + __builtin_ctz(ends));
        }
        PUT((char *)p + distance) = *(vec *)p;
    }
}

static char *NAME(copy_string_end)(char *to, const char *from)
{
    unsigned ends;

    if (__builtin_expect(!IN_PAGE(from, 4 * SIZE), 0)) {
        size_t length = NAME(length)(from);

        __builtin_memcpy(to, from, length + 1);
        return to + length;
    }
    if ((ends = ZERO(GET(from)))) {
        size_t length = __builtin_ctz(ends);

        LAST_SHORT(to, from, length + 1);
        return to + length;
    }
    PUT(to) = GET(from);
    for (size_t at = SIZE; at < 4 * SIZE; at += SIZE) {
        if ((ends = ZERO(GET(from + at)))) {
            COPY_END(at + __builtin_ctz(ends));
        }
        PUT(to + at) = GET(from + at);
    }
    return NAME(copy_string_long)(to, from);
}

static char *NAME(copy_string)(char *to, const char *from)
{
    NAME(copy_string_end)(to, from);
    return to;
}

/* All of them. */
#define STRING_FUNCTIONS_TABLE \
    { \
        .copy = NAME(copy), .set = NAME(set), .compare_memory = NAME(compare_memory), \
        .find_byte = NAME(find_byte), .find_last_byte = NAME(find_last_byte), \
        .length = NAME(length), .find_char = NAME(find_char), \
        .find_char_or_end = NAME(find_char_or_end), .find_last_char = NAME(find_last_char), \
        .compare = NAME(compare), .compare_n = NAME(compare_n), .copy_string = NAME(copy_string), \
        .copy_string_end = NAME(copy_string_end) \
    }
