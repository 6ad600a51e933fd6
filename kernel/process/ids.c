/* SPDX-License-Identifier: MIT */
/*
 * Who the process is: number 1 of its machine, without a parent, leader of its
 * group and session, run by root with every capability.  Numbers can be set to
 * what they are, and as on Linux root may ask for others: there is nobody
 * whose rights would differ, so those calls are refused with -EPERM rather
 * than pretended.
 */
#include "process_priv.h"

#include <kernel/errno.h>
#include <kernel/syscall.h>
#include <kernel/thread.h>
#include <kernel/uaccess.h>

#define SYSCALL(name) s64 sys_##name(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)

#define CAPABILITY_V1 0x19980330u
#define CAPABILITY_V2 0x20071026u
#define CAPABILITY_V3 0x20080522u
#define CAPABILITIES 0x1ffffffffffull /* Linux 6: 41 of them */

SYSCALL(getpid)
{
    return PROCESS_ID;
}

SYSCALL(getppid)
{
    return 0; /* nobody started this process, as for Linux's init */
}

SYSCALL(getuid)
{
    return 0;
}

SYSCALL(geteuid)
{
    return 0;
}

SYSCALL(getgid)
{
    return 0;
}

SYSCALL(getegid)
{
    return 0;
}

static s64 set_id(u64 id)
{
    return (u32)id == 0 ? 0 : -EPERM;
}

/* -1 leaves a number as it is. */
static s64 set_ids(const u64 *ids, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if ((u32)ids[i] != 0 && (u32)ids[i] != ~0u) {
            return -EPERM;
        }
    }
    return 0;
}

SYSCALL(setuid)
{
    return set_id(a0);
}

SYSCALL(setgid)
{
    return set_id(a0);
}

SYSCALL(setreuid)
{
    return set_ids((const u64[]){a0, a1}, 2);
}

SYSCALL(setregid)
{
    return set_ids((const u64[]){a0, a1}, 2);
}

SYSCALL(setresuid)
{
    return set_ids((const u64[]){a0, a1, a2}, 3);
}

SYSCALL(setresgid)
{
    return set_ids((const u64[]){a0, a1, a2}, 3);
}

SYSCALL(setfsuid)
{
    return 0; /* the number before, whether it was changed or not */
}

SYSCALL(setfsgid)
{
    return 0;
}

static s64 write_three(u64 a0, u64 a1, u64 a2)
{
    const u32 zero = 0;

    if (user_write((void *)a0, &zero, sizeof(zero)) != 0 ||
        user_write((void *)a1, &zero, sizeof(zero)) != 0) {
        return -EFAULT;
    }
    return user_write((void *)a2, &zero, sizeof(zero));
}

SYSCALL(getresuid)
{
    return write_three(a0, a1, a2);
}

SYSCALL(getresgid)
{
    return write_three(a0, a1, a2);
}

SYSCALL(getgroups)
{
    return (int)a0 < 0 ? -EINVAL : 0;
}

SYSCALL(setgroups)
{
    return (int)a0 == 0 ? 0 : -EPERM;
}

/* ---- Groups and sessions ----------------------------------------------------------- */

static bool is_self(u64 pid)
{
    return (int)pid == 0 || (int)pid == (int)PROCESS_ID;
}

SYSCALL(getpgrp)
{
    return PROCESS_ID;
}

SYSCALL(getpgid)
{
    return is_self(a0) ? (s64)PROCESS_ID : -ESRCH;
}

SYSCALL(getsid)
{
    return is_self(a0) ? (s64)PROCESS_ID : -ESRCH;
}

SYSCALL(setpgid)
{
    if ((int)a1 < 0) {
        return -EINVAL;
    }
    return is_self(a0) ? -EPERM : -ESRCH; /* a session's leader stays */
}

SYSCALL(setsid)
{
    return -EPERM;
}

/* ---- Capabilities -------------------------------------------------------------------- */

/* Words per set in a version's layout; 0: unknown, and the best one was written. */
static int capability_words(u64 header, u32 *words)
{
    u32 version, best = CAPABILITY_V3;

    if (user_read(&version, (const void *)header, sizeof(version)) != 0) {
        return -EFAULT;
    }
    *words = version == CAPABILITY_V1                               ? 1
             : version == CAPABILITY_V2 || version == CAPABILITY_V3 ? 2
                                                                    : 0;
    return *words != 0 ? 0 : user_write((void *)header, &best, sizeof(best));
}

SYSCALL(capget)
{
    u32 words, data[6] = {0};
    int err = capability_words(a0, &words);

    if (err != 0) {
        return err;
    }
    if (words == 0) {
        return a1 == 0 ? 0 : -EINVAL;
    }
    if (a1 == 0) {
        return 0;
    }
    for (u32 i = 0; i < words; i++) { /* effective, permitted, inheritable */
        data[3 * i] = data[3 * i + 1] = (u32)(CAPABILITIES >> 32 * i);
    }
    return user_write((void *)a1, data, 3ull * sizeof(u32) * words);
}

/* Nothing asks for them; giving some up changes nothing. */
SYSCALL(capset)
{
    u32 words;
    int err = capability_words(a0, &words);

    return err != 0 ? err : words != 0 ? 0 : -EINVAL;
}

/* ---- Children: there are none ---------------------------------------------------------- */

#define WAIT_ALL 0xe000000bull /* WNOHANG, WUNTRACED, WCONTINUED, __WNOTHREAD, __WALL, __WCLONE */

SYSCALL(wait4)
{
    return ((u32)a2 & ~WAIT_ALL) != 0 ? -EINVAL : -ECHILD;
}

SYSCALL(waitid)
{
    return -ECHILD;
}
