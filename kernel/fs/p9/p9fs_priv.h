/* SPDX-License-Identifier: MIT */
/*
 * Between the files of the 9P file system:
 *
 *   super.c     mounting, and the table of inodes
 *   look.c      what the server says of files, and how long that is believed
 *   inode.c     changes of attributes
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
 * stat(2) takes what is known for P9_TRUST (trust.c); open(2) always asks.
 *
 * The size changes on the server and here under `sizing`, under which pages are
 * written back as well: what was cut off must not come again.
 */
#pragma once

#include "client_priv.h"
#include <kernel/pagecache.h>
#include <kernel/vfs.h>

#define P9_BUCKETS 1024u
#define P9_KEPT 256u
#define P9_UNSAVED_MAX (32 * MIB)
/*
 * What the server said is believed for so long at most (trust.c).  Of a path of ten names nine are
 * folders, and one that the host replaces within this time is still taken for the old one on the
 * way to something; since QEMU's fids are paths, what is found there is the new one's even so.
 */
#define P9_TRUST (3 * NSEC_PER_SEC)

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

/* A name in a directory, as an inode remembers it. */
struct p9_name {
    u64 dir, hash;
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
    struct p9_fid *spare;     /* (l) another of the kind, to be opened; NULL: none */
    struct p9_fid *opened[3]; /* (l) by access; NULL: not open */
    u32 files;                /* (l) open files of ours */
    struct file_stat seen;    /* (l) the server's attributes, as they were last */
    struct timespec written;  /* (l) when it was last written here */
    u64 put;                  /* (l) bytes written here in all */
    u64 saved;                /* (l) of those: what the server has; at most `put` */
    u32 writing;              /* (l) writes that go on now */
    u64 generation;           /* (l) how often we began to write or changed the size */
    bool changed;             /* (l) `seen` is older than our own changes */
    u32 altering;             /* (l) changes of names, mode or times by us that go on now */
    u64 alterations;          /* (l) how often we began with one */
    bool unsure;              /* (l) `seen` may be older than one of those */
    u64 asks;                 /* (l) how often the server was asked for the attributes */
    u64 told;                 /* (l) the last of these whose answer counts */
    nsec_t asked;             /* (l) when the server was last asked, and it was this file; 0 */
    struct p9_name name;      /* (l) that `fid` was found by; 0: not known */
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

struct p9_name p9_name_of(const struct inode *dir, const char *name, size_t len);

/*
 * The inode of what `fid` stands for, which it takes over, and which was found by that name;
 * made if need be.  Counted.
 */
must_check int p9_inode_find(struct p9_super *p9, struct p9_fid *fid, const struct p9_qid *qid,
                             struct p9_name name, struct inode **inode);
/* The same, of a file whose attributes were asked for at that time. */
must_check int p9_inode_take(struct p9_super *p9, struct p9_fid *fid,
                             const struct p9_attributes *attributes, nsec_t asked,
                             struct p9_name name, struct inode **inode);
void p9_inode_release(struct inode *inode);
/* The pages of a file that nobody has open stay for a while.  Or no longer. */
void p9_keep(struct p9_inode *node);
void p9_unkeep(struct p9_inode *node);

/* The fid for requests by name: counted. */
struct p9_fid *p9_inode_fid(struct p9_inode *node);
/* A fid that is open for `access` (O_RDONLY ...) at least: counted. */
must_check int p9_open_get(struct p9_inode *node, u32 access, struct p9_fid **fid);
void p9_open_close_all(struct p9_inode *node);
/*
 * One open file less: true if it was the last, with which the fids are closed; `later`: on the
 * server, once p9_fids_settle() was called.
 */
bool p9_open_leave(struct p9_inode *node, bool later);
/* Takes over a fid that is open to read and write, and the first to be. */
void p9_open_adopt(struct p9_inode *node, struct p9_fid *fid);

/*
 * Asks the server how the file is: at open, at the end of the file, after writing.
 * What changed there is not taken from the cache any more, unless ours is newer.
 */
must_check int p9_validate(struct p9_inode *node);
/*
 * The same, and an error if it has no name any more, though it may live on.  `opens`: a fid that
 * can be opened comes with it.
 */
must_check int p9_confirm(struct p9_inode *node, bool opens);
int p9_getattr_op(struct inode *inode, struct file_stat *stat);
/* An error that says that the file has no name, or that its name is another file's. */
bool p9_has_gone(int err);
/* Open, or known to have lost its last name: it lives on without one.  The lock is held. */
bool p9_may_be_nameless(const struct p9_inode *node);
/* Is all that we know of it still to be believed?  Then the server need not be asked. */
bool p9_is_known(struct p9_inode *node);
/* Has it been validated since that time? */
bool p9_is_valid_since(struct p9_inode *node, nsec_t began);
/*
 * Around a change of ours to names, mode or times of a file, or to what is in a folder: what
 * the server says meanwhile is not relied on.  `by`: so many names more.
 */
void p9_alter_begin(struct p9_inode *node);
void p9_alter_end(struct p9_inode *node, int by);
/* Bytes written that the server may not have. */
u64 p9_unsaved(struct p9_inode *node);
/* Our own changes are done: the server's times are those from now on. */
void p9_settle(struct p9_inode *node);
/* All that was written goes to the server; and `settle`: p9_settle() after that. */
must_check int p9_flush(struct p9_inode *node, bool settle);
/* A file has grown: 0, or what the server says to that, if there is little room. */
must_check int p9_room_take(struct p9_inode *node, u64 bytes);
int p9_file_open(struct inode *inode, struct file *file);

/* name.c: the operations of struct inode_ops. */
int p9_name_lookup(struct inode *dir, const char *name, size_t len, struct inode **inode);
int p9_name_confirm(struct inode *dir, const char *name, size_t len, struct inode *inode,
                    bool opens);
bool p9_name_goes_by(struct inode *dir, const char *name, size_t len, struct inode *inode);
int p9_name_create(struct inode *dir, const char *name, size_t len, u32 mode, u64 rdev,
                   struct inode **inode);
int p9_name_symlink(struct inode *dir, const char *name, size_t len, const char *target,
                    struct inode **inode);
int p9_name_link(struct inode *dir, const char *name, size_t len, struct inode *to);
int p9_name_unlink(struct inode *dir, const char *name, size_t len, struct inode *inode);
int p9_name_rename(struct inode *from, const char *name, size_t len, struct inode *to,
                   const char *new_name, size_t new_len, u32 flags);
s64 p9_name_readlink(struct inode *inode, char *target, size_t size);
