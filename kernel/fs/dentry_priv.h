/* SPDX-License-Identifier: MIT */
/* Between the files of the tree of names: dentry.c, dentry_change.c, dentry_path.c. */
#pragma once

#include <kernel/vfs.h>

/* The tree's spinlock; the functions below are called with it held. */
must_check bool tree_lock(void);
void tree_unlock(bool irq);

/* Counts one that is known, used or unused. */
struct dentry *dentry_get_locked(struct dentry *dentry);
/* To be found under `parent` by its name; to be found no more. */
void dentry_hash_locked(struct dentry *dentry, struct dentry *parent);
void dentry_unhash_locked(struct dentry *dentry);
