/* SPDX-License-Identifier: MIT */
/* The system call; musl's own refuses, because Linux means a thread where POSIX means a process. */
#include <sched.h>

#include "syscall.h"

int sched_getparam(pid_t pid, struct sched_param *param)
{
    return syscall(SYS_sched_getparam, pid, param);
}
