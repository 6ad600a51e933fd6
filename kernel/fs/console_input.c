/* SPDX-License-Identifier: MIT */
/*
 * Standard input that the host sends when the program wants it.
 *
 * A program that reads nothing takes nothing from the host, and one that reads
 * a line takes that line: so a loop of the shell in which programs run in Moka
 * keeps its own input.  The price is a message to the host and back for each
 * read, about 200 us on kvm_pvm; so the host sends on its own account once a
 * program has read much (images/tool/input.c decides), or from the beginning
 * where it can put back what was not taken.
 */
#include "console_priv.h"

#include <kernel/errno.h>
#include <kernel/wait.h>

/* What a program that polls is taken to want. */
#define POLL_WANTED 4096u

/* (l) lock   (a) atomic */
static struct {
    struct mutex lock;
    u8 header[4];         /* (l) of the frame that begins */
    u32 header_size;      /* (l) so much of it is there */
    _Atomic bool end;     /* (a) a frame of size 0 has come, which nobody has read */
    _Atomic u32 left;     /* (a) bytes of the current frame; changed under (l) */
    _Atomic bool no_more; /* (a) asking is needless: it has been done, or it flows */
    _Atomic u64 taken;    /* (a) */
} input = {
    .lock = {.queue = WAIT_QUEUE_INIT("input", input.lock.queue)},
};

u64 console_input_taken(void)
{
    return atomic_load_explicit(&input.taken, memory_order_relaxed);
}

static u32 bytes_left(void)
{
    return atomic_load_explicit(&input.left, memory_order_relaxed);
}

static bool has_ended(void)
{
    return atomic_load_explicit(&input.end, memory_order_relaxed);
}

static void want(u64 size)
{
    const struct console_host *host = console_host();

    if (host != NULL && !atomic_exchange_explicit(&input.no_more, true, memory_order_acq_rel)) {
        host->want(size);
    }
}

static void begin_frame(void)
{
    u32 size = input.header[0] | (u32)input.header[1] << 8 | (u32)input.header[2] << 16 |
               (u32)input.header[3] << 24;

    input.header_size = 0;
    atomic_store_explicit(&input.end, (size & ~INPUT_FLOWS) == 0, memory_order_relaxed);
    atomic_store_explicit(&input.left, size & ~INPUT_FLOWS, memory_order_relaxed);
    atomic_store_explicit(&input.no_more, (size & INPUT_FLOWS) != 0, memory_order_release);
}

/* The lock is held.  1: a frame has begun, or is an end; 0: not yet; -errno. */
static s64 read_header(struct byte_channel *channel)
{
    s64 got;

    if (has_ended()) {
        return 1;
    }
    got = channel->read(channel, input.header + input.header_size,
                        sizeof(input.header) - input.header_size);

    if (got <= 0) {
        return got;
    }
    input.header_size += (u32)got;
    if (input.header_size < sizeof(input.header)) {
        return 0;
    }
    begin_frame();
    return 1;
}

/* The lock is held. */
static s64 read_frames(struct byte_channel *channel, char *data, u64 size)
{
    u64 done = 0;
    s64 got = 1;

    while (done < size && got > 0) {
        if (bytes_left() == 0) {
            /* What has come is handed on before what comes behind it is looked for. */
            got = done > 0 && !(channel->poll(channel) & POLLIN) ? 0 : read_header(channel);
        }
        if (has_ended()) {
            atomic_store_explicit(&input.end, done > 0,
                                  memory_order_relaxed); /* for the next read */
            got = -ENODATA;
        }
        if (bytes_left() > 0) {
            got = channel->read(channel, data + done, MIN(size - done, bytes_left()));
            if (got > 0) {
                atomic_fetch_sub_explicit(&input.left, (u32)got, memory_order_relaxed);
                done += (u64)got;
            }
        }
    }
    return done > 0 ? (s64)done : got;
}

s64 input_read(struct byte_channel *channel, void *data, u64 size)
{
    s64 got;

    mutex_lock(&input.lock);
    got = read_frames(channel, data, size);
    if (got == 0 && size > 0 && bytes_left() == 0) {
        want(size);
    }
    mutex_unlock(&input.lock);
    if (got > 0) {
        atomic_fetch_add_explicit(&input.taken, (u64)got, memory_order_relaxed);
    }
    return got;
}

u32 input_poll(struct byte_channel *channel)
{
    u32 events = channel->poll(channel);

    if (has_ended()) {
        return events | POLLIN;
    }
    if ((events & (POLLIN | POLLHUP)) == 0 && bytes_left() == 0) {
        want(POLL_WANTED);
    }
    return events;
}

u32 input_waiting(struct byte_channel *channel)
{
    u32 waiting;

    mutex_lock(&input.lock);
    if (bytes_left() == 0 && read_header(channel) == 0) {
        want(POLL_WANTED);
    }
    waiting = MIN(channel->waiting(channel), bytes_left());
    mutex_unlock(&input.lock);
    return waiting;
}
