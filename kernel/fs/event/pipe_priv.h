/* SPDX-License-Identifier: MIT */
/*
 * One direction of bytes between threads: what pipes and FIFOs are made
 * of.
 */
#pragma once

#include <kernel/poll.h>
#include <kernel/spinlock.h>
#include <kernel/types.h>

#include "pipe_ring.h"

#define PIPE_BUF 4096u
/* Linux's limit for who has no privileges; here for all. */
#define PIPE_SIZE_MAX (MIB)

/*
 * (l) lock   (c) constant   (r) the thread that has set `reading`; (w) `writing`
 *
 * head moves under (l) by (w), tail under (l) by (r).  The copy to or from the
 * application is done without the lock, which it might fault under.
 */
struct pipe {
    struct spinlock lock;      /* RANK_EVENT */
    struct pipe_ring ring;     /* head, tail (l); bytes (r) and (w) */
    bool reading, writing;     /* (l) somebody copies */
    bool records;              /* (c) reads keep the boundaries of writes */
    u32 record_max;            /* (c) longer writes are several records */
    u32 readers, writers;      /* (l) open ends */
    u32 references;            /* (l) open files, and openers */
    u64 reads_opened;          /* (l) ever: FIFOs */
    u64 writes_opened;         /* (l) */
    struct list read_waiters;  /* (l) */
    struct list write_waiters; /* (l) need: room in bytes */
    struct list open_waiters;  /* (l) */
    struct poll_source source; /* of all its files */
    struct inode *inode;       /* (c) a FIFO's, or NULL */
    struct list fifos;         /* pipe_fifo.c */
};

/* A pipe without open ends; record_max 0: just bytes.  -ENOMEM */
must_check int pipe_new(u32 slots, u32 record_max, struct pipe **pipe);
void pipe_free(struct pipe *pipe);

/* As file_ops' read and write.  -EPIPE is without the signal.  Without records, io->left > 0. */
must_check int pipe_read(struct pipe *pipe, struct io *io, u32 flags);
must_check int pipe_write(struct pipe *pipe, struct io *io, u32 flags);
#define PIPE_NONBLOCK 1u
#define PIPE_PEEK 2u /* the bytes stay */

/*
 * As pipe_read(), but the bytes are the caller's to take or to leave: if io->done is not 0 nobody
 * else reads until pipe_let_go(), which takes so many of them.
 */
must_check int pipe_hold(struct pipe *pipe, struct io *io, u32 flags);
void pipe_let_go(struct pipe *pipe, u64 taken);

/* No POLLHUP if writes_opened is `unopened`: nobody has come to a FIFO yet. */
u32 pipe_poll_reader(struct pipe *pipe, u64 unopened);
u32 pipe_poll_writer(struct pipe *pipe);
/* Of the other end, at the moment when this one was counted: what comes then may go at once. */
struct pipe_others {
    bool none;  /* it is not open */
    u64 opened; /* how often it has been opened */
};

/* One end more or less; true if it was the last of both. */
struct pipe_others pipe_open_end(struct pipe *pipe, bool reads, bool writes);
bool pipe_close_end(struct pipe *pipe, bool reads, bool writes);
/* FIONREAD: of a pipe with records, the first. */
u64 pipe_pending(struct pipe *pipe);
/* A new size in bytes, as F_SETPIPE_SZ says: the size it got, -EBUSY, -ENOMEM. */
s64 pipe_resize(struct pipe *pipe, u64 size);
u64 pipe_size(struct pipe *pipe);
