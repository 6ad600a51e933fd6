/* SPDX-License-Identifier: MIT */
/*
 * What the 9P file system needs of the kernel: memory, mutexes, inodes and a
 * page cache, in their simplest form; and the folder that the server has,
 * from the host's side.
 */
#pragma once

#include <kernel/vfs.h>

struct p9_super;

/* A new empty folder, and its end with all that is in it. */
void fake_host_begin(void);
void fake_host_end(void);
const char *fake_host_folder(void);
void fake_host_write(const char *name, const char *text);
s64 fake_host_read(const char *name, char *buffer, size_t size);
s64 fake_host_size(const char *name);
void fake_host_remove(const char *name);
bool fake_host_exists(const char *name);

void fake_root_free(struct super *super);
void fake_free_super(struct p9_super *p9);
void fake_io(struct io *io, struct iovec *vec, void *base, u64 size);

/* Called after each mutex_unlock(), as another thread that was waiting; NULL: nothing. */
extern void (*fake_after_unlock)(struct mutex *mutex);
/* What clock_now() says. */
extern nsec_t fake_now;
/* And sched_slept_until(). */
extern nsec_t fake_slept_until;
/* RLIMIT_FSIZE */
extern u64 fake_size_limit;
