/* SPDX-License-Identifier: MIT */
/*
 * A connection to a 9P server: fids, tags, and a function for each request.
 * Names are length-counted, as in vfs.h.  All functions: thread context, no
 * spinlock held; they wait for the server.  0 or the server's -errno; -EIO
 * if the connection is broken or the reply makes no sense; -ENOMEM.
 */
#pragma once

#include "message_priv.h"
#include <kernel/p9.h>
#include <kernel/vfs.h>
#include <kernel/wait.h>

#define P9_MSIZE (2 * MIB + 64) /* a large page, or what is read ahead at most */
#define P9_READDIR_SIZE (16 * KIB)

/* Numbers that are given out, taken back, and given out again. */
struct p9_numbers {
    struct mutex lock;
    u32 next;            /* never given out yet; under the lock, as the rest */
    u32 *back;           /* those that came back */
    u32 count, capacity; /* of `back` */
};

void p9_numbers_init(struct p9_numbers *numbers);
u32 p9_number_get(struct p9_numbers *numbers);
void p9_number_put(struct p9_numbers *numbers, u32 number);
void p9_numbers_free(struct p9_numbers *numbers);

#define P9_POSTED_MAX 6u

struct p9_posted; /* fid.c */

struct p9_client {
    struct p9_transport *transport; /* constant */
    u32 msize;                      /* constant: of a message, agreed with the server */
    struct p9_numbers fids, tags;
    struct mutex posting;
    struct p9_posted *posted[P9_POSTED_MAX]; /* under `posting`: NULL or a clunk on its way */
};

/* The server's name for a file, counted: it is given back after the last use. */
struct p9_fid {
    struct p9_client *client; /* constant */
    u32 number;               /* constant */
    bool opened, written;     /* constant once others know it: by the server; for writing */
    _Atomic u32 references;
};

must_check int p9_fid_new(struct p9_client *client, struct p9_fid **fid);
/* Of one that the server does not have: `err` is why.  */
void p9_fid_drop(struct p9_fid *fid, int err);
struct p9_fid *p9_fid_get(struct p9_fid *fid);
/*
 * Clunks it at the last reference.  NULL is ignored.  Nobody waits for that, unless the file was
 * open to be written: then the host can execute it when this returns.
 */
void p9_fid_put(struct p9_fid *fid);
/* The same, but all of it is done after p9_fids_settle() only; with the next request. */
void p9_fid_put_later(struct p9_fid *fid);
/* Waits for all clunks that are on their way. */
void p9_fids_settle(struct p9_client *client);

struct p9_attributes {
    struct p9_qid qid;
    struct file_stat stat; /* dev is 0 */
};

/* Agrees on version and size, and attaches: the root's fid. */
must_check int p9_connect(struct p9_client *client, struct p9_transport *transport,
                          struct p9_fid **root);
void p9_disconnect(struct p9_client *client);

/* To a name in a directory, or with NULL another fid of the same file. */
must_check int p9_walk(struct p9_fid *from, const char *name, size_t len, struct p9_fid **to,
                       struct p9_qid *qid);
/* The first, and at the same time the attributes of `of`: both, or neither. */
must_check int p9_walk_and_getattr(struct p9_fid *from, const char *name, size_t len,
                                   struct p9_fid **to, struct p9_qid *qid, struct p9_fid *of,
                                   struct p9_attributes *attributes);
must_check int p9_getattr(struct p9_fid *fid, struct p9_attributes *attributes);
must_check int p9_setattr(struct p9_fid *fid, const struct file_change *change);
must_check int p9_statfs(struct p9_fid *fid, struct fs_stat *stat);

/* Opens `fid` itself, with O_RDONLY, O_WRONLY or O_RDWR; and says what that is. */
must_check int p9_lopen(struct p9_fid *fid, u32 access, struct p9_qid *qid);
/* Creates a file in the directory `fid`, which becomes that file, open to read and write. */
must_check int p9_lcreate(struct p9_fid *fid, const char *name, size_t len, u32 mode);
must_check int p9_mkdir(struct p9_fid *dir, const char *name, size_t len, u32 mode);
must_check int p9_mknod(struct p9_fid *dir, const char *name, size_t len, u32 mode, u64 rdev);
must_check int p9_symlink(struct p9_fid *dir, const char *name, size_t len, const char *target);
must_check int p9_link(struct p9_fid *dir, const char *name, size_t len, struct p9_fid *to);
must_check int p9_unlinkat(struct p9_fid *dir, const char *name, size_t len, bool directory);
must_check int p9_renameat(struct p9_fid *from, const char *name, size_t len, struct p9_fid *to,
                           const char *new_name, size_t new_len);
s64 p9_readlink(struct p9_fid *fid, char *target, size_t size);
must_check int p9_fsync(struct p9_fid *fid, bool data_only);

/*
 * Directory entries from the server's position `*pos` on, until `emit` has
 * no more room (0) or there are no more (1).
 */
must_check int p9_readdir(struct p9_fid *fid, u64 *pos, struct dir_emit *emit);

/*
 * Between the file from `offset` on and the bytes [start, start + size) of
 * consecutive frames.  Moves as much as one message takes, at most; how much,
 * or -errno.  0: end of file (read).
 */
s64 p9_read(struct p9_fid *fid, u64 offset, const pfn_t *frames, u64 start, u64 size);
s64 p9_write(struct p9_fid *fid, u64 offset, const pfn_t *frames, u64 start, u64 size);
