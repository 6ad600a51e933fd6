/* SPDX-License-Identifier: MIT */
/*
 * The string functions of Moka's libc against one-line versions, on every
 * length up to 300, every alignment of a vector, and with the object at the
 * end of a page behind which there is none.  Prints TAP.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096
#define LENGTHS 300

static unsigned char *edge; /* the byte behind the last that may be touched */
static unsigned char *other_edge;
static int failed, number;

static unsigned char *make_edge(void)
{
    unsigned char *p =
        mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED || mprotect(p + 7 * PAGE, PAGE, PROT_NONE)) {
        exit(1);
    }
    return p + 7 * PAGE;
}

static void report(const char *name, int ok)
{
    printf("%sok %d - %s\n", ok ? "" : "not ", ++number, name);
    failed |= !ok;
}

static void fill(unsigned char *p, size_t n, unsigned seed)
{
    for (size_t i = 0; i < n; i++) {
        p[i] = (seed + i * 7) % 255 + 1;
    }
}

static int sign(int x)
{
    return (x > 0) - (x < 0);
}

static int copies_right(void *(*copy)(void *, const void *, size_t), size_t n, size_t shift)
{
    unsigned char *from = edge - n, *to = other_edge - n - shift;

    fill(from, n, n);
    memset(to - 1, 0, 1);
    for (size_t i = 0; i < shift; i++) {
        to[n + i] = 0xee;
    }
    if (copy(to, from, n) != to || to[-1] != 0) {
        return 0;
    }
    for (size_t i = 0; i < n; i++) {
        if (to[i] != from[i]) {
            return 0;
        }
    }
    return shift == 0 || to[n] == 0xee;
}

static int moves_right(size_t n, long distance)
{
    unsigned char *from = edge - n - 2 * LENGTHS, *to = from + distance;

    fill(from, n, 3);
    if (memmove(to, from, n) != to) {
        return 0;
    }
    for (size_t i = 0; i < n; i++) {
        if (to[i] != (3 + i * 7) % 255 + 1) {
            return 0;
        }
    }
    return 1;
}

static int sets_right(size_t n, size_t shift)
{
    unsigned char *to = edge - n - shift;

    fill(to - 1, n + 1 + shift, 9);
    /* NOLINTNEXTLINE(bugprone-suspicious-memset-usage): only the low byte counts */
    if (memset(to, 0x1a5, n) != to || to[-1] != 10) {
        return 0;
    }
    for (size_t i = 0; i < n; i++) {
        if (to[i] != 0xa5) {
            return 0;
        }
    }
    return shift == 0 || to[n] == (9 + (n + 1) * 7) % 255 + 1;
}

/* A string of length n with its zero at the end of the page, less shift. */
static int strings_right(size_t n, size_t shift)
{
    char *s = (char *)edge - n - 1 - shift, *t = (char *)other_edge - n - 1;
    size_t at = n / 2;

    memset(s, 'x', n);
    memset(t, 'x', n);
    memset(s + n, 0, shift + 1);
    t[n] = 0;
    if (strlen(s) != n || strnlen(s, n + 1) != n || strnlen(s, at) != at ||
        strchrnul(s, 'q') != s + n || strchr(s, 0) != s + n || strchr(s, 'q') ||
        memchr(s, 'q', n) || memrchr(s, 'q', n) || memchr(s, 0, SIZE_MAX) != s + n ||
        strcmp(s, t) != 0 || strncmp(s, t, n + 1) != 0 || memcmp(s, t, n + 1) != 0) {
        return 0;
    }
    if (n == 0) {
        return 1;
    }
    s[at] = 'q';
    return memchr(s, 'q', n) == s + at && strchr(s, 'q') == s + at &&
           memrchr(s, 'q', n) == s + at && strrchr(s, 'q') == s + at && !memchr(s, 'q', at) &&
           strcmp(s, t) < 0 && strcmp(t, s) > 0 && strncmp(s, t, at) == 0 &&
           strncmp(s, t, at + 1) < 0 && sign(memcmp(s, t, n)) == -1 && sign(memcmp(t, s, n)) == 1 &&
           memcmp(s, t, at) == 0 && stpcpy(t, s) == t + n && strcmp(s, t) == 0;
}

