/* SPDX-License-Identifier: MIT */
/*
 * File descriptors of the process.  Looking one up is wait-free and takes no
 * lock; the file is counted for the time of use.
 */
#pragma once

#include <kernel/types.h>

struct file;

/* A counted reference, or NULL (-EBADF).  fd_get_path() also takes O_PATH files. */
struct file *fd_get(int fd);
struct file *fd_get_path(int fd);
/* What the descriptor has just now, not counted: only to be compared with. */
struct file *fd_peek(int fd);

/* The lowest free descriptor from `least` on; takes over the reference.  -EMFILE, -ENOMEM. */
must_check int fd_install(struct file *file, int least, bool cloexec);
/* At this very number, replacing (closing) what is there. */
must_check int fd_install_at(struct file *file, int fd, bool cloexec);
must_check int fd_close(int fd);

bool fd_cloexec(int fd);
void fd_set_cloexec(int fd, bool cloexec);
/* RLIMIT_NOFILE */
u64 fd_limit(void);
/* For /proc/self/fd: the lowest open descriptor from `fd` on, or -1. */
int fd_next(int fd);
