/* SPDX-License-Identifier: MIT */
/*
 * What programs ask about the machine and themselves: uname(2), sysinfo(2),
 * getrusage(2), prctl(2), getrandom(2).  The system calls itself Linux, of a
 * release whose calls it has, because that is what programs compare with.
 */
#include "process_priv.h"

#include <kernel/aspace.h>
#include <kernel/bootinfo.h>
#include <kernel/clock.h>
#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/pressure.h>
#include <kernel/random.h>
#include <kernel/signal.h>
#include <kernel/string.h>
#include <kernel/syscall.h>
#include <kernel/thread.h>
#include <kernel/uaccess.h>
#include <kernel/version.h>

#define SYSCALL(name) s64 sys_##name(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)

/* ---- uname, sysinfo ---------------------------------------------------------- */

#define UTS_LEN 65
struct utsname {
    char system[UTS_LEN], node[UTS_LEN], release[UTS_LEN], version[UTS_LEN], machine[UTS_LEN],
        domain[UTS_LEN];
};

SYSCALL(uname)
{
    struct utsname name = {LINUX_SYSNAME, LINUX_NODENAME, LINUX_RELEASE,
                           LINUX_VERSION, LINUX_MACHINE,  "(none)"};

    (void)cmdline_get("net.name", name.node, sizeof(name.node));
    return user_write((void *)a0, &name, sizeof(name));
}

struct sysinfo {
    s64 uptime;
    u64 loads[3], total, free, shared, buffers, swap_total, swap_free;
    u16 processes, pad;
    u64 high_total, high_free;
    u32 unit;
};

#define LOAD_SHIFT 5 /* from 1 / LOAD_ONE to 1 / 2^16 */

SYSCALL(sysinfo)
{
    struct frame_stats frames;
    struct sysinfo info;
    u64 load[3];

    frame_get_stats(&frames);
    process_load(load);
    info = (struct sysinfo){
        .uptime = (s64)((clock_now() + NSEC_PER_SEC - 1) / NSEC_PER_SEC),
        .total = (frames.total - balloon_kept_frames()) * PAGE_SIZE,
        .free = frames.free * PAGE_SIZE,
        .loads = {load[0] << LOAD_SHIFT, load[1] << LOAD_SHIFT, load[2] << LOAD_SHIFT},
        .processes = (u16)MIN(process_thread_count(), 0xffffu),
        .unit = 1,
    };
    return user_write((void *)a0, &info, sizeof(info));
}

/* ---- getrusage ------------------------------------------------------------------- */

enum { RUSAGE_CHILDREN = -1, RUSAGE_SELF, RUSAGE_THREAD };

struct rusage {
    s64 user_sec, user_usec, system_sec, system_usec;
    s64 max_rss, ix_rss, id_rss, is_rss, minor_faults, major_faults, swaps, in_blocks, out_blocks;
    s64 messages_sent, messages_received, signals, voluntary, involuntary;
};

SYSCALL(getrusage)
{
    struct process_usage usage = {0};
    nsec_t system, user;
    struct rusage out;
    int who = (int)a0;

    if (who == RUSAGE_THREAD) {
        struct thread *t = thread_current();

        usage.run_time = thread_run_time(t);
        usage.system_time = t->system_time;
        usage.faults = t->minor_faults;
        usage.switches[0] = t->switches[0];
        usage.switches[1] = t->switches[1];
    } else if (who == RUSAGE_SELF) {
        process_usage(&usage);
    } else if (who != RUSAGE_CHILDREN) {
        return -EINVAL;
    }
    system = MIN(usage.system_time, usage.run_time);
    user = usage.run_time - system;
    out = (struct rusage){
        .user_sec = (s64)(user / NSEC_PER_SEC),
        .user_usec = (s64)(user % NSEC_PER_SEC / NSEC_PER_USEC),
        .system_sec = (s64)(system / NSEC_PER_SEC),
        .system_usec = (s64)(system % NSEC_PER_SEC / NSEC_PER_USEC),
        .minor_faults = (s64)usage.faults,
        .voluntary = (s64)usage.switches[0],
        .involuntary = (s64)usage.switches[1],
        .max_rss = who == RUSAGE_CHILDREN ? 0 : (s64)(aspace_resident_peak() / KIB),
    };
    return user_write((void *)a1, &out, sizeof(out));
}

/* ---- getrandom ----------------------------------------------------------------------- */

#define GRND_NONBLOCK 1u
#define GRND_RANDOM 2u
#define GRND_INSECURE 4u
#define RANDOM_CHUNK 64

SYSCALL(getrandom)
{
    u32 flags = (u32)a2;
    u64 size = MIN(a1, (u64)INT32_MAX), done = 0;

    if ((flags & ~(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE)) != 0 ||
        (flags & (GRND_RANDOM | GRND_INSECURE)) == (GRND_RANDOM | GRND_INSECURE)) {
        return -EINVAL;
    }
    /* Rather nothing than what could be guessed: no seed will come any more. */
    if (!random_is_seeded() && (flags & GRND_INSECURE) == 0) {
        return -EAGAIN;
    }
    while (done < size) {
        u64 chunk[RANDOM_CHUNK / sizeof(u64)], n = MIN(size - done, sizeof(chunk));

        for (unsigned i = 0; i < ARRAY_SIZE(chunk); i++) {
            chunk[i] = random_u64();
        }
        if (user_write((u8 *)a0 + done, chunk, n) != 0) {
            return done != 0 ? (s64)done : -EFAULT;
        }
        done += n;
        if (done < size && signal_pending()) {
            break;
        }
    }
    return (s64)done;
}

