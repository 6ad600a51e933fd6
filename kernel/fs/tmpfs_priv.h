/* SPDX-License-Identifier: MIT */
/*
 * Between the files of tmpfs:
 *
 *   tmpfs.c        the file system, its inodes, attributes
 *   tmpfs_dir.c    folders: making, removing, renaming, listing
 *   tmpfs_entry.c  the entries of a folder
 *   tmpfs_file.c   contents, copying up
 *
 * Every name is an entry of its folder's two trees, and holds a reference to
 * its inode; so inodes stay while they have a name, whatever the tree of
 * dentries forgets.  Above a lower file system, an inode may have one of
 * those behind it (`lower`): a folder shows the lower one's names too, except
 * those that it has entries for; a file has the lower one's pages until it is
 * first opened for writing.  A lower name gets an entry when it is first
 * looked up, so that what it leads to stays the same inode; a lower name that
 * was removed or replaced has an entry that says so (`in_lower`), without an
 * inode if nothing took its place: a whiteout.
 */
#pragma once

#include <kernel/pagecache.h>
#include <kernel/rbtree.h>
#include <kernel/vfs.h>
#include <stdatomic.h>

/* (c) constant   (a) atomic */
struct tmpfs {
    struct super super;
    u64 pages_max;           /* (c) */
    u64 block;               /* (c) a page; or 2 MiB, and sizes are multiples of it */
    _Atomic u64 pages_used;  /* (a) <= pages_max */
    _Atomic u64 last_ino;    /* (a) */
    _Atomic u64 inodes_used; /* (a) without those above lower ones */
    struct super *lower;     /* (c) may be NULL */
};

/* (l) the folder's inode.lock */
struct tmpfs_entry {
    struct rb_node by_name;     /* (l) */
    struct rb_node by_number;   /* (l) */
    u64 number;                 /* (l) position in readdir */
    struct tmpfs_inode *target; /* (l) counted; NULL: a whiteout */
    bool in_lower;              /* (l) the lower folder has this name */
    u16 len;                    /* (l) */
    char name[];                /* (l) */
};

/* (l) inode.lock   (c) constant */
struct tmpfs_inode {
    struct inode inode;
    struct inode *lower;      /* (c) counted; NULL: it is all ours */
    bool copied;              /* (l) a file: contents are ours (or it has no lower) */
    struct rb_tree by_name;   /* (l) a folder's */
    struct rb_tree by_number; /* (l) */
    u64 last_number;          /* (l) */
    u64 entries;              /* (l) that are not whiteouts */
    char *target;             /* (c) a symbolic link's; NULL: the lower's */
};

static inline struct tmpfs_inode *tmpfs_inode(struct inode *inode)
{
    return container_of(inode, struct tmpfs_inode, inode);
}

static inline struct tmpfs *tmpfs_of(const struct inode *inode)
{
    return container_of(inode->super, struct tmpfs, super);
}

/* Start: the file system is one of 2 MiB pages, as Linux's hugetlbfs. */
void tmpfs_set_large(struct super *super);
/* links 0, references 1; -ENOMEM, -ENOSPC. */
must_check int tmpfs_inode_new(struct tmpfs *fs, u32 mode, u64 rdev, struct tmpfs_inode **inode);
/* Of a lower inode, which it counts. */
must_check int tmpfs_inode_above(struct tmpfs *fs, struct inode *lower, struct tmpfs_inode **inode);

extern const struct page_cache_ops tmpfs_page_ops;

/* The contents become ours: the first `keep` bytes are copied.  inode.lock held. */
must_check int tmpfs_copy_up(struct tmpfs_inode *inode, u64 keep);
must_check int tmpfs_resize(struct tmpfs_inode *inode, u64 size);
extern const struct file_ops tmpfs_file_ops;

int tmpfs_lookup(struct inode *dir, const char *name, size_t len, struct inode **inode);
int tmpfs_create(struct inode *dir, const char *name, size_t len, u32 mode, u64 rdev,
                 struct inode **inode);
int tmpfs_symlink(struct inode *dir, const char *name, size_t len, const char *target,
                  struct inode **inode);
int tmpfs_link(struct inode *dir, const char *name, size_t len, struct inode *to);
int tmpfs_unlink(struct inode *dir, const char *name, size_t len, struct inode *inode);
int tmpfs_rename(struct inode *from, const char *name, size_t len, struct inode *to,
                 const char *new_name, size_t new_len, u32 flags);
int tmpfs_readdir(struct inode *dir, u64 *pos, struct dir_emit *emit);

/* ---- tmpfs_entry.c, with the folder's mutex held ---- */

struct tmpfs_entry *tmpfs_entry_find(const struct tmpfs_inode *dir, const char *name, size_t len);
/* The entry leads to `target` (counted here); its old one is the caller's matter. */
void tmpfs_entry_set_target(struct tmpfs_inode *dir, struct tmpfs_entry *entry,
                            struct tmpfs_inode *target);
/* The name goes: without a trace, or as a whiteout of the lower one. */
void tmpfs_entry_clear(struct tmpfs_inode *dir, struct tmpfs_entry *entry);
/* The entry of a name, whiteouts included: 0, -ENOENT, an error of the lower file system. */
int tmpfs_entry_get(struct tmpfs_inode *dir, const char *name, size_t len,
                    struct tmpfs_entry **entry);
/* An entry without a target for a name that is not there. */
int tmpfs_entry_vacant(struct tmpfs_inode *dir, const char *name, size_t len,
                       struct tmpfs_entry **entry);
/* All entries go. */
void tmpfs_entries_free(struct tmpfs_inode *dir);
