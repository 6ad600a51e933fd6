/* SPDX-License-Identifier: MIT */
#include "host.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static struct {
    unsigned tests, failed, checks;
    bool current_failed;
    u64 seed;
    s64 fail_after, live;
} state = {.seed = 1, .fail_after = -1};

jmp_buf bug_jump;
bool bug_expected;

bool ok_at(const char *file, int line, bool cond, const char *text)
{
    state.checks++;
    if (!cond) {
        printf("# %s:%d: not true: %s\n", file, line, text);
        state.current_failed = true;
    }
    return cond;
}

bool eq_at(const char *file, int line, u64 a, u64 b, const char *text)
{
    state.checks++;
    if (a != b) {
        printf("# %s:%d: %s: %llu (%#llx) and %llu (%#llx)\n", file, line, text,
               (unsigned long long)a, (unsigned long long)a, (unsigned long long)b,
               (unsigned long long)b);
        state.current_failed = true;
    }
    return a == b;
}

void run(const char *name, void (*test)(void))
{
    s64 live = state.live;

    state.current_failed = false;
    state.fail_after = -1;
    state.checks = 0;
    rnd_seed(1);
    test();
    state.tests++;
    if (state.live != live) {
        printf("# %lld blocks leaked\n", (long long)(state.live - live));
        state.current_failed = true;
    }
    if (state.checks == 0) {
        printf("# checked nothing\n");
        state.current_failed = true;
    }
    if (state.current_failed) {
        state.failed++;
    }
    printf("%sok %u - %s\n", state.current_failed ? "not " : "", state.tests, name);
    fflush(stdout);
}

int finish(void)
{
    printf("1..%u\n", state.tests);
    return state.failed ? 1 : 0;
}

void bug(const char *file, int line, const char *fmt, ...)
{
    va_list ap;

    if (bug_expected) {
        bug_expected = false;
        longjmp(bug_jump, 1);
    }
    printf("Bail out! %s:%d: ", file, line);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    printf("\n");
    fflush(stdout);
    abort();
}

void rnd_seed(u64 seed)
{
    state.seed = seed;
}

/* Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014. */
u64 rnd(void)
{
    u64 z = state.seed += 0x9e3779b97f4a7c15ull;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

u64 rnd_below(u64 bound)
{
    return rnd() % bound;
}

void *test_alloc(size_t size)
{
    void *p;

    if (state.fail_after == 0) {
        return NULL;
    }
    if (state.fail_after > 0) {
        state.fail_after--;
    }
    p = malloc(size);
    if (p == NULL) {
        abort();
    }
    state.live++;
    return p;
}

void test_free(void *p)
{
    if (p != NULL) {
        state.live--;
    }
    free(p);
}

void fail_after(s64 n)
{
    state.fail_after = n;
}

s64 test_live(void)
{
    return state.live;
}
