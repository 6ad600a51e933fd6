/* SPDX-License-Identifier: MIT */
/* Locks on files: for the system calls. */
#pragma once

#include <kernel/types.h>
#include <kernel/vfs.h>

enum lock_type { LOCK_NONE, LOCK_READ, LOCK_WRITE };

struct lock_range {
    const void *owner; /* the file; NULL: the process */
    bool whole;        /* flock(2): all of the file */
    enum lock_type type;
    u64 start, end; /* first and last byte */
};

/* 0, -EAGAIN (not `wait`), -ERESTARTSYS, -ENOLCK (no memory). */
must_check int file_lock_set(struct inode *inode, const struct lock_range *range, bool wait);
/* What is in its way; type LOCK_NONE: nothing. */
void file_lock_test(struct inode *inode, struct lock_range *range);

/* sys_lock.c: fcntl(2) with a struct flock of the application. */
enum lock_step { LOCK_TEST, LOCK_TRY, LOCK_WAIT };
s64 file_lock_range(struct file *file, enum lock_step step, bool of_file, u64 arg);
