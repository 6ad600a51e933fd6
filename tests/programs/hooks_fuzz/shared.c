/* SPDX-License-Identifier: MIT */
/*
 * Memory that all threads change at once, in epochs that one of them ends and
 * checks, alone.  Three kinds take turns:
 *
 *   kept   pages only change places, and sizes.  Then each page that was there at
 *          the begin is there at the end, once; any word that is read meanwhile is
 *          that of one of them; and what each thread has added to words of
 *          pages, wherever they were, is all there.
 *   lost   pages are discarded, moved, unmapped and mapped anew as well, also
 *          under the calls of others.  Then no page is there twice, and whatever
 *          is read is zero or was written.  What is not mapped is a SIGSEGV, which
 *          the reader survives.
 *   aliased  pages change places, sizes, and places get the pages of others as
 *          well, shared or as snapshots.  Then each place has one of the pages that
 *          were there, both its ends; and no thread's additions are more than it made.
 */
#include "fuzz.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define COUNT 1400u     /* pages: not whole windows */
#define SUMS 8          /* the first of the words that threads add to */
#define CALLS 4000u     /* of an epoch, about */
#define AT_A_TIME 8     /* calls of a thread within an epoch */
#define WRITER_SHIFT 40 /* of what a thread writes */
#define RW (PROT_READ | PROT_WRITE)

enum kind {
    KEPT,
    LOST,
    ALIASED,
    KINDS,
};

static struct {
    char *at;
    int range;
    enum kind kind;
    pthread_rwlock_t epoch;
    uint64_t sums[THREADS], writes[THREADS]; /* each its own thread's */
    _Atomic unsigned calls;
} shared = {.epoch = PTHREAD_RWLOCK_INITIALIZER};

/* ---- Accesses that may fail ----------------------------------------------------------------- */

static _Thread_local sigjmp_buf *volatile accessor;

static void on_segv(int sig)
{
    if (accessor != NULL) {
        siglongjmp(*accessor, 1);
    }
    signal(sig, SIG_DFL);
}

static bool read_word(volatile const uint64_t *word, uint64_t *value)
{
    sigjmp_buf here;
    bool good = false;

    if (sigsetjmp(here, 0) == 0) {
        accessor = &here;
        *value = *word;
        good = true;
    }
    accessor = NULL;
    return good;
}

static void write_word(volatile uint64_t *word, uint64_t value)
{
    sigjmp_buf here;

    if (sigsetjmp(here, 0) == 0) {
        accessor = &here;
        *word = value;
    }
    accessor = NULL;
}

/* ---- Epochs --------------------------------------------------------------------------------- */

static uint64_t *words_of(uint64_t page)
{
    return (uint64_t *)(shared.at + page * PAGE);
}

