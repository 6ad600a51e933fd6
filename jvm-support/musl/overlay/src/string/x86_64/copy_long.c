/* SPDX-License-Identifier: MIT */
/*
 * Copies of more than 128 bytes, upward or, if the destination begins within
 * the source, downward.  The vectors at both ends are loaded before the loop,
 * which stores to aligned addresses, and are stored after it.
 */
#include "copy.h"

/* One pair of loops; VECTOR is 16 or 32 bytes, GET and PUT its access. */
#define COPY_LOOPS(suffix, attribute, vector, size, GET, PUT) \
    static attribute void copy_up_##suffix(char *d, const char *s, size_t n) \
    { \
        vector head = GET(s); \
        vector t0 = GET(s + n - 4 * size), t1 = GET(s + n - 3 * size); \
        vector t2 = GET(s + n - 2 * size), t3 = GET(s + n - size); \
        char *end = d + n, *begin = d; \
        size_t skip = size - ((uintptr_t)d & (size - 1)); \
        d += skip, s += skip; \
        /* The first aligned group may overlap the head's source, which is loaded already. */ \
        for (size_t left = n - skip; left > 4 * size; left -= 4 * size) { \
            vector a = GET(s), b = GET(s + size), c = GET(s + 2 * size), e = GET(s + 3 * size); \
            PUT(d) = a, PUT(d + size) = b, PUT(d + 2 * size) = c, PUT(d + 3 * size) = e; \
            d += 4 * size, s += 4 * size; \
        } \
        PUT(end - 4 * size) = t0, PUT(end - 3 * size) = t1; \
        PUT(end - 2 * size) = t2, PUT(end - size) = t3; \
        PUT(begin) = head; \
    } \
    static attribute void copy_down_##suffix(char *d, const char *s, size_t n) \
    { \
        vector tail = GET(s + n - size); \
        vector h0 = GET(s), h1 = GET(s + size), h2 = GET(s + 2 * size), h3 = GET(s + 3 * size); \
        char *end = d + n; \
        size_t left = n - ((uintptr_t)end & (size - 1)); \
        for (; left > 4 * size; left -= 4 * size) { \
            const char *from = s + left; \
            char *to = d + left; \
            vector a = GET(from - size), b = GET(from - 2 * size); \
            vector c = GET(from - 3 * size), e = GET(from - 4 * size); \
            PUT(to - size) = a, PUT(to - 2 * size) = b; \
            PUT(to - 3 * size) = c, PUT(to - 4 * size) = e; \
        } \
        PUT(d) = h0, PUT(d + size) = h1, PUT(d + 2 * size) = h2, PUT(d + 3 * size) = h3; \
        PUT(end - size) = tail; \
    }

COPY_LOOPS(sse2, , v16, 16, GET16, PUT16)
COPY_LOOPS(avx2, WITH_AVX2, v32, 32, GET32, PUT32)

void *__copy_long(void *to, const void *from, size_t n)
{
    char *d = to;
    const char *s = from;
    unsigned cpu = __string_cpu;

    if ((uintptr_t)d - (uintptr_t)s < n) {
        if (cpu & STRING_AVX2) {
            copy_down_avx2(d, s, n);
        } else {
            copy_down_sse2(d, s, n);
        }
    } else if (n >= STRING_REP_COPY && (cpu & STRING_ERMS) && (uintptr_t)s - (uintptr_t)d >= n) {
        __asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(n) : : "memory");
    } else if (cpu & STRING_AVX2) {
        copy_up_avx2(d, s, n);
    } else {
        copy_up_sse2(d, s, n);
    }
    return to;
}
