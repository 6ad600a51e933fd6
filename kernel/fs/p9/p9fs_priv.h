/* SPDX-License-Identifier: MIT */
/*
 * Between the files of the 9P file system:
 *
 *   super.c     mounting, and the table of inodes
 *   inode.c     attributes
 *   name.c      names: finding, making, renaming, removing
 *   file.c      open files, reading and writing
 *   pages.c     what the page cache asks for
 *   open_fid.c  fids that are open, shared by all who use a file
 *   room.c      whether the server's disk is full
 *
 *   p9_inode --fid--------> server's file, by name (walk, getattr, ...)
 *            --opened[RDWR]-> server's file, opened (read, write)
 *
 * The server's file may change at any time.  What is kept of it - pages, size
 * and times - is compared with the server's at each open(2), and is newer than
 * the server's while `put` - `saved`, `writing` or `changed` says so.
 *
 * The size changes on the server and here under `sizing`, under which pages are
 * written back as well: what was cut off must not come again.
 */
#pragma once

#include "client_priv.h"
#include <kernel/pagecache.h>
#include <kernel/vfs.h>

#define P9_BUCKETS 256u
#define P9_KEPT 256u
#define P9_UNSAVED_MAX (32 * MIB)

/* (c) constant   (l) lock   (a) atomic */
struct p9_super {
    struct super super;      /* its priv is this */
    struct p9_client client; /* own locks */
    struct mutex lock;
    struct list buckets[P9_BUCKETS]; /* (l) inodes by the server's number */
    struct inode *kept[P9_KEPT];     /* (l) closed files whose pages stay, with a reference */
    unsigned kept_next;              /* (l) */
    struct mutex syncing;            /* one sync(2) at a time; before `lock` */
    u64 sync_round;                  /* by `syncing`: which one it is */
    _Atomic s64 room;                /* (a) bytes by which files may still grow (room.c) */
    _Atomic bool room_asked;         /* (a) the server has been asked for it */
};

/* (c) constant   (t) lock of the table (p9_super)   (l) own `lock`   (a) atomic */
struct p9_inode {
    struct inode inode;
    struct p9_super *p9; /* (c) */
    struct list link;    /* (t) in a bucket */
    struct p9_qid qid;   /* (c) but for its version, which is not used */
    struct mutex sizing; /* before `lock`; never while one waits for a page */
    struct mutex lock;
    struct p9_fid *fid;       /* (l) by name, as it was looked up last */
    struct p9_fid *opened[3]; /* (l) by access; NULL: not open */
    u32 files;                /* (l) open files of ours */
    struct file_stat seen;    /* (l) the server's attributes, as they were last */
    struct timespec written;  /* (l) when it was last written here */
    u64 put;                  /* (l) bytes written here in all */
    u64 saved;                /* (l) of those: what the server has; at most `put` */
    u32 writing;              /* (l) writes that go on now */
    u64 generation;           /* (l) how often we began to write or changed the size */
    bool changed;             /* (l) `seen` is older than our own changes */
    u32 naming;               /* (l) names that come or go now, by us */
    u64 names;                /* (l) how often we began with that */
    u64 asks;                 /* (l) how often the server was asked for the attributes */
    u64 told;                 /* (l) the last of these whose answer counts */
    bool kept;                /* (t) in `kept` */
    u64 synced;               /* (t) the last sync_round that has come by */
    _Atomic bool unlinked;    /* (a) its last name has gone, as far as we know */
};

static inline struct p9_inode *p9_inode_of(struct inode *inode)
{
    return container_of(inode, struct p9_inode, inode);
}

static inline bool p9_read_only(const struct inode *inode)
{
    return inode->super->read_only;
}

extern const struct inode_ops p9_inode_ops;
extern const struct page_cache_ops p9_page_ops;

/* The inode of what `fid` stands for, which it takes over; made if need be.  Counted. */
must_check int p9_inode_find(struct p9_super *p9, struct p9_fid *fid, const struct p9_qid *qid,
                             struct inode **inode);
void p9_inode_release(struct inode *inode);
/* The pages of a file that nobody has open stay for a while.  Or no longer. */
void p9_keep(struct p9_inode *node);
void p9_unkeep(struct p9_inode *node);

/* The fid for requests by name: counted. */
struct p9_fid *p9_inode_fid(struct p9_inode *node);
/* A fid that is open for `access` (O_RDONLY ...) at least: counted. */
must_check int p9_open_get(struct p9_inode *node, u32 access, struct p9_fid **fid);
void p9_open_close_all(struct p9_inode *node);
/* One open file less: true if it was the last, with which the fids are closed. */
bool p9_open_leave(struct p9_inode *node);
/* Takes over a fid that is open to read and write, and the first to be. */
void p9_open_adopt(struct p9_inode *node, struct p9_fid *fid);

/*
 * Asks the server how the file is: at open, at the end of the file, after writing.
 * What changed there is not taken from the cache any more, unless ours is newer.
 */
must_check int p9_validate(struct p9_inode *node);
/* Bytes written that the server may not have. */
u64 p9_unsaved(struct p9_inode *node);
/* Our own changes are done: the server's times are those from now on. */
void p9_settle(struct p9_inode *node);
/* All that was written goes to the server. */
must_check int p9_flush(struct p9_inode *node);
/* A file has grown: 0, or what the server says to that, if there is little room. */
must_check int p9_room_take(struct p9_inode *node, u64 bytes);
int p9_file_open(struct inode *inode, struct file *file);

/* name.c: the operations of struct inode_ops. */
int p9_name_lookup(struct inode *dir, const char *name, size_t len, struct inode **inode);
int p9_name_create(struct inode *dir, const char *name, size_t len, u32 mode, u64 rdev,
                   struct inode **inode);
int p9_name_symlink(struct inode *dir, const char *name, size_t len, const char *target,
                    struct inode **inode);
int p9_name_link(struct inode *dir, const char *name, size_t len, struct inode *to);
int p9_name_unlink(struct inode *dir, const char *name, size_t len, struct inode *inode);
int p9_name_rename(struct inode *from, const char *name, size_t len, struct inode *to,
                   const char *new_name, size_t new_len, u32 flags);
s64 p9_name_readlink(struct inode *inode, char *target, size_t size);
