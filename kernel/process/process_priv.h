/* SPDX-License-Identifier: MIT */
/* What the files of kernel/process share beside signals (signal_priv.h). */
#pragma once

#include <kernel/process.h>
#include <kernel/types.h>

struct file;
struct trap_frame;

/* exec.c: loads a program into memory.  What its first thread begins with. */
struct exec_result {
    u64 entry, stack;
    vaddr_t argv, argv_end, envp, envp_end, auxv, auxv_end;
    vaddr_t brk; /* the end of the program's data */
    char *path;  /* kmalloc'ed */
};
must_check int exec_load(const struct process_start *start, struct exec_result *result);

/* clone.c; called by entry.S with the registers that a call preserves. */
struct kept_registers {
    u64 r15, r14, r13, r12, rbx;
};
s64 process_clone(u64 flags, u64 stack, u64 parent_tid, u64 child_tid, u64 tls,
                  const struct kept_registers *kept);
s64 process_clone3(u64 args, u64 size, u64 a2, u64 a3, u64 a4, const struct kept_registers *kept);
