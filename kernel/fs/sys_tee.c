/* SPDX-License-Identifier: MIT */
/*
 * tee(2), vmsplice(2).  Bytes are copied: a pipe has a ring of its own and no
 * pages that could be given away, and a copy within the cache costs less than
 * the page-table work that sharing would be.
 */
#include "sys_priv.h"

#include <kernel/fd.h>
#include <kernel/kmalloc.h>

#include "fs_priv.h"

#define TEE_SIZE (64 * KIB)

/* From the head of one pipe to the other, so that it stays in the first. */
static s64 tee(struct file *in, struct file *out, u64 size)
{
    char *buf = kmalloc(size);
    struct iovec vec;
    struct io io;
    s64 result;

    if (buf == NULL) {
        return -ENOMEM;
    }
    io_init(&io, &vec, buf, size, true);
    result = pipe_peek(in, &io);
    if (result == 0 && io.done > 0) {
        io_init(&io, &vec, buf, io.done, true);
        result = file_write(out, &io, NULL);
    }
    kfree(buf);
    return result;
}

static int check_tee(struct file *in, struct file *out, u32 flags)
{
    if (flags & ~SPLICE_ALL) {
        return -EINVAL;
    }
    if (in == NULL || out == NULL || !file_may_read(in) || !file_may_write(out)) {
        return -EBADF;
    }
    if (!file_is_pipe(in) || !file_is_pipe(out) || in->priv == out->priv) {
        return -EINVAL;
    }
    return splice_would_wait(in, out, flags) ? -EAGAIN : 0;
}

s64 sys_tee(u64 in_fd, u64 out_fd, u64 size, u64 flags, u64 a4, u64 a5)
{
    struct file *in = fd_get((int)in_fd), *out = fd_get((int)out_fd);
    s64 result = check_tee(in, out, (u32)flags);

    if (result == 0 && size != 0) {
        result = tee(in, out, MIN(size, TEE_SIZE));
    }
    if (in != NULL) {
        file_put(in);
    }
    if (out != NULL) {
        file_put(out);
    }
    return result;
}

/* To or from the application's memory, by the direction that the descriptor has. */
s64 sys_vmsplice(u64 fd, u64 vec, u64 count, u64 flags, u64 a4, u64 a5)
{
    struct file *file = fd_get((int)fd);
    s64 result;
    bool write;

    if (file == NULL) {
        return -EBADF;
    }
    write = file_may_write(file);
    if ((u32)flags & ~SPLICE_ALL) {
        result = -EINVAL;
    } else if (!file_is_pipe(file)) {
        result = -EBADF;
    } else if (splice_would_wait(write ? NULL : file, write ? file : NULL, (u32)flags)) {
        result = -EAGAIN;
    } else {
        result = write ? sys_writev(fd, vec, count, 0, 0, 0) : sys_readv(fd, vec, count, 0, 0, 0);
    }
    file_put(file);
    return result;
}
