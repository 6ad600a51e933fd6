/* SPDX-License-Identifier: MIT */
/*
 * The page table's entries: finding, making and splitting them, for the
 * address space and for the kernel's own mappings.
 *
 * Tables are reached through the direct map.  Those of levels 3 and 2 are
 * linked with a compare-and-swap, so that faults in different windows need
 * no common lock; the loser gives its table back.  They are never freed: a
 * fault may walk them with no lock but its window's, and 4 KiB for each GiB
 * that was ever used is little.  A walk costs three dependent loads.
 *
 * A lock per window would let each fault run alone, but on kvm_pvm one store
 * to a directory costs what 16 do in one go, so windows are locked in groups
 * of 32 MiB.
 */
#include <kernel/pagetable.h>

#include <kernel/assert.h>
#include <kernel/cpu.h>
#include <kernel/errno.h>
#include <kernel/frame.h>

#define PT_ROOT_LEVEL 4u
#define WINDOW_LOCKS 256u

#define PTE_TABLE (PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED)

struct window_lock {
    struct spinlock lock;
} aligned_to(CACHE_LINE);

static struct {
    paddr_t root;      /* constant after start-up; first, where tools/mkcore.c looks for it */
    bool frames_ready; /* start-up, one CPU */
    struct window_lock locks[WINDOW_LOCKS];
} pagetable;

static unsigned pt_index(vaddr_t va, unsigned level)
{
    return (va >> (PAGE_SHIFT + 9 * (level - 1))) & (PT_ENTRIES - 1);
}

static bool pte_is_table(u64 pte, unsigned level)
{
    return level > 1 && (pte & (PTE_PRESENT | PTE_LARGE)) == PTE_PRESENT;
}

u64 *pt_table(u64 directory_entry)
{
    return phys_to_virt(directory_entry & PTE_ADDRESS);
}

static u64 *root_entry(vaddr_t va)
{
    return (u64 *)phys_to_virt(pagetable.root) + pt_index(va, PT_ROOT_LEVEL);
}

void pagetable_init(u64 *root)
{
    pagetable.root = virt_to_phys(root);
    for (unsigned i = 0; i < WINDOW_LOCKS; i++) {
        spinlock_init(&pagetable.locks[i].lock, "window", RANK_WINDOW);
    }
}

void pagetable_use_frames(void)
{
    pagetable.frames_ready = true;
}

paddr_t pagetable_root(void)
{
    return pagetable.root;
}

u64 pte_from_prot(unsigned prot)
{
    u64 bits = PTE_USER;

    if (prot != 0) {
        bits |= PTE_PRESENT;
    }
    if (prot & PROT_WRITE) {
        bits |= PTE_WRITE;
    }
    if (!(prot & PROT_EXEC)) {
        bits |= PTE_NX;
    }
    return bits;
}

struct spinlock *pt_window_lock(vaddr_t va)
{
    /* Knuth's multiplicative hash: neighbours and far strides spread alike. */
    u64 hash = (va / PT_GROUP_SIZE) * 0x9e3779b97f4a7c15ull;

    return &pagetable.locks[hash >> 56].lock;
}
_Static_assert(WINDOW_LOCKS == 1u << 8, "pt_window_lock() takes the hash's top 8 bits");

static int table_alloc(paddr_t *table)
{
    pfn_t pfn;
    int error;

    if (!pagetable.frames_ready) {
        *table = frame_early_alloc();
        return 0;
    }
    error = frame_alloc_table(FRAME_ZERO, &pfn);
    if (error != 0) {
        return error;
    }
    *table = pfn << PAGE_SHIFT;
    return 0;
}

/* Links a new table at `entry`, which was 0; *value is what stands there then. */
static int table_link(u64 *entry, u64 *value)
{
    paddr_t table;
    int error = table_alloc(&table);

    if (error != 0) {
        return error;
    }
    *value = 0;
    if (pte_replace(entry, value, table | PTE_TABLE)) {
        *value = table | PTE_TABLE;
    } else {
        frame_free(table >> PAGE_SHIFT, ORDER_4K);
    }
    return 0;
}

int pt_entry(vaddr_t va, unsigned level, u64 **entry)
{
    u64 *at = root_entry(va);

    assert(va < VADDR_END && level >= 1 && level < PT_ROOT_LEVEL);
    for (unsigned l = PT_ROOT_LEVEL; l > level; l--) {
        u64 value = pte_load(at);

        if (value == 0) {
            int error = table_link(at, &value);

            if (error != 0) {
                return error;
            }
        }
        if (!pte_is_table(value, l)) {
            return -EEXIST;
        }
        at = pt_table(value) + pt_index(va, l - 1);
    }
    *entry = at;
    return 0;
}

u64 *pt_lookup(vaddr_t va, unsigned *level)
{
    u64 *at = root_entry(va);
    unsigned l = PT_ROOT_LEVEL;

    for (u64 value = pte_load(at); pte_is_table(value, l); value = pte_load(at)) {
        l--;
        at = pt_table(value) + pt_index(va, l);
    }
    *level = l;
    return at;
}

u64 *pt_directory_entry(vaddr_t va)
{
    u64 *at = root_entry(va);

    for (unsigned l = PT_ROOT_LEVEL; l > 2; l--) {
        u64 value = pte_load(at);

        if (!pte_is_table(value, l)) {
            return NULL;
        }
        at = pt_table(value) + pt_index(va, l - 1);
    }
    return at;
}

