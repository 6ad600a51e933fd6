/* SPDX-License-Identifier: MIT */
/*
 * The one page table.  Levels are numbered as the size of their leaf:
 * 1 = 4 KiB, 2 = 2 MiB, 3 = 1 GiB, 4 = the root.
 *
 * Tables of levels 4 to 2 are created on demand and never freed, but those of level 2 may
 * change places by who has claimed all that lies in both.  A level-1
 * table belongs to one 2 MiB window; the window's lock guards the level-2
 * entry and the level-1 table below it.  Windows that lie in the same aligned
 * 32 MiB share a lock, so that one holder may change all their entries with
 * one store to the directory (PT_GROUP_SIZE).  The hardware changes accessed
 * and dirty bits at any time.
 *
 * An entry is one of
 *   0                        nothing there
 *   present                  a table (levels above 1, no PTE_LARGE) or a leaf
 *   not present, but not 0   a leaf that nothing may access (PROT_NONE): the
 *                            frame stays, hidden from the hardware
 *
 * The functions change entries only; the TLBs are the caller's business
 * (kernel/tlb.h).
 */
#pragma once

#include <kernel/spinlock.h>
#include <kernel/types.h>
#include <stdatomic.h>

#define PTE_PRESENT (1ull << 0)
#define PTE_WRITE (1ull << 1)
#define PTE_USER (1ull << 2) /* set at every level: kvm_pvm runs at CPL 3 */
#define PTE_CACHE_OFF (1ull << 4)
#define PTE_ACCESSED (1ull << 5)
#define PTE_DIRTY (1ull << 6)
#define PTE_LARGE (1ull << 7) /* levels 2 and 3: a leaf */
/*
 * Ours: the frame belongs to a page cache, which counts its uses.  Such a leaf
 * has PTE_WRITE only since a write fault gave it.
 */
#define PTE_FILE (1ull << 9)
/*
 * Ours: the frame's uses are counted (frame_get), one for each such leaf, as an alias of
 * it was made; there may be no other one any more.
 */
#define PTE_COUNTED (1ull << 10)
/* Ours, with PTE_COUNTED and without PTE_WRITE: a write gets a frame of its own first. */
#define PTE_SNAPSHOT (1ull << 11)
#define PTE_NX (1ull << 63)
#define PTE_ADDRESS 0x000ffffffffff000ull

#define PT_ENTRIES 512u

/* Protection as the layers above say it. */
#define PROT_READ 1u
#define PROT_WRITE 2u
#define PROT_EXEC 4u

/* Leaf entry bits for a protection (no address, not PTE_LARGE).  Never 0. */
u64 pte_from_prot(unsigned prot);

/* `pte` with the protection bits replaced by `bits`; the rest stays. */
static inline u64 pte_with_bits(u64 pte, u64 bits)
{
    return (pte & ~(PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_NX)) | bits;
}

/* The same for whatever leaf: that of a file or a snapshot does not get the right to write. */
static inline u64 leaf_with_bits(u64 pte, u64 bits)
{
    return pte_with_bits(pte, pte & (PTE_FILE | PTE_SNAPSHOT) ? bits & (pte | ~PTE_WRITE) : bits);
}

/* Is a use of the frame dropped with the leaf, and not the frame freed? */
static inline bool leaf_is_counted(u64 pte)
{
    return (pte & (PTE_FILE | PTE_COUNTED)) != 0;
}

static inline u64 pte_load(const u64 *entry)
{
    return atomic_load_explicit((const _Atomic u64 *)entry, memory_order_acquire);
}

/* Release: a table's or a frame's contents come before the entry. */
static inline void pte_store(u64 *entry, u64 value)
{
    atomic_store_explicit((_Atomic u64 *)entry, value, memory_order_release);
}

static inline u64 pte_exchange(u64 *entry, u64 value)
{
    return atomic_exchange_explicit((_Atomic u64 *)entry, value, memory_order_acq_rel);
}

