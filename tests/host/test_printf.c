/* SPDX-License-Identifier: MIT */
/* sources: kernel/lib/printf.c */
/* ksnprintf against libc's snprintf, on formats made at random. */
#include "host.h"

#include <kernel/print.h>
#include <stdio.h>
#include <string.h>

#define TEXT 600

static char ours[TEXT], theirs[TEXT];

/* Formats are not literals here; that is the point of the test. */
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"

#define SAME(...) \
    do { \
        memset(ours, 'o', sizeof(ours)); \
        memset(theirs, 't', sizeof(theirs)); \
        int ours_len_ = ksnprintf(ours, sizeof(ours), __VA_ARGS__); \
        int theirs_len_ = snprintf(theirs, sizeof(theirs), __VA_ARGS__); \
        if (!OK(strcmp(ours, theirs) == 0) || !EQ(ours_len_, theirs_len_)) { \
            printf("# ours \"%s\", libc \"%s\"\n", ours, theirs); \
        } \
    } while (0)

static void test_plain(void)
{
    SAME("hello");
    SAME("100%%");
    SAME("%d %i %u", -1, 2, 3u);
    SAME("%s|%10s|%-10s|%.2s", "abc", "abc", "abc", "abc");
    SAME("%c%c|%3c|%-3c|", 'a', 'b', 'c', 'd');
    SAME("%p", (void *)0x1234abcd);
    SAME("%20p|%-20p|", (void *)0x1234abcd, (void *)0x1);
    SAME("%*d|%-*d|%*d", 8, 1, 8, 2, -8, 3);
    SAME("%.*d|%.*d|%.*s", 4, 5, -1, 6, 2, "xyz");
}

static void test_limits(void)
{
    SAME("%d %d", INT32_MIN, INT32_MAX);
    SAME("%ld %lld", INT64_MIN, (long long)INT64_MAX);
    SAME("%lu %llx %#lX", UINT64_MAX, (unsigned long long)UINT64_MAX, UINT64_MAX);
    SAME("%zu %zd %td", SIZE_MAX, (ssize_t)-1, (ptrdiff_t)INT64_MIN);
    SAME("%hhd %hhu %hd %hu", 0x1ff, 0x1ff, 0x1ffff, 0x1ffff);
    SAME("%#x %#X %x", 0, 0, 0);
    SAME("%.0d|%.0x|%5.0d|", 0, 0, 0);
}

static void test_strings(void)
{
    char unterminated[3] = {'a', 'b', 'c'};

    SAME("%.3s", unterminated);          /* ASan sees a read too far */
    const char *volatile nothing = NULL; /* gcc would warn */

    ksnprintf(ours, sizeof(ours), "%s", nothing);
    OK(strcmp(ours, "(null)") == 0);
    ksnprintf(ours, sizeof(ours), "%p", NULL);
    OK(strcmp(ours, "0x0") == 0);
}

static void test_cut(void)
{
    for (size_t size = 0; size < 12; size++) {
        memset(ours, 'o', sizeof(ours));
        memset(theirs, 'o', sizeof(theirs));
        EQ(ksnprintf(ours, size, "%05d-%s", 42, "abcd"),
           snprintf(theirs, size, "%05d-%s", 42, "abcd"));
        OK(memcmp(ours, theirs, sizeof(ours)) == 0);
    }
    EQ(ksnprintf(NULL, 0, "%d", 12345), 5);
}

static void test_foreign(void)
{
    static const struct {
        const char *fmt, *text;
    } cases[] = {{"a %y b", "a %y b"}, {"end %", "end %"}, {"%08", "%08"}, {"%lf", "%lf"}};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        ksnprintf(ours, sizeof(ours), cases[i].fmt);
        OK(strcmp(ours, cases[i].text) == 0);
    }
}

/* Appends flags, width and precision; the '0' flag only where C defines it. */
static char *random_prefix(char *p, bool number)
{
    static const char flags[] = "-+0#";

    *p++ = '%';
    for (unsigned n = (unsigned)rnd_below(3); n > 0; n--) {
        *p++ = number ? flags[rnd_below(4)] : '-';
    }
    if (rnd_below(2)) {
        p += sprintf(p, "%u", 1 + (unsigned)rnd_below(30));
    }
    if (rnd_below(3) == 0) {
        p += sprintf(p, rnd_below(4) ? ".%u" : ".", (unsigned)rnd_below(25));
    }
    return p;
}

static u64 random_value(void)
{
    return rnd() >> rnd_below(64);
}

#pragma GCC diagnostic ignored "-Wformat"
#pragma GCC diagnostic ignored "-Wformat-extra-args"

static void random_case(void)
{
    static const char *const sizes[] = {"hh", "h", "", "l", "ll", "z", "t"};
    static const char conversions[] = "diuxX";
    char fmt[100] = "<";
    char *p = random_prefix(fmt + 1, true);
    const char *size = sizes[rnd_below(ARRAY_SIZE(sizes))];

    p += sprintf(p, "%s%c>", size, conversions[rnd_below(5)]);
    p = random_prefix(p, false);
    strcpy(p, "s!");
    u64 value = random_value();

    SAME(fmt, value, "some text of ours");
}

static void test_random(void)
{
    for (int i = 0; i < 20000; i++) {
        random_case();
    }
}

int main(void)
{
    run("plain conversions", test_plain);
    run("limits of the integers", test_limits);
    run("strings", test_strings);
    run("a buffer too small", test_cut);
    run("conversions that are not ours", test_foreign);
    run("random formats", test_random);
    return finish();
}