u64 *pt_pointer_entry(vaddr_t va)
{
    u64 value = pte_load(root_entry(va));

    return value == 0 ? NULL : pt_table(value) + pt_index(va, 3);
}

/* The highest level whose leaf fits at both addresses and into `size`. */
static unsigned best_level(vaddr_t va, paddr_t pa, u64 size)
{
    unsigned level = cpu_has_giant_pages() ? 3 : 2;

    while (level > 1 &&
           (!IS_ALIGNED(va | pa, pt_level_size(level)) || size < pt_level_size(level))) {
        level--;
    }
    return level;
}

static int map_leaf(vaddr_t va, paddr_t pa, unsigned level, u64 bits)
{
    bool irq = spin_lock(pt_window_lock(va));
    u64 *entry;
    int error = pt_entry(va, level, &entry);

    if (error == 0) {
        BUG_ON(pte_load(entry) != 0);
        pte_store(entry, pa | bits | (level > 1 ? PTE_LARGE : 0));
    }
    spin_unlock(pt_window_lock(va), irq);
    BUG_ON(error == -EEXIST);
    return error;
}

static void unmap_leaves(vaddr_t va, vaddr_t end)
{
    while (va < end) {
        bool irq = spin_lock(pt_window_lock(va));
        unsigned level;
        u64 *entry = pt_lookup(va, &level);

        pte_store(entry, 0);
        spin_unlock(pt_window_lock(va), irq);
        va += pt_level_size(level);
    }
}

int pt_map_range(vaddr_t va, paddr_t pa, u64 size, u64 bits)
{
    assert(IS_ALIGNED(va | pa | size, PAGE_SIZE));
    /* Set ahead, so that no CPU (or host) has to write the entry again. */
    bits |= PTE_ACCESSED | (bits & PTE_WRITE ? PTE_DIRTY : 0);
    for (u64 done = 0; done < size;) {
        unsigned level = best_level(va + done, pa + done, size - done);
        int error = map_leaf(va + done, pa + done, level, bits);

        if (error != 0) {
            /* Nothing has used the mapping yet: no TLB to think of. */
            unmap_leaves(va, va + done);
            return error;
        }
        done += pt_level_size(level);
    }
    return 0;
}

bool pt_demote_into(vaddr_t va, paddr_t table)
{
    u64 *entry = pt_directory_entry(va);
    u64 *leaf = phys_to_virt(table);
    u64 old;

    assert(spin_is_mine(pt_window_lock(va)));
    if (entry == NULL || !(pte_load(entry) & PTE_LARGE)) {
        return false;
    }
    old = pte_load(entry);
    do {
        for (unsigned i = 0; i < PT_ENTRIES; i++) {
            leaf[i] = (old & ~PTE_LARGE) + i * PAGE_SIZE;
        }
        /* Again if a CPU set accessed or dirty meanwhile. */
    } while (!pte_replace(entry, &old, table | PTE_TABLE));
    return true;
}

int pt_demote(vaddr_t va)
{
    u64 *entry = pt_directory_entry(va);
    pfn_t pfn;
    int error;

    if (entry == NULL || !(pte_load(entry) & PTE_LARGE)) {
        return 0;
    }
    error = frame_alloc_table(0, &pfn);
    if (error != 0) {
        return error;
    }
    if (!pt_demote_into(va, pfn << PAGE_SHIFT)) {
        frame_free(pfn, ORDER_4K);
    }
    return 0;
}

u64 *pt_giant_leaf(vaddr_t va)
{
    u64 *entry = pt_pointer_entry(va);

    return entry != NULL && (pte_load(entry) & PTE_LARGE) != 0 ? entry : NULL;
}

/* What was kept when the leaf was made. */
static u64 kept_directory(u64 leaf)
{
    return (u64)frame_note((leaf & PTE_ADDRESS) >> PAGE_SHIFT) << PAGE_SHIFT;
}

u64 pt_giant_close(vaddr_t va)
{
    return pte_exchange(pt_pointer_entry(va), 0);
}

void pt_giant_make(vaddr_t va, u64 table, u64 leaf)
{
    frame_set_note((leaf & PTE_ADDRESS) >> PAGE_SHIFT, (u32)((table & PTE_ADDRESS) >> PAGE_SHIFT));
    pte_store(pt_pointer_entry(va), leaf);
}

void pt_giant_split(vaddr_t va)
{
    u64 *entry = pt_pointer_entry(va);
    u64 old = pte_load(entry), table = kept_directory(old);
    u64 *leaf = phys_to_virt(table);

    do {
        for (unsigned i = 0; i < PT_ENTRIES; i++) {
            pte_store(&leaf[i], old + i * LARGE_SIZE);
        }
        /* Again if a CPU set accessed or dirty meanwhile. */
    } while (!pte_replace(entry, &old, table | PTE_TABLE));
}

u64 pt_giant_take(vaddr_t va)
{
    u64 *entry = pt_pointer_entry(va);
    u64 table = kept_directory(pte_load(entry));

    for (unsigned i = 0; i < PT_ENTRIES; i++) {
        pte_store(&((u64 *)phys_to_virt(table))[i], 0);
    }
    return pte_exchange(entry, table | PTE_TABLE);
}

bool pt_link_into(vaddr_t va, paddr_t table)
{
    u64 *entry = pt_directory_entry(va), none = 0;

    assert(spin_is_mine(pt_window_lock(va)));
    return entry != NULL && pte_replace(entry, &none, table | PTE_TABLE);
}