/* ---- prctl, personality ---------------------------------------------------------------- */

enum {
    PR_SET_PDEATHSIG = 1,
    PR_GET_PDEATHSIG,
    PR_GET_DUMPABLE,
    PR_SET_DUMPABLE,
    PR_GET_KEEPCAPS = 7,
    PR_SET_KEEPCAPS,
    PR_SET_NAME = 15,
    PR_GET_NAME,
    PR_GET_SECCOMP = 21,
    PR_CAPBSET_READ = 23,
    PR_SET_TIMERSLACK = 29,
    PR_GET_TIMERSLACK,
    PR_SET_CHILD_SUBREAPER = 36,
    PR_GET_CHILD_SUBREAPER,
    PR_SET_NO_NEW_PRIVS,
    PR_GET_NO_NEW_PRIVS,
    PR_GET_THP_DISABLE = 42,
};
#define DEFAULT_SLACK (50 * NSEC_PER_USEC)
#define CAPABILITY_LAST 40

/* (a) each by itself */
static struct {
    _Atomic s32 death_signal, dumpable, keep_caps, subreaper, no_new_privs;
    _Atomic u32 personality;
} settings = {.dumpable = 1};

static s64 get_s32(u64 addr, const _Atomic s32 *value)
{
    s32 now = atomic_load_explicit(value, memory_order_relaxed);

    return user_write((void *)addr, &now, sizeof(now));
}

/* To a value of 0 .. most. */
static s64 set_s32(_Atomic s32 *value, u64 wanted, u64 most)
{
    if (wanted > most) {
        return -EINVAL;
    }
    atomic_store_explicit(value, (s32)wanted, memory_order_relaxed);
    return 0;
}

static s64 set_name(u64 addr)
{
    char name[THREAD_NAME] = {0};

    for (unsigned i = 0; i < THREAD_NAME - 1; i++) {
        if (user_read(&name[i], (const char *)addr + i, 1) != 0) {
            return -EFAULT;
        }
        if (name[i] == '\0') {
            break;
        }
    }
    thread_set_name(thread_current(), name);
    return 0;
}

static s64 set_slack(u64 wanted)
{
    thread_current()->timer_slack = (s64)wanted > 0 ? wanted : 0;
    return 0;
}

static s64 get_slack(void)
{
    u64 slack = thread_current()->timer_slack;

    return (s64)(slack != 0 ? slack : DEFAULT_SLACK);
}

SYSCALL(prctl)
{
    switch ((int)a0) {
    case PR_SET_NAME:
        return set_name(a1);
    case PR_GET_NAME:
        return user_write((void *)a1, thread_current()->name, THREAD_NAME);
    case PR_SET_PDEATHSIG:
        return set_s32(&settings.death_signal, a1, SIGNALS);
    case PR_GET_PDEATHSIG:
        return get_s32(a1, &settings.death_signal);
    case PR_SET_DUMPABLE:
        return set_s32(&settings.dumpable, a1, 1);
    case PR_GET_DUMPABLE:
        return atomic_load_explicit(&settings.dumpable, memory_order_relaxed);
    case PR_SET_KEEPCAPS:
        return set_s32(&settings.keep_caps, a1, 1);
    case PR_GET_KEEPCAPS:
        return atomic_load_explicit(&settings.keep_caps, memory_order_relaxed);
    case PR_GET_SECCOMP:
    case PR_GET_THP_DISABLE:
        return 0;
    case PR_CAPBSET_READ:
        return a1 <= CAPABILITY_LAST ? 1 : -EINVAL;
    case PR_SET_TIMERSLACK:
        return set_slack(a1);
    case PR_GET_TIMERSLACK:
        return get_slack();
    case PR_SET_CHILD_SUBREAPER:
        return set_s32(&settings.subreaper, a1 != 0, 1);
    case PR_GET_CHILD_SUBREAPER:
        return get_s32(a1, &settings.subreaper);
    case PR_SET_NO_NEW_PRIVS:
        return a1 == 1 && (a2 | a3 | a4) == 0 ? set_s32(&settings.no_new_privs, 1, 1) : -EINVAL;
    case PR_GET_NO_NEW_PRIVS:
        return atomic_load_explicit(&settings.no_new_privs, memory_order_relaxed);
    default: /* PR_SET_VMA and PR_SET_THP_DISABLE among them: as a kernel without the options */
        return -EINVAL;
    }
}

#define PERSONALITY_ASK 0xffffffffu

SYSCALL(personality)
{
    if ((u32)a0 == PERSONALITY_ASK) {
        return atomic_load_explicit(&settings.personality, memory_order_relaxed);
    }
    return atomic_exchange_explicit(&settings.personality, (u32)a0, memory_order_relaxed);
}

/* ---- Names of the host ---------------------------------------------------------------- */

SYSCALL(sethostname)
{
    return -EPERM;
}

SYSCALL(setdomainname)
{
    return -EPERM;
}
