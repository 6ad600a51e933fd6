/* SPDX-License-Identifier: MIT */
/*
 * select(2) and pselect(2): three sets of bits, turned into the entries of
 * one poll_set and back.  As on Linux, a descriptor above those that the
 * process can have is not looked at, and the time that is left is written back.
 */
#include <kernel/errno.h>
#include <kernel/fd.h>
#include <kernel/kmalloc.h>
#include <kernel/string.h>
#include <kernel/syscall.h>
#include <kernel/uaccess.h>

#include "poll_set_priv.h"
#include "sigmask_priv.h"
#include "timeout_priv.h"

#define SETS 3u
#define FEW_WORDS 4u /* of each set, on the stack */
#define WORD_BITS 64u

/* What each of the three sets asks for. */
static const u32 set_events[SETS] = {
    POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR,
    POLLOUT | POLLWRNORM | POLLWRBAND | POLLERR,
    POLLPRI,
};

struct select_sets {
    u64 pointer[SETS]; /* the application's, or 0 */
    u64 *bits;         /* SETS times `words` */
    unsigned words;
    u64 few[SETS * FEW_WORDS];
};

static bool wants(const struct select_sets *sets, unsigned set, unsigned fd)
{
    return (sets->bits[set * sets->words + fd / WORD_BITS] >> fd % WORD_BITS & 1) != 0;
}

static int read_sets(struct select_sets *sets, unsigned count)
{
    sets->words = (count + WORD_BITS - 1) / WORD_BITS;
    sets->bits = sets->few;
    if (sets->words > FEW_WORDS) {
        sets->bits = kmalloc(SETS * sets->words * sizeof(u64));
    }
    if (sets->bits == NULL) {
        return -ENOMEM;
    }
    memset(sets->bits, 0, SETS * sets->words * sizeof(u64));
    for (unsigned i = 0; i < SETS; i++) {
        if (sets->pointer[i] != 0 &&
            user_read(&sets->bits[i * sets->words], (const void *)sets->pointer[i],
                      sets->words * sizeof(u64)) != 0) {
            return -EFAULT;
        }
    }
    return 0;
}

/* The events that the sets want of a descriptor. */
static u32 events_wanted(const struct select_sets *sets, unsigned fd)
{
    u32 events = 0;

    for (unsigned i = 0; i < SETS; i++) {
        events |= wants(sets, i, fd) ? set_events[i] : 0;
    }
    return events;
}

static unsigned count_wanted(const struct select_sets *sets, unsigned count)
{
    unsigned wanted = 0;

    for (unsigned fd = 0; fd < count; fd++) {
        wanted += events_wanted(sets, fd) != 0;
    }
    return wanted;
}

static int add_entries(struct select_sets *sets, struct poll_set *set, unsigned count)
{
    for (unsigned fd = 0; fd < count; fd++) {
        u32 events = events_wanted(sets, fd);

        if (events != 0 && !poll_set_add(set, (int)fd, events)) {
            return -EBADF;
        }
        if (events != 0) {
            set->entries[set->count - 1].events =
                events; /* no errors but in the sets that say so */
        }
    }
    return 0;
}

/* The bits of what was found: how many. */
static int write_sets(struct select_sets *sets, const struct poll_set *set)
{
    u64 *result = sets->bits;
    int count = 0;

    for (unsigned e = 0; e < set->count; e++) {
        const struct poll_entry *entry = &set->entries[e];
        unsigned fd = (unsigned)entry->fd;

        for (unsigned i = 0; i < SETS; i++) {
            u64 bit = 1ull << fd % WORD_BITS, *word = &result[i * sets->words + fd / WORD_BITS];

            if ((*word & bit) != 0 && (entry->found & set_events[i]) != 0) {
                count++;
            } else {
                *word &= ~bit;
            }
        }
    }
    for (unsigned i = 0; i < SETS; i++) {
        if (sets->pointer[i] != 0 && user_write((void *)sets->pointer[i], &result[i * sets->words],
                                                sets->words * sizeof(u64)) != 0) {
            return -EFAULT;
        }
    }
    return count;
}

static int select_with(struct select_sets *sets, unsigned count, nsec_t deadline)
{
    struct poll_set set;
    int result = poll_set_init(&set, count_wanted(sets, count));

    if (result != 0) {
        return result;
    }
    result = add_entries(sets, &set, count);
    if (result == 0) {
        result = poll_set_wait(&set, deadline);
        if (result >= 0) {
            result = write_sets(sets, &set);
        }
    }
    poll_set_destroy(&set);
    return result == -EINTR ? -ERESTARTNOHAND : result;
}

static s64 do_select(u64 nfds, u64 in, u64 out, u64 except, nsec_t deadline)
{
    struct select_sets sets = {.pointer = {in, out, except}};
    unsigned count;
    int result;

    if ((int)nfds < 0) {
        return -EINVAL;
    }
    count = (unsigned)MIN((u64)(u32)nfds, fd_limit());
    result = read_sets(&sets, count);
    if (result == 0) {
        result = select_with(&sets, count, deadline);
    }
    if (sets.bits != sets.few) {
        kfree(sets.bits);
    }
    return result;
}

s64 sys_select(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    nsec_t deadline;
    s64 result = timeout_read(a4, true, &deadline);

    if (result != 0) {
        return result;
    }
    result = do_select(a0, a1, a2, a3, deadline);
    timeout_write_left(a4, true, deadline);
    return result;
}

s64 sys_pselect6(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct {
        u64 mask, size;
    } arg = {0, 0};
    struct sigmask_swap swap;
    nsec_t deadline;
    s64 result;

    if (a5 != 0 && user_read(&arg, (const void *)a5, sizeof(arg)) != 0) {
        return -EFAULT;
    }
    result = timeout_read(a4, false, &deadline);
    if (result == 0) {
        result = sigmask_begin(&swap, arg.mask, arg.size);
    }
    if (result != 0) {
        return result;
    }
    result = do_select(a0, a1, a2, a3, deadline);
    sigmask_end(&swap, result);
    timeout_write_left(a4, false, deadline);
    return result;
}
