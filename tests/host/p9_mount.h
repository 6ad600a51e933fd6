/* SPDX-License-Identifier: MIT */
/* A mounted 9P file system on a folder of the host, and what the tests do with files. */
#pragma once

#include <kernel/vfs.h>

struct p9_fix {
    struct super *super;
    struct inode *root;
};
extern struct p9_fix p9_fix;

void p9_mount(void);
/* All that the mount holds goes; the leak check of run() sees what does not. */
void p9_unmount(void);

struct inode *lookup(struct inode *dir, const char *name); /* NULL: it is not there */
int create(struct inode *dir, const char *name, u32 mode, struct inode **inode);
int open_file(struct inode *inode, u32 flags, struct file *file);
s64 write_at(struct file *file, const void *data, u64 size, u64 pos);
s64 read_at(struct file *file, void *data, u64 size, u64 pos);
int close_file(struct file *file);
bool holds(const char *name, const char *text);
