/* SPDX-License-Identifier: MIT */
/*
 * What a thread is to a collector, who runs first because of that while the
 * application is stopped, and the CPU time of each kind of thread.
 *
 * An unmodified HotSpot needs none of these calls: its threads have the role
 * that their names say, and the kernel sees from what its VM thread waits for
 * whether a pause is being reached, is on, or is over.
 *
 *   reaching   threads that have not stopped yet run before all others.  Who
 *              conducts waits for them by nanosleep(2) of up to 1 ms: each gives
 *              mutators, concurrent collectors and threads of which nobody has
 *              said anything, if they wait for a CPU, one turn of up to 500 us.  It
 *              ends with EINTR when there are no more of them, if it has not
 *              lasted as long as asked for; it may last 500 us.
 *   stopped    threads of the roles VM, GC_PAUSE and GC_CONCURRENT run before
 *              all others, until the mutators have been woken.
 *
 * VM and GC_PAUSE come before mutators at all times, GC_CONCURRENT only in a
 * pause.  No more than 96 % of a CPU's time goes to them while others wait for
 * that CPU, whatever they do.
 *
 * From any thread.  Results are 0 or more, or a negative errno.
 */
#ifndef MOKA_ROLE_H
#define MOKA_ROLE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum moka_role {
    MOKA_ROLE_NONE,          /* of no meaning to a collector */
    MOKA_ROLE_MUTATOR,       /* runs the application, and stops for pauses */
    MOKA_ROLE_COMPILER,      /* compiles it; does not stop */
    MOKA_ROLE_GC_CONCURRENT, /* collects beside the mutators, or in pauses too */
    MOKA_ROLE_GC_PAUSE,      /* collects in pauses only */
    MOKA_ROLE_VM,            /* conducts the pauses */
    MOKA_ROLES,
};
#define MOKA_ROLE_BY_NAME (-1) /* for set(): what the thread's name says */

enum moka_pause {
    MOKA_PAUSE_REACHING = 1, /* the mutators were told to stop; some have not yet */
    MOKA_PAUSE_STOPPED,      /* all have */
};

/* Of all threads of one role, those that have ended included. */
struct moka_role_times {
    uint64_t threads; /* that live */
    uint64_t running; /* ns on a CPU */
    uint64_t waiting; /* ns ready to run, without a CPU */
};

struct moka_role_hooks {
    uint64_t size; /* of this struct, which grows at its end */

    /*
     * The role of a thread (0: the calling one) from now on, whatever its
     * name; its time so far counts for the new role too.  -ESRCH: no such
     * thread; -EINVAL: no such role.
     */
    int (*set)(int tid, int role);
    /* A thread's role.  -ESRCH. */
    int (*get)(int tid);

    /*
     * May names give roles (1) or not (0)?  Returns what was so before; -1 only
     * asks.  -EINVAL.  Turned off, no thread has a role but by set(), and HotSpot's
     * pauses are not seen; turned on, the names that threads have count again.
     *
     * The names are those that HotSpot's threads give themselves (prctl(2),
     * /proc/self/task/TID/comm).  A thread that was started by a mutator
     * gets none of the roles VM, GC_PAUSE and GC_CONCURRENT by a name, and there
     * is one "VM Thread" at a time.  While there is one, threads without a name
     * that says more are mutators.
     */
    int (*by_name)(int on);

    /*
     * For collectors that are not HotSpot's, or whose threads have other
     * names: the calling thread, which need not have a role, conducts a pause
     * that is in this phase now.  -EINVAL: no such phase; -EBUSY: another
     * thread conducts one.  A pause ends with its thread at the latest.
     */
    int (*pause_begin)(int phase);
    /* It is over, and the mutators have been woken.  -EPERM: not the caller's. */
    int (*pause_end)(void);

    /*
     * Writes times[role] for the first `count` roles; the number of roles.
     * -EFAULT.
     */
    int (*times)(struct moka_role_times *times, unsigned count);
};

#ifdef __cplusplus
}
#endif

#endif
