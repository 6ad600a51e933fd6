/* SPDX-License-Identifier: MIT */
/*
 * socketpair(2): two pipes, one for each direction, with the words of unix(7).
 *
 * A stream is bytes; datagrams and sequenced packets are records.  A pipe
 * knows two ends; closing and shutting down a socket close ends of both:
 *
 *   close       of a stream or packets: both ends of both ways;
 *               of datagrams: only the reading end, so that the peer's sends fail
 *               and its receives wait, as on Linux
 *   shutdown    both ends of the way concerned (datagrams: the reading end)
 *
 * Both files share one object, freed with the second.  Descriptors that are
 * passed along travel in the pipe (rights.c).
 */
#include "pair_priv.h"

#include <kernel/errno.h>
#include <kernel/kmalloc.h>
#include <kernel/uaccess.h>

#define SLOTS 64u
#define FIONREAD 0x541bu

static u32 pipe_flags(struct file *file, u32 flags)
{
    u32 status = atomic_load_explicit(&file->flags, memory_order_relaxed);

    return ((status & O_NONBLOCK) != 0 || (flags & MSG_DONTWAIT) != 0 ? PIPE_NONBLOCK : 0) |
           ((flags & MSG_PEEK) != 0 ? PIPE_PEEK : 0);
}

/*
 * Closes ends of a way that are open still.  What was passed along stays, as the bytes do,
 * for the side that reads: also when it is the writer who has shut the way.
 */
static void end_way(struct pair *pair, unsigned way, bool reader, bool writer)
{
    if (reader && !atomic_exchange_explicit(&pair->no_reader[way], true, memory_order_acq_rel)) {
        (void)pipe_close_end(pair->way[way], true, false);
    }
    if (writer && !atomic_exchange_explicit(&pair->no_writer[way], true, memory_order_acq_rel)) {
        (void)pipe_close_end(pair->way[way], false, true);
    }
}

/* ---- Receiving -------------------------------------------------------------------- */

/* A stream gives what there is, then the error; packets the error first. */
static bool take_reset(struct pair *pair, unsigned side)
{
    return atomic_load_explicit(&pair->reset[side], memory_order_relaxed) &&
           atomic_exchange_explicit(&pair->reset[side], false, memory_order_relaxed);
}

static int receive_record(struct pair_end *end, struct io *io, u32 *flags, u32 how)
{
    u64 wanted = io->left;
    int err;

    if (take_reset(end->pair, end->side)) {
        return -ECONNRESET;
    }
    err = pipe_read(end->pair->way[1 - end->side], io, how | PIPE_LENGTH);
    if (err == 0 && io->done > wanted) {
        *flags |= MSG_TRUNC;
    }
    return err;
}

static int receive_bytes(struct pair_end *end, struct io *io, u32 flags, u32 how)
{
    bool all = (flags & MSG_WAITALL) != 0 && (flags & (MSG_PEEK | MSG_DONTWAIT)) == 0;
    u64 before;
    int err;

    do {
        before = io->done;
        err = pipe_read(end->pair->way[1 - end->side], io, how);
    } while (all && err == 0 && io->left != 0 && io->done != before && io->parcel == NULL);
    if (err == 0 && io->done == 0 && take_reset(end->pair, end->side)) {
        return -ECONNRESET;
    }
    return err;
}

int pair_receive(struct file *file, struct io *io, u32 *flags)
{
    struct pair_end *end = file->priv;
    u32 how = pipe_flags(file, *flags), wanted = *flags;
    u64 space = io->left;
    int err;

    *flags = 0;
    if (end->pair->type == SOCK_STREAM) {
        return io->left == 0 ? 0 : receive_bytes(end, io, wanted, how);
    }
    err = receive_record(end, io, flags, how);
    if ((wanted & MSG_TRUNC) == 0) {
        io->done = MIN(io->done, space); /* else the record's length, although cut */
    }
    return err;
}

/* ---- Sending ---------------------------------------------------------------------- */

int pair_send(struct file *file, struct io *io, u32 flags)
{
    struct pair_end *end = file->priv;
    struct pair *pair = end->pair;
    int err;

    if (pair->type != SOCK_STREAM && io->left > PAIR_BUFFER - 32) {
        return -EMSGSIZE;
    }
    if (pair->type == SOCK_STREAM && io->left == 0) {
        return 0;
    }
    err = pipe_write(pair->way[end->side], io, pipe_flags(file, flags));
    if (err != -EPIPE) {
        return err;
    }
    if (pair->type == SOCK_STREAM && (flags & MSG_NOSIGNAL) == 0 && io->done == 0) {
        pipe_signal_broken();
    }
    return pair->type == SOCK_DGRAM && pair->closed[1 - end->side] ? -ECONNREFUSED : -EPIPE;
}

