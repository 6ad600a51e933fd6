/* SPDX-License-Identifier: MIT */
/* What the system calls on files share. */
#pragma once

#include <kernel/syscall.h>
#include <kernel/types.h>
#include <kernel/vfs.h>

#define AT_FDCWD (-100)
#define AT_SYMLINK_NOFOLLOW 0x100u
#define AT_REMOVEDIR 0x200u
#define AT_EACCESS 0x200u
#define AT_SYMLINK_FOLLOW 0x400u
#define AT_NO_AUTOMOUNT 0x800u
#define AT_EMPTY_PATH 0x1000u

#define RW_MAX 0x7ffff000ull /* one read(2) or write(2) moves no more */

/* ---- sys_copy.c ---- */

#define SPLICE_NONBLOCK 2u /* SPLICE_F_NONBLOCK */
#define SPLICE_ALL 15u
bool file_is_pipe(const struct file *file);
/* With SPLICE_F_NONBLOCK: is there nothing to be moved now?  Either may be NULL. */
bool splice_would_wait(struct file *in, struct file *out, u32 flags);

/* A path of the application and the folder it is relative to. */
struct at {
    char *path;
    struct dentry *base; /* counted; NULL: the working folder, or the path is absolute */
};

/*
 * Fetches both: 0, -EFAULT, -ENAMETOOLONG, -ENOMEM, -EBADF, -ENOTDIR.  `empty`:
 * "" is the descriptor's own file (whatever it is).
 */
must_check int at_get(struct at *at, int fd, u64 path, bool empty);
/* The same for openat2(2) with bounds: the folder matters for an absolute path too. */
must_check int at_get_within(struct at *at, int fd, u64 path);
void at_put(struct at *at);
/* vfs_lookup() of it, with LOOKUP_* flags. */
must_check int at_lookup(int fd, u64 path, u32 flags, struct dentry **dentry);

/*
 * A file or its name by path, or the descriptor's if the path is empty (AT_EMPTY_PATH)
 * or NULL.  `file` is counted, or NULL if it was found by path.
 */
must_check int target_get(int fd, u64 path, u32 flags, struct inode **inode, struct dentry **dentry,
                          struct file **file);
/* Gives all of it back. */
void target_put(struct inode *inode, struct dentry *dentry, struct file *file);