static inline bool pte_replace(u64 *entry, u64 *expected, u64 value)
{
    return atomic_compare_exchange_strong_explicit((_Atomic u64 *)entry, expected, value,
                                                   memory_order_acq_rel, memory_order_acquire);
}

/* First address after the last that may be mapped (canonical lower half). */
#define VADDR_END (1ull << 47)

/* Start-up, one CPU: takes the root that the boot code built, by its address in the direct map. */
void pagetable_init(u64 *root);
/* Start-up: from now on tables come from frame_alloc(), not frame_early_alloc(). */
void pagetable_use_frames(void);
paddr_t pagetable_root(void);

/* The lock of the 2 MiB window that holds `va`. */
#define PT_GROUP_SIZE (32 * MIB)
struct spinlock *pt_window_lock(vaddr_t va);

/*
 * Where the entry of `va` at `level` is, making tables of higher levels as
 * needed: 0, -ENOMEM, or -EEXIST if a higher level has a leaf there.
 * For level 1 the window's lock is held.
 */
must_check int pt_entry(vaddr_t va, unsigned level, u64 **entry);

/*
 * The entry that translates `va`, or the highest one that is not present;
 * its level in *level.  Level 1 and 2: the window's lock is held, if the
 * caller wants more than a glimpse.  Never NULL.
 */
u64 *pt_lookup(vaddr_t va, unsigned *level);

/* The entry of `va` in its directory (level 2), NULL if there is none. */
u64 *pt_directory_entry(vaddr_t va);

/* The entry of `va` at level 3, NULL if there is no table of them. */
u64 *pt_pointer_entry(vaddr_t va);

/* The table that an entry points to. */
u64 *pt_table(u64 directory_entry);

/*
 * Leaves of 1 GiB in the application's memory.  A window's lock does not guard them: they are
 * made, split and taken away by who holds the address space's write lock or has claimed all of
 * it, and else only change by compare-and-exchange (protection, accessed, dirty).  The directory
 * that was there is kept with the frame, so that all this needs no memory.
 */

/* The entry of `va` that is such a leaf, or NULL. */
u64 *pt_giant_leaf(vaddr_t va);
/* Nothing of the GiB can be reached any more; returns its entry, which leads to the directory. */
must_check u64 pt_giant_close(vaddr_t va);
/* The directory `table`, that entry, is replaced by a leaf. */
void pt_giant_make(vaddr_t va, u64 table, u64 leaf);
/* The leaf is replaced by its directory, with leaves of 2 MiB that are like it. */
void pt_giant_split(vaddr_t va);
/* The same, with nothing in the directory; returns the leaf. */
must_check u64 pt_giant_take(vaddr_t va);

/* Bytes that one entry of `level` covers. */
static inline u64 pt_level_size(unsigned level)
{
    return 1ull << (PAGE_SHIFT + 9 * (level - 1));
}

/*
 * Maps [va, va + size) to physical memory at `pa` with the largest leaves
 * that alignment (and, for 1 GiB, the platform) allows; nothing may be mapped
 * there.  For the kernel's own mappings; takes the window locks.
 * 0 or -ENOMEM (then nothing is mapped).
 */
must_check int pt_map_range(vaddr_t va, paddr_t pa, u64 size, u64 bits);

/*
 * Replaces the 2 MiB leaf of `va`, if there is one, by a table of 512 equal
 * 4 KiB ones.  Accessed and dirty are carried over.  Window lock held.
 * 0 (also when there was none) or -ENOMEM.
 */
must_check int pt_demote(vaddr_t va);

/* As pt_demote(), with a frame of the caller's; false if it was not needed. */
must_check bool pt_demote_into(vaddr_t va, paddr_t table);

/* Links a zeroed frame of the caller's as the table of `va`'s window, if there is neither one
 * nor a leaf: else false.  Its directory is there.  Window lock held. */
must_check bool pt_link_into(vaddr_t va, paddr_t table);