static int unsigned_order(size_t n)
{
    unsigned char *a = edge - n, *b = other_edge - n;

    memset(a, 1, n);
    memset(b, 1, n);
    a[n - 1] = 0x80;
    return n == 0 || (memcmp(a, b, n) > 0 && memcmp(b, a, n) < 0);
}

/* More than any cache holds: such are done in another way. */
#define LARGE (36ul << 20)

static int is_filled(const unsigned char *p, size_t n, unsigned seed)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] != (seed + i * 7) % 255 + 1) {
            return 0;
        }
    }
    return 1;
}

static int large_right(unsigned char *p, size_t n, size_t from, size_t to)
{
    size_t wrong = 0;

    fill(p + from, n, 9);
    p[to - 1] = p[to + n] = 0xee;
    if (memmove(p + to, p + from, n) != p + to || !is_filled(p + to, n, 9)) {
        return 0;
    }
    if (p[to - 1] != 0xee || p[to + n] != 0xee || memset(p + to, 0x77, n) != p + to) {
        return 0;
    }
    for (size_t i = 0; i < n; i++) {
        wrong += p[to + i] != 0x77;
    }
    return wrong == 0 && p[to - 1] == 0xee && p[to + n] == 0xee;
}

/* They overlap. */
static int large_moves(unsigned char *p, size_t n, size_t from, size_t to)
{
    fill(p + from, n, 9);
    return memmove(p + to, p + from, n) == p + to && is_filled(p + to, n, 9);
}

static int all_large_right(void)
{
    const size_t size = 2 * LARGE + 4 * PAGE;
    unsigned char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int right = p != MAP_FAILED && large_right(p, LARGE, PAGE, LARGE + 2 * PAGE) &&
                large_right(p, LARGE - 1, LARGE + 3 * PAGE + 5, 3) &&
                large_right(p, LARGE - PAGE + 77, 1, LARGE + 63) &&
                large_moves(p, LARGE, 2 * PAGE, 2 * PAGE + 100) &&
                large_moves(p, LARGE, 2 * PAGE + 100, 2 * PAGE);

    munmap(p, size);
    return right;
}

int main(void)
{
    int ok[7] = {1, 1, 1, 1, 1, 1, 1};

    edge = make_edge();
    other_edge = make_edge();
    for (size_t n = 0; n <= LENGTHS; n++) {
        for (size_t shift = 0; shift <= 33; shift++) {
            ok[0] &= copies_right(memcpy, n, shift);
            ok[1] &= copies_right(memmove, n, shift);
            ok[2] &= sets_right(n, shift);
            ok[3] &= strings_right(n, shift);
        }
        for (long distance = -LENGTHS; distance <= LENGTHS; distance += 7) {
            ok[4] &= moves_right(n, distance);
        }
        ok[5] &= n == 0 || unsigned_order(n);
    }
    for (size_t n = 1000; n < 5 * PAGE; n += 997) {
        ok[6] &= copies_right(memcpy, n, n % 31) && copies_right(memmove, n, n % 17) &&
                 sets_right(n, n % 13) && strings_right(n, n % 63) && moves_right(n, 1) &&
                 moves_right(n, -1) && moves_right(n, 100) && moves_right(n, -100);
    }
    printf("1..8\n");
    report("memcpy", ok[0]);
    report("memmove without overlap", ok[1]);
    report("memset", ok[2]);
    report("strlen strnlen strchr strrchr strchrnul memchr memrchr strcmp strncmp stpcpy", ok[3]);
    report("memmove with overlap", ok[4]);
    report("memcmp compares unsigned", ok[5]);
    report("long ones", ok[6]);
    report("more than a cache holds", all_large_right());
    return failed;
}