static void begin_epoch(void)
{
    if (mmap(shared.at, COUNT * PAGE, RW, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
             -1, 0) != shared.at) {
        abort();
    }
    for (uint64_t i = 0; i < COUNT; i++) {
        words_of(i)[0] = words_of(i)[511] = i + 1;
    }
    memset(shared.sums, 0, sizeof(shared.sums));
    shared.calls = 0;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void check_kept(struct part *judge)
{
    static uint64_t seen[COUNT];
    uint64_t sums[THREADS] = {0};

    for (uint64_t i = 0; i < COUNT; i++) {
        seen[i] = words_of(i)[0];
        need(judge, (int64_t)words_of(i)[511], (int64_t)seen[i]);
        for (unsigned t = 0; t < THREADS; t++) {
            sums[t] += words_of(i)[SUMS + t];
        }
    }
    qsort(seen, COUNT, sizeof(seen[0]), compare);
    for (uint64_t i = 0; i < COUNT; i++) {
        if (seen[i] != i + 1) {
            fail(judge, "not all pages, each once", i);
            break;
        }
    }
    for (unsigned t = 0; t < THREADS; t++) {
        need(judge, (int64_t)sums[t], (int64_t)shared.sums[t]);
    }
}

static void check_lost(struct part *judge)
{
    static uint64_t seen[COUNT];
    uint64_t count = 0;

    for (uint64_t i = 0; i < COUNT; i++) {
        if (read_word(words_of(i), &seen[count]) && seen[count] != 0) {
            count++;
        }
    }
    qsort(seen, count, sizeof(seen[0]), compare);
    for (uint64_t i = 1; i < count; i++) {
        if (seen[i] == seen[i - 1]) {
            fail(judge, "a page is there twice", i);
        }
    }
}

static void check_aliased(struct part *judge)
{
    for (uint64_t i = 0; i < COUNT; i++) {
        const uint64_t *words = words_of(i);

        if (words[0] == 0 || words[0] > COUNT || words[511] != words[0]) {
            fail(judge, "not one of the pages", i);
            break;
        }
        for (unsigned t = 0; t < THREADS; t++) {
            need_count(judge, (int64_t)words[SUMS + t], 0, shared.sums[t]);
        }
    }
}

static void end_epoch(struct part *judge)
{
    static const struct {
        const char *what;
        void (*check)(struct part *);
    } ends[KINDS] = {{"an epoch without losses", check_kept},
                     {"an epoch of losses", check_lost},
                     {"an epoch of aliases", check_aliased}};

    pthread_rwlock_wrlock(&shared.epoch);
    if (shared.calls >= CALLS) {
        judge->what = ends[shared.kind].what;
        ends[shared.kind].check(judge);
        shared.kind = (shared.kind + 1) % KINDS;
        begin_epoch();
    }
    pthread_rwlock_unlock(&shared.epoch);
}

void shared_init(void)
{
    struct sigaction action = {.sa_handler = on_segv, .sa_flags = SA_NODEFER};

    sigaction(SIGSEGV, &action, NULL);
    shared.at = mmap(NULL, COUNT * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    begin_epoch();
    shared.range = moka->range_open(shared.at, COUNT * PAGE);
}

void shared_end(struct part *judge)
{
    shared.calls = CALLS;
    end_epoch(judge);
}

/* ---- Calls of either kind ------------------------------------------------------------------- */

static bool was_written(uint64_t value)
{
    uint64_t writer = value >> WRITER_SHIFT;

    if (writer == 0) {
        return value <= COUNT && (shared.kind == LOST || value != 0);
    }
    return shared.kind == LOST && writer <= THREADS;
}

static void read_pages(struct part *part, uint64_t at, uint64_t count)
{
    uint64_t value;

    for (uint64_t i = at; i < at + count; i++) {
        bool good = read_word(&words_of(i)[any(part, 2) * 511], &value);

        if (good ? !was_written(value) : shared.kind != LOST) {
            fail(part, "what nobody has written", i);
        }
    }
}

static void write_pages(struct part *part, uint64_t at, uint64_t count)
{
    uint64_t self = (uint64_t)(part - parts);

    for (uint64_t i = at; i < at + count; i++) {
        if (shared.kind == LOST) {
            write_word(words_of(i), (self + 1) << WRITER_SHIFT | ++shared.writes[self]);
        } else {
            __atomic_fetch_add(&words_of(i)[SUMS + self], 1, __ATOMIC_RELAXED);
            shared.sums[self]++;
        }
    }
}

/* While others unmap it may find nothing there. */
static void settle_shared(struct part *part, int64_t got, int64_t least, int64_t most)
{
    bool gone = got == -ENOMEM || got == -ENXIO || got == -EINVAL;

    if ((got < least || got > most) && !(shared.kind == LOST && gone)) {
        fail(part, "another result, which is", (uint64_t)got);
    }
}

static void swap_pages(struct part *part, uint64_t at, uint64_t count)
{
    uint64_t to = any(part, COUNT - count + 1);
    struct moka_pair pair = {words_of(to), words_of(at), count * PAGE};
    bool apart = to + count <= at || at + count <= to;

    if (any(part, 3) == 0) {
        settle_shared(part, moka->remap->slide(shared.range, &pair, 1, MOKA_SLIDE_LEAVE), 1, 1);
    } else {
        int64_t wanted = apart ? 1 : -EINVAL;

        settle_shared(part, moka->remap->swap(shared.range, shared.range, &pair, 1, 0), wanted,
                      wanted);
    }
}

static void change_sizes(struct part *part, char *start, uint64_t size)
{
    static const uint32_t flags[] = {MOKA_SCAN_DIRTY | MOKA_SCAN_CLEAR, MOKA_SCAN_PRESENT};
    uint64_t bits[COUNT / 64 + 1];
    struct moka_scan scan = {start, size, PAGE, flags[any(part, 2)], bits, COUNT / 64 + 1};

    switch (any(part, 7)) {
    case 0:
        settle_shared(part, moka->page->split(shared.range, start, size), 0, COUNT);
        break;
    case 1:
        need_made(part, moka->page->join(shared.range, start, size), COUNT);
        break;
    case 2:
        need_made(part, moka->large->promote(shared.range, start, size, MOKA_SIZE_2M), COUNT);
        break;
    case 3:
        settle_shared(part, moka->large->demote(shared.range, start, size, MOKA_SIZE_4K), 0, COUNT);
        break;
    case 4:
        settle_shared(part,
                      moka->large->policy(shared.range, start, size, MOKA_SIZE_2M,
                                          (unsigned)any(part, MOKA_LARGE_REQUIRE)),
                      0, 0);
        break;
    case 5:
        settle_shared(part, moka->large->populate(shared.range, start, size, 0, 2), 0,
                      (int64_t)size);
        break;
    default:
        settle_shared(part, moka->page->scan(shared.range, &scan), 0, COUNT);
    }
}

/* A snapshot of what is shared is refused. */
static void alias_pages(struct part *part, uint64_t at, uint64_t count)
{
    uint64_t to = any(part, COUNT - count + 1);
    struct moka_pair pair = {words_of(to), words_of(at), count * PAGE};
    bool apart = to + count <= at || at + count <= to, snapshot = any(part, 2) == 0;
    int64_t got = moka->remap->alias(shared.range, shared.range, &pair, 1,
                                     snapshot ? MOKA_ALIAS_SNAPSHOT : MOKA_ALIAS_SHARED);

    if (!snapshot || !apart || got != -EBUSY) {
        need(part, got, apart ? 1 : -EINVAL);
    }
}

/* ---- Calls that lose pages ------------------------------------------------------------------ */

static void move_pages(struct part *part, uint64_t at, uint64_t count)
{
    uint64_t to = any(part, COUNT - count + 1);
    struct moka_pair pair = {words_of(to), words_of(at), count * PAGE};

    if (any(part, 2) == 0) {
        settle_shared(part, moka->remap->slide(shared.range, &pair, 1, 0), 1, 1);
    } else {
        settle_shared(part,
                      moka->remap->move(shared.range, shared.range, &pair, 1,
                                        any(part, 4) == 0 ? MOKA_MOVE_UNMAP : MOKA_MOVE_ZERO),
                      1, 1);
    }
}

static void lose_pages(struct part *part, uint64_t at, uint64_t count)
{
    char *start = (char *)words_of(at);
    uint64_t size = count * PAGE;

    switch (any(part, 6)) {
    case 0:
        munmap(start, size);
        break;
    case 1:
        (void)mmap(start, size, RW, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        break;
    case 2:
        madvise(start, size, MADV_DONTNEED);
        break;
    case 3:
        mprotect(start, size, any(part, 4) == 0 ? PROT_READ : RW);
        break;
    case 4:
        settle_shared(part, moka->large->discard(shared.range, start, size), 0, (int64_t)size);
        break;
    default:
        move_pages(part, at, count);
    }
}

static void one_call(struct part *part)
{
    uint64_t at = any(part, COUNT), count = any_count(part, COUNT - at), what = any(part, 8);

    part->what = "a call in shared memory";
    count = what < 4 && count > 40 ? 40 : count;
    if (what < 2) {
        read_pages(part, at, count);
    } else if (what < 4) {
        write_pages(part, at, count);
    } else if (what < 6) {
        swap_pages(part, at, count);
    } else if (what == 6 || shared.kind == KEPT) {
        change_sizes(part, (char *)words_of(at), count * PAGE);
    } else if (shared.kind == ALIASED) {
        alias_pages(part, at, count);
    } else {
        lose_pages(part, at, count);
    }
    atomic_fetch_add_explicit(&shared.calls, 1, memory_order_relaxed);
}

void call_shared(struct part *part)
{
    pthread_rwlock_rdlock(&shared.epoch);
    for (unsigned i = 0; i < AT_A_TIME; i++) {
        one_call(part);
    }
    pthread_rwlock_unlock(&shared.epoch);
    if (atomic_load_explicit(&shared.calls, memory_order_relaxed) >= CALLS) {
        end_epoch(part);
    }
}
