/* SPDX-License-Identifier: MIT */
/*
 * Calls that Moka does not have: -ENOSYS, and nothing else happens.  What they are the
 * log tells at the end, which tests/run-programs.sh looks at.  Not for Linux.
 */
#include "tap.h"

#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

int main(void)
{
    char *none[] = {NULL};

    FAILS(fork(), ENOSYS, "fork");
    FAILS(syscall(SYS_fork), ENOSYS, "fork itself");
    FAILS(syscall(SYS_vfork), ENOSYS, "vfork itself");
    FAILS(syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0), ENOSYS, "clone of a process");
    FAILS(syscall(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL, NULL, NULL, 0), ENOSYS,
          "clone as vfork");
    FAILS(syscall(SYS_clone, CLONE_NEWNS | SIGCHLD, NULL, NULL, NULL, 0), ENOSYS,
          "clone with a name space");
    FAILS(execve("/proc/self/exe", none, none), ENOSYS, "execve");
    FAILS(syscall(SYS_shmget, 1, 4096, 0600), ENOSYS, "shmget");
    FAILS(syscall(SYS_mount, "", "", "", 0, NULL), ENOSYS, "mount");
    FAILS(syscall(SYS_mount, "", "", "", 0, NULL), ENOSYS, "mount, twice");
    FAILS(syscall(999), ENOSYS, "a number that Linux does not have");
    FAILS(syscall(-5), ENOSYS, "a negative number");
    return tap_end();
}
