/* SPDX-License-Identifier: MIT */
/*
 * The split virtqueue, driver's side.
 *
 *     desc[size] | avail: flags, index, ring[size], used_event
 *                | used:  flags, index, ring[size], avail_event
 *
 * The driver puts heads of chains into avail and advances its index; the
 * device puts them into used.  Each side says when it wants to hear of the
 * other: with event indices "when you pass this number", else by a flag.
 * Both are a store, a full barrier, and a look at the other's index, on
 * either side; whoever is second sees the other.
 *
 * Notifying costs 5 to 28 us on kvm_pvm and an interrupt 20, so both are
 * asked for only when somebody waits.
 */
#include "virtio_ring_priv.h"

#include <kernel/assert.h>
#include <kernel/errno.h>
#include <kernel/string.h>

#define AVAIL_NO_INTERRUPT 1u
#define USED_NO_NOTIFY 1u

#define USED_ALIGN 64u

size_t ring_avail_offset(u16 size)
{
    return size * sizeof(struct ring_desc);
}

size_t ring_used_offset(u16 size)
{
    /* flags, index, ring, used_event */
    return ALIGN_UP(ring_avail_offset(size) + 2 * (3 + (size_t)size), (size_t)USED_ALIGN);
}

size_t ring_memory_size(u16 size)
{
    return ring_used_offset(size) + 6 + size * sizeof(struct ring_used_entry);
}

static _Atomic u16 *used_event(struct ring *ring)
{
    return (_Atomic u16 *)&ring->avail->ring[ring->size];
}

static _Atomic u16 *avail_event(struct ring *ring)
{
    return (_Atomic u16 *)&ring->used->ring[ring->size];
}

void ring_init(struct ring *ring, u16 size, void *memory, void **cookie, bool event_index)
{
    assert(size > 0 && size <= RING_SIZE_MAX && (size & (size - 1)) == 0);
    *ring = (struct ring){
        .size = size,
        .event_index = event_index,
        .desc = memory,
        .avail = (struct ring_avail *)((char *)memory + ring_avail_offset(size)),
        .used = (struct ring_used *)((char *)memory + ring_used_offset(size)),
        .free_count = size,
        .cookie = cookie,
    };
    for (u16 i = 0; i < size; i++) {
        ring->desc[i].next = (u16)(i + 1);
    }
    ring_interrupts_off(ring);
}

void ring_table_init(struct ring_table *table, struct ring_desc *desc, paddr_t address, u16 max)
{
    *table = (struct ring_table){.desc = desc, .address = address, .max = max};
}

bool ring_table_add(struct ring_table *table, paddr_t address, u32 size, bool write)
{
    struct ring_desc *desc = &table->desc[table->count];

    if (table->count == table->max) {
        return false;
    }
    *desc = (struct ring_desc){address, size, write ? RING_DESC_WRITE : 0, 0};
    if (table->count > 0) {
        desc[-1].flags |= RING_DESC_NEXT;
        desc[-1].next = table->count;
    }
    table->count++;
    return true;
}

/* Copies the table into free descriptors, which are a chain already. */
static void add_direct(struct ring *ring, const struct ring_table *table)
{
    u16 at = ring->free_head;

    for (u16 i = 0; i < table->count; i++) {
        u16 next = ring->desc[at].next;

        ring->desc[at] = table->desc[i];
        ring->desc[at].next = next;
        at = next;
    }
    ring->free_head = at;
    ring->free_count = (u16)(ring->free_count - table->count);
}

static void add_indirect(struct ring *ring, const struct ring_table *table)
{
    struct ring_desc *desc = &ring->desc[ring->free_head];

    ring->free_head = desc->next;
    ring->free_count--;
    desc->address = table->address;
    desc->size = table->count * (u32)sizeof(struct ring_desc);
    desc->flags = RING_DESC_INDIRECT;
}

