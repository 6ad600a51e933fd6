/* SPDX-License-Identifier: MIT */
/* The hooks on the scheduling of a collector's threads. */
#include "hooks_priv.h"
#include "syscall.h"

enum {
    CALL_SET = 497,
    CALL_GET,
    CALL_BY_NAME,
    CALL_PAUSE_BEGIN,
    CALL_PAUSE_END,
    CALL_TIMES,
};

static int set(int tid, int role)
{
    return (int)__syscall(CALL_SET, tid, role);
}

static int get(int tid)
{
    return (int)__syscall(CALL_GET, tid);
}

static int by_name(int on)
{
    return (int)__syscall(CALL_BY_NAME, on);
}

static int pause_begin(int phase)
{
    return (int)__syscall(CALL_PAUSE_BEGIN, phase);
}

static int pause_end(void)
{
    return (int)__syscall(CALL_PAUSE_END);
}

static int times(struct moka_role_times *times, unsigned count)
{
    return (int)__syscall(CALL_TIMES, times, count);
}

const struct moka_role_hooks __moka_role = {
    .size = sizeof(__moka_role),
    .set = set,
    .get = get,
    .by_name = by_name,
    .pause_begin = pause_begin,
    .pause_end = pause_end,
    .times = times,
};
