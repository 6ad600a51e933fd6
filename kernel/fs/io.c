/* SPDX-License-Identifier: MIT */
/*
 * The walk over the buffers of a read or write (kernel/io.h).
 *
 * The common case is one buffer and one copy: a pass of the loop is then all
 * there is.  Buffers of size 0 are stepped over when the walk comes to them.
 * Neither the sum nor the addresses are checked here: the sum by whoever
 * copied the vectors in, the addresses by each copy.
 */
#include <kernel/io.h>

#include <kernel/errno.h>
#include <kernel/string.h>
#include <kernel/uaccess.h>

void io_init(struct io *io, struct iovec *vec, void *base, u64 size, bool kernel)
{
    *vec = (struct iovec){base, size};
    *io = (struct io){.vec = vec, .left = size, .kernel = kernel};
}

void io_init_vec(struct io *io, const struct iovec *vec, unsigned count, u64 size)
{
    *io = (struct io){.vec = vec, .left = count == 0 ? 0 : size};
}

/* Where the walk stands, and how much of `size` fits there; the caller has made sure of left > 0.
 */
static char *io_here(struct io *io, u64 size, u64 *room)
{
    while (io->offset == io->vec->len) {
        io->vec++;
        io->offset = 0;
    }
    *room = MIN(size, io->vec->len - io->offset);
    return (char *)io->vec->base + io->offset;
}

static void io_advance(struct io *io, u64 size)
{
    io->offset += size;
    io->left -= size;
    io->done += size;
}

int io_put(struct io *io, const void *src, u64 size)
{
    size = MIN(size, io->left);
    while (size > 0) {
        u64 room;
        char *here = io_here(io, size, &room);

        if (io->kernel) {
            memcpy(here, src, room);
        } else if (user_write(here, src, room) != 0) {
            return -EFAULT;
        }
        io_advance(io, room);
        src = (const char *)src + room;
        size -= room;
    }
    return 0;
}

int io_take(struct io *io, void *dst, u64 size)
{
    size = MIN(size, io->left);
    while (size > 0) {
        u64 room;
        const char *here = io_here(io, size, &room);

        if (io->kernel) {
            memcpy(dst, here, room);
        } else if (user_read(dst, here, room) != 0) {
            return -EFAULT;
        }
        io_advance(io, room);
        dst = (char *)dst + room;
        size -= room;
    }
    return 0;
}

int io_put_zeros(struct io *io, u64 size)
{
    static const char zeros[PAGE_SIZE];

    size = MIN(size, io->left);
    while (size > 0) {
        u64 part = MIN(size, sizeof(zeros));
        int error = io_put(io, zeros, part);

        if (error != 0) {
            return error;
        }
        size -= part;
    }
    return 0;
}

void io_skip(struct io *io, u64 size)
{
    size = MIN(size, io->left);
    while (size > 0) {
        u64 room;

        (void)io_here(io, size, &room);
        io_advance(io, room);
        size -= room;
    }
}