int ring_add(struct ring *ring, const struct ring_table *table, void *cookie)
{
    bool indirect = table->address != 0 && table->count > 1;
    u16 head = ring->free_head;

    assert(table->count > 0 && cookie != NULL);
    if (ring->broken) {
        return -EIO;
    }
    if (ring->free_count < (indirect ? 1 : table->count)) {
        return -ENOSPC;
    }
    if (indirect) {
        add_indirect(ring, table);
    } else {
        add_direct(ring, table);
    }
    ring->cookie[head] = cookie;
    ring->avail->ring[ring->avail_next & (ring->size - 1)] = head;
    ring->avail_next++;
    return 0;
}

bool ring_publish(struct ring *ring)
{
    u16 old = ring->avail_told;
    u16 new = ring->avail_next;

    if (new == old) {
        return false;
    }
    /* Release: the device that sees the index sees the descriptors. */
    atomic_store_explicit(&ring->avail->index, new, memory_order_release);
    ring->avail_told = new;
    /* Orders the index before the look at what the device wants; the device
     * says what it wants and then looks at the index. */
    atomic_thread_fence(memory_order_seq_cst);
    if (ring->event_index) {
        u16 event = atomic_load_explicit(avail_event(ring), memory_order_relaxed);

        return (u16)(new - event - 1) < (u16)(new - old);
    }
    return (atomic_load_explicit(&ring->used->flags, memory_order_relaxed) & USED_NO_NOTIFY) == 0;
}

bool ring_pending(const struct ring *ring)
{
    return atomic_load_explicit(&ring->used->index, memory_order_acquire) != ring->used_seen;
}

static void free_chain(struct ring *ring, u16 head)
{
    u16 last = head;
    u16 count = 1;

    /* The descriptors are ours: the device only reads them. */
    while ((ring->desc[last].flags & RING_DESC_NEXT) != 0) {
        last = ring->desc[last].next;
        count++;
    }
    ring->desc[last].next = ring->free_head;
    ring->free_head = head;
    ring->free_count = (u16)(ring->free_count + count);
    ring->cookie[head] = NULL;
}

void *ring_take(struct ring *ring, u32 *length)
{
    /* Acquire: what the device wrote before it advanced the index is seen. */
    u16 index = atomic_load_explicit(&ring->used->index, memory_order_acquire);
    u16 waiting = (u16)(index - ring->used_seen);
    struct ring_used_entry entry;
    void *cookie;

    if (waiting == 0 || ring->broken) {
        return NULL;
    }
    entry = ring->used->ring[ring->used_seen & (ring->size - 1)];
    cookie = entry.id < ring->size ? ring->cookie[entry.id] : NULL;
    if (waiting > ring->size || cookie == NULL) {
        ring->broken = true;
        return NULL;
    }
    free_chain(ring, (u16)entry.id);
    ring->used_seen++;
    *length = entry.length;
    return cookie;
}

void *ring_abandon(struct ring *ring)
{
    for (u16 i = 0; i < ring->size; i++) {
        void *cookie = ring->cookie[i];

        if (cookie != NULL) {
            free_chain(ring, i);
            return cookie;
        }
    }
    return NULL;
}

/*
 * With event indices: an event that lies behind is passed again only after
 * 65,535 chains, and one interrupt too many does no harm.
 */
void ring_interrupts_off(struct ring *ring)
{
    if (ring->event_index) {
        atomic_store_explicit(used_event(ring), (u16)(ring->used_seen - 1), memory_order_relaxed);
    } else {
        atomic_store_explicit(&ring->avail->flags, AVAIL_NO_INTERRUPT, memory_order_relaxed);
    }
}

bool ring_interrupts_on_after(struct ring *ring, u16 chains)
{
    u16 index;

    if (ring->event_index) {
        atomic_store_explicit(used_event(ring), (u16)(ring->used_seen + chains),
                              memory_order_relaxed);
    } else {
        chains = 0;
        atomic_store_explicit(&ring->avail->flags, 0, memory_order_relaxed);
    }
    /* Orders the wish before the look at the index; the device's order is the reverse. */
    atomic_thread_fence(memory_order_seq_cst);
    index = atomic_load_explicit(&ring->used->index, memory_order_acquire);
    return (u16)(index - ring->used_seen) > chains;
}

bool ring_interrupts_on(struct ring *ring)
{
    return ring_interrupts_on_after(ring, 0);
}
