/* SPDX-License-Identifier: MIT */
/*
 * The kernel's string functions against libc's.  They are compiled into this
 * file under other names, because the sanitizers have their own of these.
 */
#include "host.h"

#include <string.h>

#define memcpy kernel_memcpy
#define memmove kernel_memmove
#define memset kernel_memset
#define memcmp kernel_memcmp
#define memchr kernel_memchr
#define strlen kernel_strlen
#define strnlen kernel_strnlen
#define strcmp kernel_strcmp
#define strncmp kernel_strncmp
#define strchr kernel_strchr
#define strstr kernel_strstr
#define strlcpy kernel_strlcpy
#define memzero_uncached kernel_memzero_uncached
#define copy_pages_uncached kernel_copy_pages_uncached

#include "../../kernel/lib/string.c" /* NOLINT(bugprone-suspicious-include) */

#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef memchr
#undef strlen
#undef strnlen
#undef strcmp
#undef strncmp
#undef strchr
#undef strstr
#undef strlcpy

#define AREA 1024

static u8 before[AREA], ours[AREA], theirs[AREA];

static void random_area(void)
{
    for (unsigned i = 0; i < AREA; i++) {
        before[i] = (u8)rnd();
    }
    memcpy(ours, before, AREA);
    memcpy(theirs, before, AREA);
}

static void test_move_all_overlaps(void)
{
    for (size_t n = 0; n < 300; n += 1 + n / 20) {
        for (size_t from = 200; from < 600; from += 13) {
            for (size_t to = 0; to < 700; to += 1 + to / 9) {
                random_area();
                OK(kernel_memmove(ours + to, ours + from, n) == ours + to);
                memmove(theirs + to, theirs + from, n);
                if (!OK(memcmp(ours, theirs, AREA) == 0)) {
                    return;
                }
            }
        }
    }
}

static void test_copy_and_set(void)
{
    for (size_t n = 0; n < 300; n++) {
        for (size_t at = 0; at < 9; at++) {
            int c = (int)rnd_below(1000); /* only its low byte counts */

            random_area();
            OK(kernel_memcpy(ours + at, before + 512 + at / 2, n) == ours + at);
            memcpy(theirs + at, before + 512 + at / 2, n);
            OK(memcmp(ours, theirs, AREA) == 0);
            OK(kernel_memset(ours + at, c, n) == ours + at);
            memset(theirs + at, c, n);
            OK(memcmp(ours, theirs, AREA) == 0);
        }
    }
}

static void test_zero_uncached(void)
{
    for (size_t at = 0; at < AREA; at += 64) {
        for (size_t n = 0; at + n <= AREA; n += 64) {
            random_area();
            kernel_memzero_uncached(ours + at, n);
            memset(theirs + at, 0, n);
            OK(memcmp(ours, theirs, AREA) == 0);
        }
    }
}

/* Pages from anywhere, in any order; nothing beside the target changes. */
static void test_copy_pages_uncached(void)
{
    static u8 from[8][PAGE_SIZE] aligned_to(64), to[(COPY_PAGES + 2) * PAGE_SIZE] aligned_to(64);
    const void *pages[COPY_PAGES];

    for (unsigned round = 0; round < 50; round++) {
        for (size_t i = 0; i < sizeof(from); i++) {
            ((u8 *)from)[i] = (u8)rnd();
        }
        memset(to, 0x5a, sizeof(to));
        for (unsigned i = 0; i < COPY_PAGES; i++) {
            pages[i] = from[rnd_below(ARRAY_SIZE(from))];
        }
        kernel_copy_pages_uncached(to + PAGE_SIZE, pages);
        memory_fence_uncached();
        for (unsigned i = 0; i < COPY_PAGES; i++) {
            OK(memcmp(to + (i + 1) * PAGE_SIZE, pages[i], PAGE_SIZE) == 0);
        }
        EQ(to[PAGE_SIZE - 1], 0x5a);
        EQ(to[(COPY_PAGES + 1) * PAGE_SIZE], 0x5a);
    }
}

static int sign(int x)
{
    return (x > 0) - (x < 0);
}

static void test_compare(void)
{
    for (unsigned i = 0; i < 20000; i++) {
        size_t n = rnd_below(80);
        size_t at = rnd_below(AREA);

        random_area();
        if (rnd_below(2)) {
            ours[at] = (u8)rnd();
        }
        EQ(sign(kernel_memcmp(ours, theirs, n)), sign(memcmp(ours, theirs, n)));
        OK(kernel_memchr(ours, before[at], n) == memchr(ours, before[at], n));
    }
}

/* Strings over two letters, so that they agree often. */
static void random_string(char *s, size_t max)
{
    size_t n = rnd_below(max);

    for (size_t i = 0; i < n; i++) {
        s[i] = rnd_below(5) ? 'a' : (char)(0x7f + rnd_below(3));
    }
    s[n] = '\0';
}

static void test_strings(void)
{
    char a[20] = "", b[20] = "", copy[20];

    for (unsigned i = 0; i < 50000; i++) {
        size_t n = rnd_below(20);

        random_string(a, rnd_below(2) ? 20 : 4);
        random_string(b, rnd_below(2) ? 20 : 4);
        EQ(kernel_strlen(a), strlen(a));
        EQ(kernel_strnlen(a, n), strnlen(a, n));
        EQ(sign(kernel_strcmp(a, b)), sign(strcmp(a, b)));
        EQ(sign(kernel_strncmp(a, b, n)), sign(strncmp(a, b, n)));
        OK(kernel_strchr(a, 'b') == strchr(a, 'b'));
        OK(kernel_strchr(a, 0x80) == strchr(a, 0x80));
        OK(kernel_strchr(a, '\0') == strchr(a, '\0'));
        OK(kernel_strstr(a, b) == strstr(a, b));
        memset(copy, 'x', sizeof(copy));
        EQ(kernel_strlcpy(copy, a, n), strlen(a));
        if (n == 0) {
            EQ(copy[0], 'x');
        } else {
            EQ(strlen(copy), MIN(strlen(a), n - 1));
            OK(strncmp(copy, a, strlen(copy)) == 0);
        }
    }
}

int main(void)
{
    run("memmove, all overlaps", test_move_all_overlaps);
    run("memcpy and memset", test_copy_and_set);
    run("memzero_uncached", test_zero_uncached);
    run("copy_pages_uncached", test_copy_pages_uncached);
    run("memcmp and memchr", test_compare);
    run("strings", test_strings);
    return finish();
}
