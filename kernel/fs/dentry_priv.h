/* SPDX-License-Identifier: MIT */
/* Between the files of the tree of names: dentry.c, dentry_change.c, dentry_path.c. */
#pragma once

#include <kernel/vfs.h>

/* The tree's spinlock; the functions below are called with it held. */
must_check bool tree_lock(void);
void tree_unlock(bool irq);

/* Counts one that is known, used or unused. */
struct dentry *dentry_get_locked(struct dentry *dentry);
/* Not counted; NULL: that name is not known. */
struct dentry *dentry_find_locked(struct dentry *parent, const char *name, size_t len);
/* To be found under `parent` by its name; to be found no more. */
void dentry_hash_locked(struct dentry *dentry, struct dentry *parent);
void dentry_unhash_locked(struct dentry *dentry);

/* Without the lock: the file system was asked for it at that time, and said that it is so. */
void dentry_note_asked(struct dentry *dentry, nsec_t asked);
