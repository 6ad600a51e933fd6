/* SPDX-License-Identifier: MIT */
/* The system call; musl's own refuses, because Linux means a thread where POSIX means a process. */
#include <sched.h>

#include "syscall.h"

int sched_getscheduler(pid_t pid)
{
    return syscall(SYS_sched_getscheduler, pid);
}
