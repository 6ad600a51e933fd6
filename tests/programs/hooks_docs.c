/* SPDX-License-Identifier: MIT */
/*
 * The examples of docs/gc-hooks.md, as they stand there: each does what the page
 * says of it.  On a kernel without hooks there is only that to be tested.
 */
#include "hooks.h"
#include "tap.h"

#include <sys/mman.h>

#include "gc-hooks-examples.h"

#define PAGE 4096ul
#define LARGE (512 * PAGE)

/* Memory that begins at 2 MiB and is a range. */
static char *map(const struct moka_hooks **moka, size_t size, int *range)
{
    char *at = mmap(NULL, size + LARGE, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    char *aligned = (char *)(((uintptr_t)at + LARGE - 1) & ~(LARGE - 1));

    tap_need(at != MAP_FAILED, "mmap");
    *range = open_memory(moka, aligned, size);
    tap_need(*range >= 0, "range_open");
    return aligned;
}

static void test_checkpoint(void)
{
    const struct moka_hooks *moka;
    uint64_t bits[1024 / 64];
    int range;
    char *at = map(&moka, 2 * LARGE, &range), *copy = malloc(2 * LARGE);

    tap_need(copy != NULL, "malloc");
    memset(at, 1, 2 * LARGE);
    moka->page->split(range, at, 2 * LARGE);
    OK(checkpoint(moka, range, at, 2 * LARGE, copy, bits) == 1024 &&
           memcmp(at, copy, 2 * LARGE) == 0,
       "a checkpoint has all at first");
    at[5 * PAGE] = 2;
    at[700 * PAGE + 9] = 3;
    OK(checkpoint(moka, range, at, 2 * LARGE, copy, bits) == 2 && memcmp(at, copy, 2 * LARGE) == 0,
       "then what was written to");
    free(copy);
}

static void test_ready(void)
{
    const struct moka_hooks *moka;
    int range;
    char *at = map(&moka, 4 * LARGE, &range);

    OK(make_ready(moka, range, at, 4 * LARGE) == (int64_t)(4 * LARGE) && at[LARGE] == 0,
       "memory that is ready, on large pages");
}

static void test_remap(void)
{
    const struct moka_hooks *moka;
    int range, other;
    char *a = map(&moka, 4 * LARGE, &range), *b = map(&moka, 4 * LARGE, &other);

    memset(a, 1, 4 * LARGE);
    memset(b, 2, 4 * LARGE);
    OK(exchange(moka, range, a, other, b, 4 * LARGE) == 0 && a[3 * LARGE] == 2 && b[PAGE] == 1,
       "two buffers change places");
    a[LARGE] = 7;
    OK(close_gap(moka, range, a, a + LARGE, 3 * LARGE) == 1 && a[0] == 7 && a[3 * LARGE] == 0,
       "a gap is closed");
    b[0] = 5;
    if (snapshot(moka, range, a, other, b, 4 * LARGE) == -ENOSYS) {
        OK(true, "no aliases here");
        return;
    }
    b[0] = 6;
    OK(a[0] == 5 && a[PAGE] == 1 && b[0] == 6, "a snapshot stays as it is");
}

static const char *done[4];
static unsigned steps;

static void stop_mutators(void)
{
    done[steps++] = "stop";
}
static void work_in_pause(void)
{
    done[steps++] = "work";
}
static void resume_mutators(void)
{
    done[steps++] = "resume";
}

static void test_roles(const struct moka_hooks *moka)
{
    OK(collect(moka, stop_mutators, work_in_pause, resume_mutators) == 0 && steps == 3 &&
           strcmp(done[2], "resume") == 0,
       "a pause");
    OK(moka->role->pause_end() == -EPERM && moka->role->set(0, MOKA_ROLE_NONE) == 0,
       "which is over");
}

static void test_pressure(void)
{
    const struct moka_hooks *moka;
    int range, number;
    char *at = map(&moka, 2 * LARGE, &range);
    struct cache cache = {at, 2 * LARGE, 2 * LARGE};

    memset(at, 1, 2 * LARGE);
    OK(shrink_cache(&cache, PAGE + 1) == 2 * PAGE && at[2 * LARGE - 2 * PAGE] == 0 && at[0] == 1,
       "a cache gives what is wanted");
    OK(shrink_cache(&cache, 4 * LARGE) == 2 * LARGE - 2 * PAGE && cache.used == 0 && at[0] == 0,
       "and not more than it has");
    number = make_cache_shrink(moka, &cache);
    OK(number == -ENOSYS || (number >= 0 && moka->pressure->shrinker_remove(number) == 0),
       "it is asked when memory is short");
}

int main(void)
{
    const struct moka_hooks *moka = dlsym == NULL ? NULL : moka_hooks_find();

    if (moka == NULL) {
        OK(true, "a kernel without hooks, or a static program: none are found");
        return tap_end();
    }
    if (hooks_for_linux(moka) && !hooks_can_scan(moka)) {
        OK(true, "Linux is older than 6.7: it does not tell of pages");
        return tap_end();
    }
    test_checkpoint();
    test_ready();
    test_remap();
    test_roles(moka);
    test_pressure();
    return tap_end();
}
