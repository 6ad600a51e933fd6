/* SPDX-License-Identifier: MIT */
/*
 * Where bytes go to or come from: a list of buffers, the application's or the
 * kernel's, of which some is done already.  read(2), readv(2), pread(2) and
 * the kernel's own reads are one function on this.
 *
 * The application's buffers may fault: the copies give -EFAULT then.  What
 * had been copied before is in `done`.  Thread context, no spinlock held.
 */
#pragma once

#include <kernel/types.h>

struct iovec { /* as in readv(2) */
    void *base;
    u64 len;
};

struct io {
    const struct iovec *vec; /* current buffer */
    u64 offset;              /* done of that one */
    u64 left;                /* bytes still wanted, of all buffers */
    u64 done;                /* bytes moved so far */
    bool kernel;             /* the kernel's memory: need not be checked */
    bool append;             /* at the end of the file, wherever that is (RWF_APPEND) */
    bool sync;               /* the write is to last before the call returns (RWF_SYNC) */
};

/* One buffer; `vec` is the caller's and outlives the io. */
void io_init(struct io *io, struct iovec *vec, void *base, u64 size, bool kernel);
/* Several, copied in already and checked for their sum (at most 2^63 - 1). */
void io_init_vec(struct io *io, const struct iovec *vec, unsigned count, u64 size);

/* Moves up to `size` bytes (at most io->left): 0, or -EFAULT. */
must_check int io_put(struct io *io, const void *src, u64 size); /* read(2) */
must_check int io_take(struct io *io, void *dst, u64 size);      /* write(2) */
must_check int io_put_zeros(struct io *io, u64 size);
/* Skips bytes without touching them. */
void io_skip(struct io *io, u64 size);
