/* SPDX-License-Identifier: MIT */
/*
 * Roles and pauses, which change nothing in memory but who runs when.  A thread
 * keeps a role that could starve others for one call only.
 */
#include "fuzz.h"

#include <sys/prctl.h>
#include <time.h>

static void nap(struct part *part)
{
    const struct timespec time = {0, (long)any(part, 100000)};

    nanosleep(&time, NULL);
}

static void call_set(struct part *part)
{
    int role = (int)any(part, MOKA_ROLES);

    part->what = "role set";
    need(part, moka->role->set(0, role), 0);
    need(part, moka->role->get(0), role);
    if (any(part, 2) == 0) {
        nap(part);
    }
    need(part, moka->role->set(0, MOKA_ROLE_BY_NAME), 0);
}

static void call_name(struct part *part)
{
    static const char *const names[] = {"VM Thread", "GC Thread#3", "G1 Conc#0", "C2 CompilerThre",
                                        "fuzz"};

    part->what = "role by name";
    prctl(PR_SET_NAME, names[any(part, 5)]);
    nap(part);
    need_count(part, moka->role->by_name((int)any(part, 3) - 1), 0, 1);
    need_count(part, moka->role->get(0), 0, MOKA_ROLES - 1);
    prctl(PR_SET_NAME, "fuzz");
}

static void call_pause(struct part *part)
{
    int got = moka->role->pause_begin(any(part, 2) == 0 ? MOKA_PAUSE_REACHING : MOKA_PAUSE_STOPPED);

    part->what = "pause";
    if (got != -EBUSY) {
        need(part, got, 0);
    }
    if (any(part, 2) == 0) {
        nap(part);
    }
    need(part, moka->role->pause_end(), got == 0 ? 0 : -EPERM);
    need(part, moka->role->pause_end(), -EPERM);
}

static void call_wrong(struct part *part)
{
    part->what = "role that is wrong";
    need(part, moka->role->set(0, MOKA_ROLES), -EINVAL);
    need(part, moka->role->set(0, MOKA_ROLE_BY_NAME - 1), -EINVAL);
    need(part, moka->role->set(-1 - (int)any(part, 1000), 0), -ESRCH);
    need(part, moka->role->get(INT32_MAX - (int)any(part, 1000)), -ESRCH);
    need(part, moka->role->by_name(2 + (int)any(part, 1000)), -EINVAL);
    need(part, moka->role->pause_begin(3 + (int)any(part, 1000)), -EINVAL);
    need(part, moka->role->pause_begin(0), -EINVAL);
    need(part, moka->role->times(NULL, MOKA_ROLES), -EFAULT);
    need(part, moka->role->times(NULL, 0), MOKA_ROLES);
}

void call_role(struct part *part)
{
    struct moka_role_times times[MOKA_ROLES];

    switch (any(part, 5)) {
    case 0:
        call_set(part);
        break;
    case 1:
        call_name(part);
        break;
    case 2:
        call_pause(part);
        break;
    case 3:
        call_wrong(part);
        break;
    default:
        part->what = "role times";
        need(part, moka->role->times(times, (unsigned)any(part, 20)), MOKA_ROLES);
    }
}
