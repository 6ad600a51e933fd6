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

/* Beyond the addresses that an application can have. */
#define ADDRESS_LIMIT 0x7ffffffff000ull

/* Of thread.c: an application thread is there, but cannot run yet; or it ends. */
void process_thread_begin(struct thread *thread);
void process_thread_end(struct thread *thread, int status);
/* exit(2): what the application was promised for the thread's end; then thread_exit(). */
noreturn void process_thread_exit(int status);
/* False in images that run threads, but no program. */
bool process_is_started(void);
/* Is the whole process to end?  Then process_thread_exit() is all that is left to do. */
bool process_is_ending(void);

/* Waits until it has ended: its status as wait(2) encodes it. */
int process_wait(void);
/* exit_group(2): ends all threads.  A signal's number in `signal`, or 0. */
noreturn void process_exit(int status, int signal);

/* Where the program's data ended when it was loaded: brk(2) goes on from there. */
vaddr_t process_brk_start(void);
const char *process_path(void); /* absolute: /proc/self/exe */
/* Where the strings of argv and envp lie, for /proc/self/cmdline and environ. */
void process_auxv(vaddr_t *auxv, vaddr_t *auxv_end);
void process_args(vaddr_t *argv, vaddr_t *argv_end, vaddr_t *envp, vaddr_t *envp_end);
struct rlimit process_limit(unsigned resource);
struct process_usage {
    nsec_t run_time, system_time; /* the second is part of the first */
    nsec_t wait_time;             /* runnable, but on no CPU */
    u64 chars[2], calls[2];       /* that read and write calls moved, and how many there were */
    u64 switches[2];              /* voluntary, preempted */
    u64 faults;
};
/* Of all its threads, the dead ones too. */
void process_usage(struct process_usage *usage);
nsec_t process_run_time(void);
nsec_t process_user_time(void);
/* loadavg.c: of 1, 5 and 15 minutes, in units of 1 / LOAD_ONE. */
#define LOAD_ONE 2048u
void process_load(u64 load[3]);
/* limits.c and timer_syscall.c: SIGXCPU and SIGKILL at so many seconds of CPU time. */
void process_limit_cpu(u64 soft, u64 hard);
/* timer_syscall.c: none of its timers is left. */
void process_forget_timers(void);
u32 process_thread_count(void);
/* Bytes of memory that its mappings have. */
u64 process_resident(void);
u32 process_umask(u32 mask, bool set); /* returns the old one */
