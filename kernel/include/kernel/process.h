/* SPDX-License-Identifier: MIT */
/*
 * The one process: what all its threads share beside memory and files, and
 * how it begins and ends.
 */
#pragma once

#include <kernel/thread.h>
#include <kernel/types.h>

#define PROCESS_ID 1u /* as for the first process of a container; its first thread's tid too */

enum { /* getrlimit(2) */
       RLIMIT_CPU,
       RLIMIT_FSIZE,
       RLIMIT_DATA,
       RLIMIT_STACK,
       RLIMIT_CORE,
       RLIMIT_RSS,
       RLIMIT_NPROC,
       RLIMIT_NOFILE,
       RLIMIT_MEMLOCK,
       RLIMIT_AS,
       RLIMIT_LOCKS,
       RLIMIT_SIGPENDING,
       RLIMIT_MSGQUEUE,
       RLIMIT_NICE,
       RLIMIT_RTPRIO,
       RLIMIT_RTTIME,
       RLIMIT_COUNT
};
struct rlimit {
    u64 soft, hard;
};

struct process_start {
    const char *path;                      /* of the program, absolute or relative to cwd */
    const char *const *argv, *const *envp; /* NULL-terminated, the kernel's memory */
    const char *cwd;
};

/*
 * Loads the program (ELF, its interpreter; `#!` scripts), makes the first
 * thread, and lets it run.  -ENOENT, -ENOEXEC, -ENOMEM ...
 */
must_check int process_start(const struct process_start *start);

/* Waits until it has ended: its status as wait(2) encodes it. */
int process_wait(void);
/* exit_group(2): ends all threads.  A signal's number in `signal`, or 0. */
noreturn void process_exit(int status, int signal);

const char *process_path(void); /* absolute: /proc/self/exe */
/* Where the strings of argv and envp lie, for /proc/self/cmdline and environ. */
void process_args(vaddr_t *argv, vaddr_t *argv_end, vaddr_t *envp, vaddr_t *envp_end);
struct rlimit process_limit(unsigned resource);
u32 process_umask(u32 mask, bool set); /* returns the old one */
