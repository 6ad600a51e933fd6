/* SPDX-License-Identifier: MIT */
/*
 * What the files of this folder share: a thread that sleeps until one of many
 * sources wakes it, a queue of threads that sleep at one object, and
 * time-outs as system calls have them.
 */
#pragma once

#include <kernel/event.h>
#include <kernel/list.h>
#include <kernel/poll.h>
#include <kernel/sched.h>
#include <kernel/signal.h>
#include <kernel/thread.h>
#include <kernel/types.h>
#include <kernel/vfs.h>
#include <stdatomic.h>

/* Its watches are under one lock for all such sources (epoll instances). */
void poll_source_init_nested(struct poll_source *source, const char *name);

/* NULL: never changes. */
static inline struct poll_source *event_file_source(struct file *file)
{
    return file->ops->source != NULL ? file->ops->source(file) : NULL;
}

/* On the stack of the thread that sleeps. */
struct poll_sleeper {
    struct thread *thread;
    _Atomic bool woken;
};

void poll_sleeper_init(struct poll_sleeper *sleeper);
/* Any context. */
void poll_sleeper_wake(struct poll_sleeper *sleeper);
/* Until woken since the last call: 0, -EINTR (a signal), -ETIMEDOUT. */
must_check int poll_sleeper_sleep(struct poll_sleeper *sleeper, nsec_t deadline);

/* Installs a new file: its descriptor, or -errno (the file is put then). */
s64 event_install(struct file *file, bool cloexec);
/* Two, whose numbers go to the application's int[2] at `to`; 0 or -errno, both are taken over. */
s64 event_install_pair(struct file **ends, bool cloexec, u64 to);
