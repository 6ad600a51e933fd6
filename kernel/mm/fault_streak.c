/* SPDX-License-Identifier: MIT */
/*
 * Sequential touches, found per CPU: each remembers where its last
 * STREAMS faults ended, and a fault just there continues that stream.  One just
 * below where a fault began goes downward, as who makes sure of a stack does.
 * Rejected: a detector in the region, which all CPUs that fault there would
 * write, and which two threads that fill different parts of a heap confuse.
 */
#include "fault_priv.h"

#include <kernel/cpu.h>

#define STREAMS 4u

/* (o) own CPU only, kernel code that is not an interrupt's */
struct streams {
    struct {
        vaddr_t base;    /* (o) where what was mapped last begins */
        vaddr_t next;    /* (o) 0: unused */
        unsigned streak; /* (o) */
    } stream[STREAMS];
    unsigned oldest; /* (o) */
} aligned_to(CACHE_LINE);

static struct streams streams[MAX_CPUS];

/* The stream that `addr` continues: its index, or STREAMS. */
static unsigned find(const struct streams *mine, vaddr_t addr)
{
    unsigned i = 0;

    while (i < STREAMS && mine->stream[i].next != addr) {
        i++;
    }
    return i;
}

unsigned fault_streak(vaddr_t addr)
{
    const struct streams *mine = &streams[cpu_id()];
    unsigned i = find(mine, ALIGN_DOWN(addr, PAGE_SIZE));

    return i < STREAMS ? mine->stream[i].streak + 1 : 0;
}

bool fault_streak_falls(vaddr_t addr)
{
    const struct streams *mine = &streams[cpu_id()];
    vaddr_t end = ALIGN_DOWN(addr, PAGE_SIZE) + PAGE_SIZE;

    for (unsigned i = 0; i < STREAMS; i++) {
        if (mine->stream[i].base == end) {
            return true;
        }
    }
    return false;
}

void fault_streak_note(vaddr_t addr, vaddr_t next)
{
    fault_streak_note_row(addr, ALIGN_DOWN(addr, PAGE_SIZE), next);
}

void fault_streak_note_row(vaddr_t addr, vaddr_t base, vaddr_t next)
{
    struct streams *mine = &streams[cpu_id()];
    unsigned i = find(mine, ALIGN_DOWN(addr, PAGE_SIZE));

    if (i < STREAMS) {
        mine->stream[i].streak++;
    } else {
        i = mine->oldest++ % STREAMS;
        mine->stream[i].streak = 0;
    }
    mine->stream[i].base = base;
    mine->stream[i].next = next;
}
