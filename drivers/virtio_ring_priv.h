/* SPDX-License-Identifier: MIT */
/*
 * A split virtqueue (virtio 1.2, section 2.7): the memory that driver and
 * device share, and the driver's notes about it.  Pure: it touches nothing
 * but that memory.  The caller serialises all calls on one ring, which never
 * wait.
 *
 * What the device writes is checked before it is used.  A device that breaks
 * the rules makes the ring `broken`: it gives nothing back any more, and its
 * owner fails what is outstanding (ring_abandon).
 */
#pragma once

#include <kernel/types.h>
#include <stdatomic.h>

#define RING_SIZE_MAX 1024u

#define RING_DESC_NEXT 1u
#define RING_DESC_WRITE 2u /* the device writes it */
#define RING_DESC_INDIRECT 4u

struct ring_desc {
    u64 address;
    u32 size;
    u16 flags;
    u16 next;
};

struct ring_avail {
    _Atomic u16 flags;
    _Atomic u16 index;
    u16 ring[]; /* behind it: the used_event */
};

struct ring_used_entry {
    u32 id;
    u32 length;
};

struct ring_used {
    _Atomic u16 flags;
    _Atomic u16 index;
    struct ring_used_entry ring[]; /* behind it: the avail_event */
};

/*
 * (c) constant   (d) the device reads   (w) the device writes   (l) the caller's lock
 *
 * Invariant: free_count + descriptors of chains that are out == size.
 */
struct ring {
    u16 size;                 /* (c) a power of two */
    bool event_index;         /* (c) RING_EVENT_IDX was negotiated */
    struct ring_desc *desc;   /* (d) */
    struct ring_avail *avail; /* (d) */
    struct ring_used *used;   /* (w) */
    u16 free_head;            /* (l) first of the free descriptors */
    u16 free_count;           /* (l) */
    u16 avail_next;           /* (l) chains added, modulo 2^16 */
    u16 avail_told;           /* (l) of those: published */
    u16 used_seen;            /* (l) chains taken back */
    bool broken;              /* (l) */
    void **cookie;            /* (l) by head of chain; NULL: not out */
};

/* A list of buffers; those that the device writes come last. */
struct ring_table {
    struct ring_desc *desc;
    paddr_t address; /* of desc, for use as an indirect table; 0: never as such */
    u16 count, max;
};
void ring_table_init(struct ring_table *table, struct ring_desc *desc, paddr_t address, u16 max);
/* False when the table is full.  Physically contiguous; size above 0. */
bool ring_table_add(struct ring_table *table, paddr_t address, u32 size, bool write);

/* Bytes of shared memory, and where avail and used are in it; desc is at 0. */
size_t ring_memory_size(u16 size);
size_t ring_avail_offset(u16 size);
size_t ring_used_offset(u16 size);

/*
 * `memory` is zeroed, aligned to 16 and ring_memory_size() long; `cookie` has
 * `size` entries, NULL.  Interrupts are off (ring_interrupts_off()).
 */
void ring_init(struct ring *ring, u16 size, void *memory, void **cookie, bool event_index);

/*
 * Adds the chain: as one descriptor if the table has an address and more
 * than one entry (the table must stay as it is until the chain comes back),
 * else as so many.  `cookie` is not NULL.  0, -ENOSPC, -EIO (broken).
 */
must_check int ring_add(struct ring *ring, const struct ring_table *table, void *cookie);
/* Shows the device what was added; true if it wants to be notified of it. */
bool ring_publish(struct ring *ring);

/* Is there something to take?  May be called without the caller's lock. */
bool ring_pending(const struct ring *ring);
/* The cookie of the next chain that came back, and what was written; NULL: none. */
void *ring_take(struct ring *ring, u32 *length);
/* Of a broken ring, or one whose device was reset: any cookie still out; NULL: none. */
void *ring_abandon(struct ring *ring);

/* The device need not interrupt (it still may). */
void ring_interrupts_off(struct ring *ring);
/* It must, at the next chain; true if there is one already and it may not. */
bool ring_interrupts_on(struct ring *ring);
/* As that, but for `chains` more before it, if it knows event indices. */
bool ring_interrupts_on_after(struct ring *ring, u16 chains);
