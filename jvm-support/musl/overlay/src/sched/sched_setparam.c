/* SPDX-License-Identifier: MIT */
/* The system call; musl's own refuses, because Linux means a thread where POSIX means a process. */
#include <sched.h>

#include "syscall.h"

int sched_setparam(pid_t pid, const struct sched_param *param)
{
    return syscall(SYS_sched_setparam, pid, param);
}