int pair_shutdown(struct pair_end *end, int how)
{
    bool writer = end->pair->type != SOCK_DGRAM;

    if (how < 0 || how > 2) {
        return -EINVAL;
    }
    if (how != 1) {
        end_way(end->pair, 1 - end->side, true, writer);
    }
    if (how != 0) {
        end_way(end->pair, end->side, true, writer);
    }
    return 0;
}

/* ---- The file --------------------------------------------------------------------- */

static int pair_file_read(struct file *file, struct io *io, u64 *pos)
{
    u32 flags = 0;
    int err = pair_receive(file, io, &flags);

    rights_drop(io->parcel); /* read(2) has no place for it */
    return err;
}

static int pair_file_write(struct file *file, struct io *io, u64 *pos)
{
    return pair_send(file, io, 0);
}

static u32 pair_poll(struct file *file)
{
    struct pair_end *end = file->priv;
    struct pair *pair = end->pair;
    u32 in = pipe_poll_reader(pair->way[1 - end->side], (u64)-1);
    u32 out = pipe_poll_writer(pair->way[end->side]);
    u32 events = in & (POLLIN | POLLRDNORM);

    if ((in & POLLHUP) != 0) {
        events |= POLLIN | POLLRDNORM | POLLRDHUP;
    }
    if ((out & (POLLOUT | POLLERR)) != 0) {
        events |= POLLOUT | POLLWRNORM | POLLWRBAND;
    }
    if ((in & POLLHUP) != 0 && (out & POLLERR) != 0) {
        events |= POLLHUP;
    }
    return pair->reset[end->side] ? events | POLLERR : events;
}

static struct poll_source *pair_source(struct file *file)
{
    struct pair_end *end = file->priv;

    return &end->pair->source[end->side];
}

static s64 pair_ioctl(struct file *file, u32 request, u64 arg)
{
    struct pair_end *end = file->priv;
    u32 count;

    if (request != FIONREAD) {
        return -ENOTTY;
    }
    count = (u32)pipe_pending(end->pair->way[1 - end->side]);
    return user_write((void *)arg, &count, sizeof(count));
}

static void pair_free(struct pair *pair)
{
    pipe_free(pair->way[0]);
    pipe_free(pair->way[1]);
    kfree(pair);
}

static void pair_release(struct file *file)
{
    struct pair_end *end = file->priv;
    struct pair *pair = end->pair;
    unsigned side = end->side;
    bool linked = pair->type != SOCK_DGRAM;

    atomic_store_explicit(&pair->closed[side], true, memory_order_release);
    if (linked && pipe_pending(pair->way[1 - side]) != 0) {
        atomic_store_explicit(&pair->reset[1 - side], true, memory_order_release);
    }
    end_way(pair, 1 - side, true, linked);
    pipe_drop_parcels(pair->way[1 - side]);
    end_way(pair, side, linked, linked);
    if (atomic_fetch_sub_explicit(&pair->references, 1, memory_order_acq_rel) == 1) {
        pair_free(pair);
    }
}

static const struct file_ops pair_ops = {
    .read = pair_file_read,
    .write = pair_file_write,
    .ioctl = pair_ioctl,
    .poll = pair_poll,
    .source = pair_source,
    .release = pair_release,
};

struct pair_end *pair_of(struct file *file)
{
    return file->ops == &pair_ops ? file->priv : NULL;
}

/* ---- Making one --------------------------------------------------------------------- */

static int new_ways(struct pair *pair)
{
    u32 record_max = pair->type == SOCK_STREAM ? 0 : PAIR_BUFFER;

    if (pipe_new(SLOTS, record_max, &pair->way[0]) != 0) {
        return -ENOMEM;
    }
    if (pipe_new(SLOTS, record_max, &pair->way[1]) != 0) {
        pipe_free(pair->way[0]);
        return -ENOMEM;
    }
    for (unsigned i = 0; i < 2; i++) {
        poll_source_init(&pair->source[i], "socket watches");
        pair->ends[i] = (struct pair_end){pair, i};
        pair->way[i]->sink = &pair->source[i];
        pair->way[i]->source = &pair->source[1 - i];
        pipe_open_end(pair->way[i], true, true);
    }
    return 0;
}

int pair_new(u32 type, u32 flags, struct file **ends)
{
    struct pair *pair = kzalloc(sizeof(*pair));
    int err;

    if (pair == NULL) {
        return -ENOMEM;
    }
    pair->type = type;
    if (new_ways(pair) != 0) {
        kfree(pair);
        return -ENOMEM;
    }
    err = file_new(&pair_ops, "socket", O_RDWR | flags, &pair->ends[0], &ends[0]);
    if (err != 0) {
        pair_free(pair);
        return err;
    }
    atomic_store_explicit(&pair->references, 1, memory_order_relaxed);
    err = file_new(&pair_ops, "socket", O_RDWR | flags, &pair->ends[1], &ends[1]);
    if (err != 0) {
        file_put(ends[0]);
        return err;
    }
    atomic_store_explicit(&pair->references, 2, memory_order_relaxed);
    return 0;
}
