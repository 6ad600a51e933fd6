/* SPDX-License-Identifier: MIT */
/*
 * The entries of 2 MiB that a fault stores, for all kinds of memory.
 *
 * On kvm_pvm a store to a directory costs as much as a fault.  Many by one string instruction
 * cost no more than two, but make KVM forget all it knew of the directory's 1 GiB, and so do
 * three single stores with no miss of its shadow between them; then each page that is touched
 * again misses again.  At a JVM's start these were 100 misses.  So a short row is stored two
 * by two, and one of the pages touched in between, whose miss would come anyway.  In a long
 * row, which the sixteen pages of a stream are, the stores themselves would cost more than
 * what is forgotten.
 */
#include "aspace_priv.h"

#include <kernel/errno.h>
#include <kernel/pagetable.h>
#include <kernel/platform.h>

#include "fault_priv.h"

#define PAIR 2u
#define ROW_LONG 8u

static void store_row(vaddr_t va, u64 *entry, const u64 *value, unsigned count)
{
    bool pairs = platform->directory_writes_flush && count < ROW_LONG && (value[0] & PTE_PRESENT);
    unsigned step = pairs ? PAIR : count;

    for (unsigned i = 0; i < count; i += step) {
        if (i > 0) {
            (void)*(const volatile u8 *)(va + (i - 1) * LARGE_SIZE);
        }
        platform->write_entries(&entry[i], &value[i], MIN(step, count - i));
    }
}

int fault_store_large(vaddr_t va, const pfn_t *frame, unsigned count, u64 bits, unsigned *stored)
{
    u64 value[FAULT_PAGES_MAX];
    unsigned n = 0;
    u64 *entry;
    int error = pt_entry(va, 2, &entry);

    if (error != 0) {
        *stored = 0;
        return error == -EEXIST ? 0 : error; /* a page of 1 GiB came in between */
    }
    for (; n < count && pte_load(&entry[n]) == 0; n++) {
        value[n] = frame[n] << PAGE_SHIFT | bits | PTE_LARGE;
    }
    if (n > 0) { /* else another CPU was first */
        store_row(va, entry, value, n);
        aspace_count(COUNT_2M, n);
    }
    *stored = n;
    return 0;
}
