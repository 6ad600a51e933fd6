/* SPDX-License-Identifier: MIT */
/*
 * Random calls of the hooks, and of mmap(2) and its like, from several threads,
 * beside a model that knows what every page must contain (hooks_fuzz/fuzz.h).
 *
 *   hooks_fuzz [SECONDS [SEED [CALLS]]]
 *
 * Each thread has a part of one mapping to itself: so it knows the contents
 * exactly, while the parts have windows of 2 MiB in common and all threads'
 * calls meet in the same regions, page tables and shoot-downs.  In another
 * mapping they meet in the same pages (hooks_fuzz/shared.c), and in a page of 1 GiB where
 * the machine has one and memory for two (hooks_fuzz/giant.c).  What a call must
 * refuse is tried as well.
 *
 * CALLS are letters, one of each group, to find out which ones something needs.
 */
#include "tap.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sys/sysinfo.h>
#include <time.h>

#include "hooks_fuzz/fuzz.h"

#pragma weak dlsym /* not in each static C library */

#define LOST (24ul << 20) /* of memory: what is not given back yet, and the tables of all */
#define PHASE 150u        /* calls */
#define GROUPS 4u         /* that they are of */

const struct moka_hooks *moka;
struct part parts[THREADS];

static time_t end_time;
static const char *letters = "rrrrppmmmllllRugsssGG";

static uint64_t some_count(struct part *part, uint64_t at)
{
    uint64_t count = 1 + any(part, 40);

    return count < PAGES - at ? count : PAGES - at;
}

static void write_pages(struct part *part)
{
    uint64_t at = any_place(part);

    part->what = "a write";
    stamp_pages(part, at, some_count(part, at));
}

static void read_pages(struct part *part)
{
    uint64_t at = any_place(part);

    check_pages(part, at, some_count(part, at));
}

static void call_of(struct part *part, char letter)
{
    static const struct {
        char letter;
        void (*call)(struct part *);
    } groups[] = {{'r', call_remap},  {'p', call_pages},  {'l', call_large},
                  {'m', call_memory}, {'R', call_role},   {'g', call_ranges},
                  {'u', call_misuse}, {'s', call_shared}, {'G', call_giant}};

    for (unsigned i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        if (groups[i].letter == letter) {
            groups[i].call(part);
        }
    }
}

/* Calls of a few groups: where all are made, no two pages stay alike. */
static void phase(struct part *part)
{
    size_t count = strlen(letters);
    char group[GROUPS];

    for (unsigned i = 0; i < GROUPS; i++) {
        group[i] = letters[any(part, count)];
    }
    if (any(part, 3) == 0) {
        map_anew(part);
    }
    for (unsigned i = 0; i < PHASE && time(NULL) < end_time; i++) {
        call_of(part, group[any(part, GROUPS)]);
        (any(part, 2) == 0 ? write_pages : read_pages)(part);
        part->calls++;
    }
}

static void *random_calls(void *arg)
{
    struct part *part = arg;

    part->what = "the start";
    while (time(NULL) < end_time) {
        phase(part);
    }
    check_pages(part, 0, PAGES);
    return NULL;
}

/* Its memory, and a file that is as long. */
static void start_part(struct part *part, char *at, uint64_t random, pthread_t *thread)
{
    model_init(part);
    part->at = at;
    part->random = random;
    part->range = moka->range_open(at, PAGES * PAGE);
    part->file = memfd_create("fuzz", 0);
    tap_need(part->range >= 0 && part->file >= 0 && ftruncate(part->file, PAGES * PAGE) == 0,
             "a range and a file");
    tap_need(pthread_create(thread, NULL, random_calls, part) == 0, "a thread");
}

static uint64_t free_memory(void)
{
    struct sysinfo info;

    tap_need(sysinfo(&info) == 0, "sysinfo");
    return (uint64_t)info.freeram * info.mem_unit;
}

int main(int argc, char **argv)
{
    pthread_t thread[THREADS];
    uint64_t calls = 0, wrong = 0, seed = argc > 2 ? (uint64_t)atol(argv[2]) : 1;
    uint64_t free_before, left;
    char *at;

    moka = dlsym == NULL ? NULL : moka_hooks_find();
    if (moka == NULL || moka->remap == NULL) {
        OK(true, "a kernel without hooks, or a static program: none are found");
        return tap_end();
    }
    letters = argc > 3 ? argv[3] : letters;
    free_before = free_memory();
    end_time = time(NULL) + (argc > 1 ? atoi(argv[1]) : 5);
    shared_init();
    giant_init();
    at = mmap(NULL, THREADS * PAGES * PAGE, PROT_READ | PROT_WRITE,
              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    tap_need(at != MAP_FAILED, "mmap");
    for (unsigned i = 0; i < THREADS; i++) {
        start_part(&parts[i], at + i * PAGES * PAGE, seed * 7919 + i, &thread[i]);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        calls += parts[i].calls;
    }
    shared_end(&parts[0]);
    giant_end();
    for (unsigned i = 0; i < THREADS; i++) {
        wrong += parts[i].wrong;
        close(parts[i].file);
    }
    printf("# %lu random calls with seed %lu\n", (unsigned long)calls, (unsigned long)seed);
    OK(wrong == 0, "each page is what the model says, after each call");
    munmap(at, THREADS * PAGES * PAGE);
    left = free_memory();
    printf("# %lu MiB were free, %lu are\n", (unsigned long)(free_before >> 20),
           (unsigned long)(left >> 20));
    OK(left + LOST > free_before, "no memory is lost");
    return tap_end();
}
