/* SPDX-License-Identifier: MIT */
/*
 * The test image.  Command line:
 *   test=all          every test that is to pass (the default)
 *   test=NAME,NAME*   these, a star at the end matches any rest
 *   test=list         prints "test NAME" and "death NAME TEXT" lines
 *   test=none         boots and ends
 *   stress=SECONDS    the mixed load of tests/guest/stress.c
 * TAP on the console; the status of the machine says whether all passed.
 */
#include <kernel/aspace.h>
#include <kernel/bootinfo.h>
#include <kernel/clock.h>
#include <kernel/panic.h>
#include <kernel/print.h>
#include <kernel/random.h>
#include <kernel/string.h>

#include "guest.h"
#include "image.h"

const char *const image_options[] = {"test", "stress"};
const unsigned image_option_count = ARRAY_SIZE(image_options);

extern const struct guest_test guest_tests_start[], guest_tests_end[];

static struct {
    unsigned run, failed, checks;
    _Atomic unsigned current_checks, current_failures;
    const char *skipped;
} results;

bool guest_ok(const char *file, int line, bool cond, const char *text)
{
    results.current_checks++;
    if (!cond) {
        results.current_failures++;
        kprintf("# %s:%d: not true: %s\n", file, line, text);
    }
    return cond;
}

bool guest_eq(const char *file, int line, u64 a, u64 b, const char *text)
{
    results.current_checks++;
    if (a != b) {
        results.current_failures++;
        kprintf("# %s:%d: %s: %lu (%lx) and %lu (%lx)\n", file, line, text, (unsigned long)a,
                (unsigned long)a, (unsigned long)b, (unsigned long)b);
    }
    return a == b;
}

u64 guest_random(void)
{
    return random_u64();
}

bool guest_failed(void)
{
    return results.current_failures != 0;
}

void guest_note(const char *fmt, ...)
{
    char line[256];
    va_list ap;

    va_start(ap, fmt);
    kvsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    kprintf("# %s\n", line);
}

void guest_skip(const char *why)
{
    results.skipped = why;
}

static void run_test(const struct guest_test *test)
{
    nsec_t start = clock_now();
    bool ok;

    results.current_checks = results.current_failures = 0;
    results.skipped = NULL;
    test->fn();
    aspace_check();
    ok = results.current_failures == 0 && (results.current_checks > 0 || results.skipped != NULL);
    results.run++;
    results.failed += !ok;
    kprintf("%sok %u - %s%s%s # %lu ms\n", ok ? "" : "not ", results.run, test->name,
            results.skipped != NULL ? " # SKIP " : "",
            results.skipped != NULL ? results.skipped : "",
            (unsigned long)((clock_now() - start) / NSEC_PER_MSEC));
}

/* Does one of the comma-separated patterns match?  No star for a test that dies. */
static bool name_matches(const char *patterns, const struct guest_test *test)
{
    const char *name = test->name;

    while (*patterns != '\0') {
        const char *comma = strchr(patterns, ',');
        size_t len = comma != NULL ? (size_t)(comma - patterns) : strlen(patterns);

        if (len > 0 && patterns[len - 1] == '*' && strncmp(patterns, name, len - 1) == 0) {
            return test->dies_with == NULL;
        }
        if (strlen(name) == len && strncmp(patterns, name, len) == 0) {
            return true;
        }
        patterns += len + (comma != NULL);
    }
    return false;
}

static void list_tests(void)
{
    for (const struct guest_test *t = guest_tests_start; t < guest_tests_end; t++) {
        if (t->dies_with != NULL) {
            kprintf("death %s %s\n", t->name, t->dies_with);
        } else {
            kprintf("test %s\n", t->name);
        }
    }
}

static void run_tests(const char *patterns)
{
    bool all = strcmp(patterns, "all") == 0;

    for (const struct guest_test *t = guest_tests_start; t < guest_tests_end; t++) {
        if (all ? t->dies_with == NULL : name_matches(patterns, t)) {
            run_test(t);
        }
    }
    kprintf("1..%u\n", results.run);
    if (results.run == 0) {
        kprintf("# no test matches \"%s\"\n", patterns);
    }
    machine_exit(results.failed == 0 && results.run > 0 ? EXIT_OK : EXIT_FAILED);
}

void image_main(void *arg)
{
    char patterns[256] = "all";
    u64 seconds = image_option_u64("stress", 0);

    (void)arg;
    bootinfo_print();
    if (seconds != 0) {
        machine_exit(stress_run(seconds) ? EXIT_OK : EXIT_FAILED);
    }
    (void)cmdline_get("test", patterns, sizeof(patterns));
    if (strcmp(patterns, "list") == 0) {
        list_tests();
    } else if (strcmp(patterns, "none") != 0) {
        run_tests(patterns);
    }
    machine_exit(EXIT_OK);
}
