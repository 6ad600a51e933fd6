/* SPDX-License-Identifier: MIT */
/*
 * sendfile(2), copy_file_range(2), splice(2): from one file to another by way
 * of a buffer.  What was read and could not be written is read again next
 * time where that is possible; bytes leave a pipe when the other side has them.
 */
#include "sys_priv.h"

#include <kernel/fd.h>
#include <kernel/kmalloc.h>
#include <kernel/string.h>
#include <kernel/uaccess.h>

#include "fs_priv.h"

#define BUFFER_SIZE (64 * KIB)

struct copy {
    struct file *in, *out;
    u64 *in_pos, *out_pos; /* NULL: the files' own; else the next two */
    u64 in_value, out_value;
    u64 size;
};

static s64 move(struct file *file, char *buf, u64 size, u64 *pos,
                s64 (*fn)(struct file *file, struct io *io, u64 *pos))
{
    struct iovec vec;
    struct io io;

    io_init(&io, &vec, buf, size, true);
    return fn(file, &io, pos);
}

/* Takes back `size` bytes that were read. */
static void unread(struct copy *copy, u64 size)
{
    if (copy->in_pos != NULL) {
        *copy->in_pos -= size;
    } else if (copy->in->seekable) {
        mutex_lock(&copy->in->lock);
        copy->in->pos -= size;
        mutex_unlock(&copy->in->lock);
    }
}

/* Writes all of it, as far as that goes: bytes, or -errno if none. */
static s64 write_all(struct copy *copy, char *buf, u64 size)
{
    u64 done = 0;

    while (done < size) {
        s64 written = move(copy->out, buf + done, size - done, copy->out_pos, file_write);

        if (written <= 0) {
            return done > 0 ? (s64)done : written;
        }
        done += (u64)written;
    }
    return (s64)done;
}

/* As copy_part(); who else reads the pipe waits until the bytes have found their place. */
static s64 copy_from_pipe(struct copy *copy, char *buf, u64 size)
{
    struct iovec vec;
    struct io io;
    s64 put;
    int err;

    io_init(&io, &vec, buf, size, true);
    err = pipe_begin_move(copy->in, &io);
    if (err != 0 || io.done == 0) {
        return err;
    }
    put = write_all(copy, buf, io.done);
    pipe_end_move(copy->in, put > 0 ? (u64)put : 0);
    return put;
}

/* One buffer full: bytes, 0 at the end of file, -errno. */
static s64 copy_part(struct copy *copy, char *buf, u64 size, bool *last)
{
    s64 got, put;

    if (pipe_is_file(copy->in)) {
        *last = true;
        return copy_from_pipe(copy, buf, size);
    }
    got = move(copy->in, buf, size, copy->in_pos, file_read);
    if (got <= 0) {
        return got;
    }
    put = write_all(copy, buf, (u64)got);
    *last = put < got || !copy->in->seekable;
    if (put < got) {
        unread(copy, (u64)(got - MAX(put, (s64)0)));
    }
    return put;
}

static s64 copy_all(struct copy *copy)
{
    u64 buffer = MIN(copy->size, BUFFER_SIZE), done = 0;
    bool last = false;
    char *buf;
    s64 part = 0;

    if (copy->size == 0) {
        return 0;
    }
    buf = kmalloc(buffer);
    if (buf == NULL) {
        return -ENOMEM;
    }
    while (done < copy->size && !last) {
        part = copy_part(copy, buf, MIN(buffer, copy->size - done), &last);
        if (part <= 0) {
            break;
        }
        done += (u64)part;
    }
    kfree(buf);
    return done > 0 ? (s64)done : part;
}

/* The position an argument points to: 1 if there is one, 0, -EFAULT, -EINVAL. */
static int fetch_pos(u64 from, u64 *pos)
{
    if (from == 0) {
        return 0;
    }
    if (user_read(pos, (const void *)from, sizeof(*pos)) != 0) {
        return -EFAULT;
    }
    return (s64)*pos < 0 ? -EINVAL : 1;
}

static bool files_get(int in, int out, struct copy *copy)
{
    copy->in = fd_get(in);
    copy->out = fd_get(out);
    if (copy->in != NULL && copy->out != NULL) {
        return true;
    }
    if (copy->in != NULL) {
        file_put(copy->in);
    }
    if (copy->out != NULL) {
        file_put(copy->out);
    }
    return false;
}

static void files_put(struct copy *copy)
{
    file_put(copy->in);
    file_put(copy->out);
}

