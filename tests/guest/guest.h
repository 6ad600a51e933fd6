/* SPDX-License-Identifier: MIT */
/*
 * Guest tests: linked into the test image, run by images/test_main.c, TAP on
 * the console.  Each test is a kernel thread's function.
 *
 *     GUEST_TEST(futex_wakes_in_order)
 *     {
 *         OK(...);
 *     }
 *
 * A test that is to die (GUEST_DEATH) runs only when the command line names
 * it (test=NAME); the runner expects a panic with the text given.
 */
#pragma once

#include "app.h"

#include <kernel/print.h>
#include <kernel/types.h>

struct guest_test {
    const char *name;
    void (*fn)(void);
    const char *dies_with; /* NULL: it must pass */
};

#define GUEST_TEST_IN(section_name, test_name, text) \
    static void test_##test_name(void); \
    static const struct guest_test guest_test_##test_name \
        __attribute__((used, section(section_name), aligned(8))) = {#test_name, test_##test_name, \
                                                                    text}; \
    static void test_##test_name(void)

#define GUEST_TEST(name) GUEST_TEST_IN(".guest_tests", name, NULL)
#define GUEST_DEATH(name, text) GUEST_TEST_IN(".guest_tests", name, text)

/* In this form the linter knows that what OK() confirmed holds behind it. */
#define OK(cond) \
    ({ \
        bool ok_ = (cond); \
        guest_ok(__FILE__, __LINE__, ok_, #cond); \
        ok_; \
    })
#define EQ(a, b) guest_eq(__FILE__, __LINE__, (u64)(a), (u64)(b), #a " == " #b)

/* Both may be called from any thread of the test; true if it holds. */
bool guest_ok(const char *file, int line, bool cond, const char *text);
bool guest_eq(const char *file, int line, u64 a, u64 b, const char *text);
/* A comment line ("# ...") in the TAP output. */
void guest_note(const char *fmt, ...) printf_like(1, 2);
/* Marks the running test as skipped, with the reason. */
void guest_skip(const char *why);

/* tests/guest/stress.c: mixed load with every value checked; true if all held. */
bool stress_run(u64 seconds);

/* Whether a check of the running test has failed so far. */
bool guest_failed(void);

/* Random numbers, any context. */
u64 guest_random(void);
