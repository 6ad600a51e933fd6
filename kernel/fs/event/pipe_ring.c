/* SPDX-License-Identifier: MIT */
/*
 * The ring of pages behind pipes (pipe_ring.h).
 *
 * Bytes, not Linux's pages with an offset each: many small writes fill the
 * whole capacity, and a reader finds them in one piece.  A page once allocated
 * stays until the pipe is closed; a pipe that carries single bytes has one.
 */
#include "pipe_ring.h"

#include <kernel/errno.h>
#include <kernel/kmalloc.h>
#include <kernel/string.h>

int pipe_ring_init(struct pipe_ring *ring, u32 slots)
{
    *ring = (struct pipe_ring){.slots = slots, .pages = ring->few};
    if (slots > PIPE_SLOTS) {
        ring->pages = kzalloc(slots * sizeof(u8 *));
    }
    return ring->pages != NULL ? 0 : -ENOMEM;
}

void pipe_ring_free(struct pipe_ring *ring)
{
    for (u32 i = 0; ring->pages != NULL && i < ring->slots; i++) {
        kfree(ring->pages[i]);
    }
    if (ring->pages != ring->few) {
        kfree(ring->pages);
    }
}

/* The bytes at `pos` up to the end of their page; *size is cut to that. */
static u8 *span_at(const struct pipe_ring *ring, u64 pos, u64 *size)
{
    u64 offset = pos % PAGE_SIZE;

    *size = MIN(*size, PAGE_SIZE - offset);
    return &ring->pages[pos / PAGE_SIZE & (ring->slots - 1)][offset];
}

/* The page of `pos` is there. */
static bool have_page(struct pipe_ring *ring, u64 pos)
{
    u8 **page = &ring->pages[pos / PAGE_SIZE & (ring->slots - 1)];

    if (unlikely(*page == NULL)) {
        *page = kmalloc(PAGE_SIZE);
    }
    return *page != NULL;
}

int pipe_ring_fill(struct pipe_ring *ring, u64 pos, struct io *io, u64 size)
{
    int err = 0;

    while (size != 0 && err == 0) {
        u64 part = size;
        u8 *span;

        if (!have_page(ring, pos)) {
            return -ENOMEM;
        }
        span = span_at(ring, pos, &part);
        err = io_take(io, span, part);
        pos += part;
        size -= part;
    }
    return err;
}

int pipe_ring_drain(struct pipe_ring *ring, u64 pos, struct io *io, u64 size)
{
    int err = 0;

    while (size != 0 && err == 0) {
        u64 part = size;
        u8 *span;

        span = span_at(ring, pos, &part);
        err = io_put(io, span, part);
        pos += part;
        size -= part;
    }
    return err;
}

int pipe_ring_put(struct pipe_ring *ring, u64 pos, const void *src, u64 size)
{
    const u8 *from = src;

    while (size != 0) {
        u64 part = size;
        u8 *span;

        if (!have_page(ring, pos)) {
            return -ENOMEM;
        }
        span = span_at(ring, pos, &part);
        memcpy(span, from, part);
        pos += part;
        from += part;
        size -= part;
    }
    return 0;
}

void pipe_ring_get(const struct pipe_ring *ring, u64 pos, void *dst, u64 size)
{
    u8 *to = dst;

    while (size != 0) {
        u64 part = size;
        u8 *span;

        span = span_at(ring, pos, &part);
        memcpy(to, span, part);
        pos += part;
        to += part;
        size -= part;
    }
}

int pipe_ring_move(struct pipe_ring *ring, struct pipe_ring *to)
{
    u64 left = pipe_ring_used(ring), pos = ring->tail;

    while (left != 0) {
        u64 part = left;
        u8 *span = span_at(ring, pos, &part);

        if (pipe_ring_put(to, to->head, span, part) != 0) {
            to->head = 0;
            return -ENOMEM;
        }
        to->head += part;
        pos += part;
        left -= part;
    }
    ring->tail = ring->head;
    return 0;
}
