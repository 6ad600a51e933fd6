/* SPDX-License-Identifier: MIT */
/*
 * Between the files of faults:
 *
 *   fault.c         the steps of a fault; anonymous memory
 *   fault_file.c    pages of files, with the files of fault_file_priv.h
 *   fault_private.c their copies, by windows of 2 MiB
 *   fault_large.c   entries of 2 MiB
 *   fault_snapshot.c  writes to pages of snapshots
 *   fault_streak.c  does a CPU touch memory in ascending order?
 */
#pragma once

#include <kernel/types.h>

#include "turn_priv.h"

struct region;
struct region_object;

/* Positive results of the steps; 0 is resolved, negative an error. */
enum fault_step {
    FAULT_NEEDS_FRAMES = 1,
    FAULT_NEEDS_PAGES, /* of a file */
    FAULT_NEEDS_COPY,  /* of the file's page that is mapped */
    FAULT_NEEDS_OWN,   /* a copy of the page that a snapshot has too */
    FAULT_NEEDS_GIANT, /* a frame of 1 GiB */
    FAULT_BUSY,        /* wait for the region */
    FAULT_RETRY,       /* things have changed: look again */
};

struct fault {
    vaddr_t addr;
    u64 error;
    bool populate; /* not an access: protection does not matter, all to `limit` is wanted */
    bool write;    /* populate: as if written to, where the region allows it */
    bool may_wait; /* interrupts were on */
    vaddr_t limit;
    bool unzeroed;   /* populate: frames of the application's own will do as they are */
    bool only_large; /* populate: nothing but 2 MiB, whatever the region says */
    u32 ahead;       /* a bit for each frame that was zeroed ahead */
    bool no_large;   /* there are no 2 MiB frames */
    bool no_giant;   /* nor 1 GiB ones */
    bool own_tried;  /* there can be no private pages ahead */
    u64 seen;        /* aspace.releases when the region was found busy */
    struct turn turn;
    /* What is to be mapped: `count` pages of `order` from `base` on. */
    vaddr_t base;
    vaddr_t lowest; /* of the rows that are mapped; 0: none */
    unsigned order, count;
    vaddr_t next; /* when resolved: what lies before it, from `addr`, is mapped */
    /* FAULT_NEEDS_PAGES */
    struct region_object *object;   /* a use */
    u64 index;                      /* of the page at `addr` */
    vaddr_t start, end;             /* of the region */
    bool copy;                      /* a private mapping that is written to, or soon will be */
    bool store;                     /* it writes to a shared one */
    bool large;                     /* nothing is in the window, which may be a large page */
    vaddr_t large_start, large_end; /* the empty windows around it, all under one lock */
    bool own_large;                 /* or a private one, filled from the file */
    bool own_pages;                 /* or single ones */
    vaddr_t own_start, own_end;     /* where these go */
};

/* fault.c: does all the steps; 0, with f->next, or an error as that of aspace_fault(). */
must_check int fault_resolve(struct fault *f);

/*
 * fault_snapshot.c.  A write to the leaf, which has PTE_SNAPSHOT: read lock and window
 * lock held.  0, with f->next, or a step.
 */
must_check int fault_look_snapshot(struct fault *f, const struct region *region, u64 *entry,
                                   unsigned level);
/* No lock held: FAULT_NEEDS_OWN. */
must_check int fault_supply_own_copy(struct fault *f);

/* fault.c: 0 if the fault may be served from the region.  Read lock held. */
must_check int fault_check_region(struct fault *f, const struct region *region);

/*
 * fault_file.c.  What an entry of a file's region needs; read lock and window
 * lock held.
 */
must_check int fault_look_file(struct fault *f, const struct region *region, u64 *entry,
                               unsigned level);
/* Does it; no lock held. */
must_check int fault_supply_pages(struct fault *f);
/* fault_file_copy.c, likewise: FAULT_NEEDS_COPY. */
must_check int fault_supply_copy(struct fault *f);

/*
 * fault_large.c.  Read lock and window lock held.  Entries of 2 MiB from `va` on, FAULT_PAGES_MAX
 * at most, as long as there are none: *stored of them.
 */
must_check int fault_store_large(vaddr_t va, const pfn_t *frame, unsigned count, u64 bits,
                                 unsigned *stored);

/* fault_private.c: f->own_large.  Negative: not so. */
must_check int fault_supply_own_large(struct fault *f);
/* f->own_pages, likewise. */
must_check int fault_supply_own_pages(struct fault *f);

/*
 * fault_streak.c remembers where a CPU's last few faults ended.  Any CPU's
 * own, so the lists need no lock; a thread that moves starts anew.
 */
/* How many faults in a row went on where the one before ended, up to `addr`. */
unsigned fault_streak(vaddr_t addr);
/* Was all down to the page above `addr` mapped by one of them, and no more? */
bool fault_streak_falls(vaddr_t addr);
/* A fault at `addr` mapped everything up to `next`; from `base` on. */
void fault_streak_note(vaddr_t addr, vaddr_t next);
void fault_streak_note_row(vaddr_t addr, vaddr_t base, vaddr_t next);
