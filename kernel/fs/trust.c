/* SPDX-License-Identifier: MIT */
/*
 * How long what a file system said is believed, of one whose files others
 * change too (9P): until its time is over (super->trust_nsec), but not longer
 * than the machine hears nothing from outside.
 *
 * A program can know that the host has changed a file only from the clock, or
 * because it was told: by its input, by a signal, by what is in another file.
 * So whoever brings such news calls vfs_heard(), as does a file system that
 * finds a change which was not ours; what was asked before then is asked again.
 * And who looks, sleeps for a time, and looks again wants to see what has
 * happened meanwhile: a thread does not believe what is older than its sleep.
 *
 * Rejected: times alone (a program that is told to look would not see it), and
 * news for one file system only (a lock file here is about files there).
 */
#include <kernel/vfs.h>

#include <kernel/clock.h>
#include <kernel/sched.h>

#include "fs_priv.h"

static _Atomic nsec_t heard; /* when the last news came */

void vfs_heard(void)
{
    atomic_store_explicit(&heard, clock_now(), memory_order_release);
}

bool trust_is_fresh(nsec_t asked, nsec_t trust)
{
    nsec_t now = clock_now();

    return asked > atomic_load_explicit(&heard, memory_order_acquire) &&
           asked > sched_slept_until() && now >= asked && now - asked < trust;
}
