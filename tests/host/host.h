/* SPDX-License-Identifier: MIT */
/*
 * Host unit tests: TAP on stdout, one program per tests/host/test_*.c, built
 * with ASan and UBSan.  A test calls OK() for each thing it claims.
 *
 *     int main(void)
 *     {
 *         run("splits a region", test_split);
 *         return finish();
 *     }
 *
 * A failing OK() is reported with file, line and values, and the test goes
 * on.  bug() (a broken kernel assertion) ends the program, unless the test
 * expects it (EXPECT_BUG).
 */
#pragma once

#include <kernel/assert.h>
#include <kernel/errno.h>
#include <kernel/types.h>
#include <setjmp.h>

/* In this form the linter knows that what OK() confirmed holds behind it. */
#define OK(cond) \
    ({ \
        bool ok_ = (cond); \
        ok_at(__FILE__, __LINE__, ok_, #cond); \
        ok_; \
    })
#define EQ(a, b) eq_at(__FILE__, __LINE__, (u64)(a), (u64)(b), #a " == " #b)

bool ok_at(const char *file, int line, bool cond, const char *text);
bool eq_at(const char *file, int line, u64 a, u64 b, const char *text);

void run(const char *name, void (*test)(void));
int finish(void);

/* True if `statement` ends in bug(). */
extern jmp_buf bug_jump;
extern bool bug_expected;
#define EXPECT_BUG(statement) \
    (bug_expected = true, setjmp(bug_jump) ? true : ((statement), bug_expected = false, false))

/* Deterministic random numbers (splitmix64). */
u64 rnd(void);
void rnd_seed(u64 seed);
/* 0 .. bound - 1 */
u64 rnd_below(u64 bound);

/*
 * Memory with injected failures: after fail_after(n), the (n+1)-th call of
 * test_alloc() and all later ones give NULL; fail_after(-1) turns it off.
 * test_live() is how many blocks are not freed.
 */
void *test_alloc(size_t size);
void test_free(void *p);
void fail_after(s64 n);
s64 test_live(void);
