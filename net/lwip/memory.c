/* SPDX-License-Identifier: MIT */
/*
 * lwIP's memory, checksums, time and chance.
 *
 * All that lwIP holds - connections, segments, packets that wait - is counted and
 * bounded: who floods the card with connections or fragments gets no more
 * than that.  Before each object lies its size.
 */
#include <kernel/clock.h>
#include <kernel/kmalloc.h>
#include <kernel/random.h>
#include <kernel/string.h>
#include <lwip/opt.h>
#include <lwip/sys.h>
#include <stdatomic.h>

#include "lwip_hooks.h"

#define MEMORY_MOST (64 * MIB)
#define HEADER 16u

static _Atomic u64 in_use; /* bytes */

void *lwip_malloc(unsigned long size)
{
    u64 before = atomic_fetch_add_explicit(&in_use, size, memory_order_relaxed);
    u64 *object = before + size <= MEMORY_MOST ? kmalloc(size + HEADER) : NULL;

    if (object == NULL) {
        atomic_fetch_sub_explicit(&in_use, size, memory_order_relaxed);
        return NULL;
    }
    *object = size;
    return (u8 *)object + HEADER;
}

void *lwip_calloc(unsigned long count, unsigned long size)
{
    void *object = lwip_malloc(count * size);

    if (object != NULL) {
        memset(object, 0, count * size);
    }
    return object;
}

void lwip_free(void *object)
{
    if (object != NULL) {
        u64 *start = (u64 *)((u8 *)object - HEADER);

        atomic_fetch_sub_explicit(&in_use, *start, memory_order_relaxed);
        kfree(start);
    }
}

u32_t sys_now(void)
{
    return (u32_t)(clock_now() / NSEC_PER_MSEC);
}

/* Random, as every connection asks for its own; plus a clock, so that a port's next is later. */
u32_t lwip_tcp_isn(const ip_addr_t *local, u16_t local_port, const ip_addr_t *remote,
                   u16_t remote_port)
{
    return (u32_t)random_u64();
}

/* Of RFC 1071, over any number of bytes; what is added up may be in any byte order. */
u16 lwip_checksum(const void *data, int size)
{
    const u8 *at = data;
    u64 sum = 0;

    for (; size >= 8; size -= 8, at += 8) {
        u64 word;

        __builtin_memcpy(&word, at, sizeof(word));
        sum += word;
        sum += sum < word; /* the carry comes back in */
    }
    if (size > 0) {
        u64 rest = 0;

        memcpy(&rest, at, (size_t)size);
        sum += rest;
        sum += sum < rest;
    }
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (u16)sum;
}