/* Copies, with positions taken from and told to the application. */
static s64 copy_between(struct copy *copy, u64 in_at, u64 out_at)
{
    int in = fetch_pos(in_at, &copy->in_value), out = fetch_pos(out_at, &copy->out_value);
    s64 result;

    if (in < 0 || out < 0) {
        return in < 0 ? in : out;
    }
    copy->in_pos = in ? &copy->in_value : NULL;
    copy->out_pos = out ? &copy->out_value : NULL;
    result = copy_all(copy);
    if (result > 0 && in && user_write((void *)in_at, copy->in_pos, sizeof(u64)) != 0) {
        return -EFAULT;
    }
    if (result > 0 && out && user_write((void *)out_at, copy->out_pos, sizeof(u64)) != 0) {
        return -EFAULT;
    }
    return result;
}

s64 sys_sendfile(u64 out, u64 in, u64 pos, u64 size, u64 a4, u64 a5)
{
    struct copy copy = {.size = MIN(size, RW_MAX)};
    s64 result;

    if (!files_get((int)in, (int)out, &copy)) {
        return -EBADF;
    }
    if (!file_may_read(copy.in) || !file_may_write(copy.out)) {
        result = -EBADF;
    } else if (!copy.in->seekable) {
        result = pos != 0 ? -ESPIPE : -EINVAL;
    } else if ((s64)size < 0 || (file_flags(copy.out) & O_APPEND) ||
               inode_is(copy.in->inode, S_IFDIR)) {
        result = -EINVAL;
    } else {
        result = copy_between(&copy, pos, 0);
    }
    files_put(&copy);
    return result;
}

static u64 pos_of(struct file *file, u64 at)
{
    u64 pos = file->pos;

    return fetch_pos(at, &pos) < 0 ? 0 : pos;
}

static int may_copy_range(const struct copy *copy, u64 in_at, u64 out_at)
{
    const struct inode *in = copy->in->inode, *out = copy->out->inode;

    if (in == NULL || out == NULL) {
        return -EINVAL;
    }
    if (inode_is(in, S_IFDIR) || inode_is(out, S_IFDIR)) {
        return -EISDIR;
    }
    if (!inode_is(in, S_IFREG) || !inode_is(out, S_IFREG)) {
        return -EINVAL;
    }
    if (!file_may_read(copy->in) || !file_may_write(copy->out) ||
        (file_flags(copy->out) & O_APPEND)) {
        return -EBADF;
    }
    if (in == out) {
        u64 from = pos_of(copy->in, in_at), to = pos_of(copy->out, out_at);

        if (from < to + copy->size && to < from + copy->size) {
            return -EINVAL;
        }
    }
    return 0;
}

s64 sys_copy_file_range(u64 in, u64 in_pos, u64 out, u64 out_pos, u64 size, u64 flags)
{
    struct copy copy = {.size = MIN(size, RW_MAX)};
    s64 result;

    if ((u32)flags != 0) {
        return -EINVAL;
    }
    if (!files_get((int)in, (int)out, &copy)) {
        return -EBADF;
    }
    result = may_copy_range(&copy, in_pos, out_pos);
    if (result == 0) {
        result = copy_between(&copy, in_pos, out_pos);
    }
    files_put(&copy);
    return result;
}

bool file_is_pipe(const struct file *file)
{
    return file->kind != NULL ? strcmp(file->kind, "pipe") == 0
                              : file->inode != NULL && inode_is(file->inode, S_IFIFO);
}

bool splice_would_wait(struct file *in, struct file *out, u32 flags)
{
    if ((flags & SPLICE_NONBLOCK) == 0) {
        return false;
    }
    return (in != NULL && file_is_pipe(in) && (file_poll(in) & (POLLIN | POLLHUP)) == 0) ||
           (out != NULL && file_is_pipe(out) && (file_poll(out) & (POLLOUT | POLLERR)) == 0);
}

s64 sys_splice(u64 in, u64 in_pos, u64 out, u64 out_pos, u64 size, u64 flags)
{
    struct copy copy = {.size = MIN(size, RW_MAX)};
    s64 result;

    if ((u32)flags & ~SPLICE_ALL) {
        return -EINVAL;
    }
    if (!files_get((int)in, (int)out, &copy)) {
        return -EBADF;
    }
    if (!file_may_read(copy.in) || !file_may_write(copy.out)) {
        result = -EBADF;
    } else if ((file_is_pipe(copy.in) && in_pos != 0) || (file_is_pipe(copy.out) && out_pos != 0)) {
        result = -ESPIPE;
    } else if ((!file_is_pipe(copy.in) && !file_is_pipe(copy.out)) ||
               (file_is_pipe(copy.in) && file_is_pipe(copy.out) &&
                copy.in->priv == copy.out->priv) ||
               (file_flags(copy.out) & O_APPEND)) {
        result = -EINVAL;
    } else if (splice_would_wait(copy.in, copy.out, (u32)flags)) {
        result = -EAGAIN;
    } else {
        copy.size = MIN(copy.size, file_is_pipe(copy.in) ? PAGE_SIZE : BUFFER_SIZE);
        result = copy_between(&copy, in_pos, out_pos);
    }
    files_put(&copy);
    return result;
}
