/* SPDX-License-Identifier: MIT */
/*
 * Copies and fills of more than 32 bytes; see variant.h.  Of two to eight
 * vectors, all are loaded before one is stored, so that overlap does not
 * matter, and the ends are covered by vectors that overlap each other.  Longer
 * copies go upward or, if the destination begins within the source, downward:
 * the vectors at both ends are loaded before the loop, which stores to aligned
 * addresses, and are stored after it.
 */
static void NAME(copy_up)(char *d, const char *s, size_t n)
{
    vec head = GET(s);
    vec t0 = GET(s + n - 4 * SIZE), t1 = GET(s + n - 3 * SIZE);
    vec t2 = GET(s + n - 2 * SIZE), t3 = GET(s + n - SIZE);
    char *end = d + n, *begin = d;
    size_t skip = SIZE - ((uintptr_t)d & (SIZE - 1));

    d += skip, s += skip;
    /* The first aligned group may overlap the head's source, which is loaded already. */
    for (size_t left = n - skip; left > 4 * SIZE; left -= 4 * SIZE) {
        vec a = GET(s), b = GET(s + SIZE), c = GET(s + 2 * SIZE), e = GET(s + 3 * SIZE);

        *(vec *)d = a, *(vec *)(d + SIZE) = b;
        *(vec *)(d + 2 * SIZE) = c, *(vec *)(d + 3 * SIZE) = e;
        d += 4 * SIZE, s += 4 * SIZE;
    }
    PUT(end - 4 * SIZE) = t0, PUT(end - 3 * SIZE) = t1;
    PUT(end - 2 * SIZE) = t2, PUT(end - SIZE) = t3;
    PUT(begin) = head;
}

static void NAME(copy_down)(char *d, const char *s, size_t n)
{
    vec tail = GET(s + n - SIZE);
    vec h0 = GET(s), h1 = GET(s + SIZE), h2 = GET(s + 2 * SIZE), h3 = GET(s + 3 * SIZE);
    char *end = d + n;

    for (size_t left = n - ((uintptr_t)end & (SIZE - 1)); left > 4 * SIZE; left -= 4 * SIZE) {
        const char *from = s + left;
        char *to = d + left;
        vec a = GET(from - SIZE), b = GET(from - 2 * SIZE);
        vec c = GET(from - 3 * SIZE), e = GET(from - 4 * SIZE);

        *(vec *)(to - SIZE) = a, *(vec *)(to - 2 * SIZE) = b;
        *(vec *)(to - 3 * SIZE) = c, *(vec *)(to - 4 * SIZE) = e;
    }
    PUT(d) = h0, PUT(d + SIZE) = h1, PUT(d + 2 * SIZE) = h2, PUT(d + 3 * SIZE) = h3;
    PUT(end - SIZE) = tail;
}

/* More than eight vectors. */
static void *NAME(copy_long)(char *d, const char *s, size_t n)
{
    void *to = d;

    if ((uintptr_t)d - (uintptr_t)s < n) {
        if (d != s) {
            NAME(copy_down)(d, s, n);
        }
    } else if (n >= STRING_STREAM && (uintptr_t)s - (uintptr_t)d >= n) {
        __string_copy_stream(d, s, n);
    } else if (n >= STRING_REP_COPY && __string_rep && (uintptr_t)s - (uintptr_t)d >= n) {
        __asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(n) : : "memory");
    } else {
        NAME(copy_up)(d, s, n);
    }
    return to;
}

static void *NAME(copy)(void *to, const void *from, size_t n)
{
    char *d = to, *e = d + n;
    const char *s = from, *t = s + n;

    if (n <= 2 * SIZE) {
        vec a = GET(s), b = GET(t - SIZE);

        PUT(d) = a, PUT(e - SIZE) = b;
        return to;
    }
    if (n <= 4 * SIZE) {
        vec a = GET(s), b = GET(s + SIZE), f = GET(t - 2 * SIZE), g = GET(t - SIZE);

        PUT(d) = a, PUT(d + SIZE) = b, PUT(e - 2 * SIZE) = f, PUT(e - SIZE) = g;
        return to;
    }
    if (n <= 8 * SIZE) {
        vec a = GET(s), b = GET(s + SIZE), c = GET(s + 2 * SIZE), f = GET(s + 3 * SIZE);
        vec g = GET(t - 4 * SIZE), h = GET(t - 3 * SIZE), i = GET(t - 2 * SIZE);
        vec j = GET(t - SIZE);

        PUT(d) = a, PUT(d + SIZE) = b, PUT(d + 2 * SIZE) = c, PUT(d + 3 * SIZE) = f;
        PUT(e - 4 * SIZE) = g, PUT(e - 3 * SIZE) = h, PUT(e - 2 * SIZE) = i, PUT(e - SIZE) = j;
        return to;
    }
    return NAME(copy_long)(d, s, n);
}

/* More than eight vectors. */
static void *NAME(set_long)(char *d, int c, size_t n)
{
    char *to = d, *end = d + n;
    vec v = SPLAT(c);

    if (n >= STRING_STREAM) {
        __string_set_stream(d, c, n);
        return to;
    }
    if (n >= STRING_REP_SET && __string_rep) {
        __asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(c) : "memory");
        return to;
    }
    PUT(d) = v, PUT(end - SIZE) = v;
    PUT(end - 2 * SIZE) = v, PUT(end - 3 * SIZE) = v, PUT(end - 4 * SIZE) = v;
    for (d = ALIGN(d + SIZE, SIZE); d < end - 4 * SIZE; d += 4 * SIZE) {
        *(vec *)d = v, *(vec *)(d + SIZE) = v;
        *(vec *)(d + 2 * SIZE) = v, *(vec *)(d + 3 * SIZE) = v;
    }
    return to;
}

static void *NAME(set)(void *to, int c, size_t n)
{
    char *d = to, *end = d + n;
    vec v = SPLAT(c);

    if (n > 8 * SIZE) {
        return NAME(set_long)(d, c, n);
    }
    PUT(d) = v, PUT(end - SIZE) = v;
    if (n > 2 * SIZE) {
        PUT(d + SIZE) = v, PUT(end - 2 * SIZE) = v;
        if (n > 4 * SIZE) {
            PUT(d + 2 * SIZE) = v, PUT(d + 3 * SIZE) = v;
            PUT(end - 3 * SIZE) = v, PUT(end - 4 * SIZE) = v;
        }
    }
    return to;
}
