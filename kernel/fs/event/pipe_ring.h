/* SPDX-License-Identifier: MIT */
/*
 * The bytes in a pipe: a ring of pages that are allocated as they are first
 * written.  No locks; pure, tested on the host.
 *
 *     tail <= head <= tail + capacity        capacity = slots * PAGE_SIZE
 *     byte at position p: pages[p / PAGE_SIZE % slots][p % PAGE_SIZE]
 *
 * One reader may copy out of [tail, head) while one writer copies into
 * [head, tail + capacity): each position belongs to one of them.  A ring in
 * use by nobody that is empty begins again at its first page, which therefore
 * stays in the cache.
 */
#pragma once

#include <kernel/io.h>
#include <kernel/types.h>

#define PIPE_SLOTS 16u /* Linux's default: 64 KiB */

struct pipe_ring {
    u8 **pages;
    u32 slots; /* power of two */
    u64 head;  /* written so far */
    u64 tail;  /* read so far */
    u8 *few[PIPE_SLOTS];
};

/* -ENOMEM */
must_check int pipe_ring_init(struct pipe_ring *ring, u32 slots);
void pipe_ring_free(struct pipe_ring *ring);

static inline u64 pipe_ring_used(const struct pipe_ring *ring)
{
    return ring->head - ring->tail;
}

static inline u64 pipe_ring_room(const struct pipe_ring *ring)
{
    return ring->slots * PAGE_SIZE - pipe_ring_used(ring);
}

/*
 * Bytes from or to position `pos`, which the caller owns; head and tail stay.
 * 0, -EFAULT, or -ENOMEM; io->done tells how much.
 */
must_check int pipe_ring_fill(struct pipe_ring *ring, u64 pos, struct io *io, u64 size);
must_check int pipe_ring_drain(struct pipe_ring *ring, u64 pos, struct io *io, u64 size);
/* The kernel's own bytes: a record's header. -ENOMEM */
must_check int pipe_ring_put(struct pipe_ring *ring, u64 pos, const void *src, u64 size);
void pipe_ring_get(const struct pipe_ring *ring, u64 pos, void *dst, u64 size);

/* Empty and in use by nobody: begins again at the first page. */
static inline void pipe_ring_rewind(struct pipe_ring *ring)
{
    if (ring->head == ring->tail) {
        ring->head = ring->tail = 0;
    }
}

/* Moves all bytes to `to`, which is empty, new and large enough.  -ENOMEM: none was. */
must_check int pipe_ring_move(struct pipe_ring *ring, struct pipe_ring *to);
