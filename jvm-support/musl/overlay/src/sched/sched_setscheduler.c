/* SPDX-License-Identifier: MIT */
/* The system call; musl's own refuses, because Linux means a thread where POSIX means a process. */
#include <sched.h>

#include "syscall.h"

int sched_setscheduler(pid_t pid, int policy, const struct sched_param *param)
{
    return syscall(SYS_sched_setscheduler, pid, policy, param);
}
