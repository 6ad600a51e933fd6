/* SPDX-License-Identifier: MIT */
/*
 * From the boot tables (the low 4 GiB of memory at BOOT_WINDOW) to the kernel's
 * own page tables:
 *
 *   KERNEL_START ..      the kernel image: text and read-only data in one
 *                        2 MiB leaf, readable and executable; data after it,
 *                        readable and writable
 *   direct_map_base ..   all RAM, readable and writable, at a place drawn at
 *                        random; the text's own frames are read-only there too
 *
 * Nothing is both writable and executable, and nothing is mapped twice with
 * different cache types.  The frames of the text's window that hold no text
 * are not used for anything else: they would be executable.
 */
#include <kernel/assert.h>
#include <kernel/bootinfo.h>
#include <kernel/frame.h>
#include <kernel/image_place.h>
#include <kernel/pagetable.h>
#include <kernel/panic.h>
#include <kernel/random.h>
#include <kernel/start.h>

/* Where the direct map may lie: above what mmap hands out, below 2^47. */
#define DIRECT_MAP_LOWEST (96 * TIB)
#define DIRECT_MAP_HIGHEST (126 * TIB)

#define LOW_RESERVED (64 * KIB) /* the trampoline; firmware's odds and ends */
#define SMALLEST_RAM (12 * MIB)

#define BITS_DATA (PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED | PTE_DIRTY | PTE_NX)
#define BITS_RODATA (PTE_PRESENT | PTE_USER | PTE_ACCESSED | PTE_NX)
#define BITS_TEXT (PTE_PRESENT | PTE_USER | PTE_ACCESSED)

#define IMAGE_RANGES 3 /* one range of RAM minus two holes */

static struct {
    struct mem_range free[BOOT_RAM_RANGES + IMAGE_RANGES];
    unsigned count;
} memory;

/* Adds [start, end) without the part that [hole_start, hole_end) covers. */
static void add_without(paddr_t start, paddr_t end, const struct mem_range *holes, unsigned count)
{
    if (start >= end) {
        return;
    }
    if (count == 0) {
        BUG_ON(memory.count == ARRAY_SIZE(memory.free));
        memory.free[memory.count++] = (struct mem_range){start, end};
        return;
    }
    add_without(start, MIN(end, holes->start), holes + 1, count - 1);
    add_without(MAX(start, holes->end), end, holes + 1, count - 1);
}

static u64 find_free(void)
{
    const struct mem_range holes[] = {
        {0, LOW_RESERVED},
        {image_to_phys(kernel_text_start), image_to_phys(kernel_data_start)},
        {image_to_phys(kernel_data_start), image_to_phys(kernel_end)},
    };
    u64 total = 0;

    for (unsigned i = 0; i < bootinfo.ram_count; i++) {
        add_without(bootinfo.ram[i].start, bootinfo.ram[i].end, holes, ARRAY_SIZE(holes));
        total += bootinfo.ram[i].end - bootinfo.ram[i].start;
    }
    return total;
}

static void map(vaddr_t va, paddr_t pa, u64 size, u64 bits)
{
    if (size != 0 && pt_map_range(va, pa, size, bits) != 0) {
        config_error("too little memory for page tables; give the machine more with -m");
    }
}

/* Maps RAM [start, end), widened to whole large pages. */
static void map_direct(vaddr_t base, paddr_t start, paddr_t end)
{
    paddr_t text = image_to_phys(kernel_text_start), data = image_to_phys(kernel_data_start);

    if (start < data && end > text) {
        map_direct(base, start, text);
        map(base + text, text, data - text, BITS_RODATA);
        start = data;
    }
    if (start < end) {
        map(base + start, start, end - start, BITS_DATA);
    }
}

static void map_all_ram(vaddr_t base)
{
    paddr_t mapped = 0;

    for (unsigned i = 0; i < bootinfo.ram_count; i++) {
        paddr_t start = MAX(ALIGN_DOWN(bootinfo.ram[i].start, LARGE_SIZE), mapped);
        paddr_t end = ALIGN_UP(bootinfo.ram[i].end, LARGE_SIZE);

        if (start < end) {
            map_direct(base, start, end);
            mapped = end;
        }
    }
    direct_map_size = mapped;
}

void memory_init(void)
{
    u64 total = find_free();
    paddr_t text = image_to_phys(kernel_text_start), data = image_to_phys(kernel_data_start);
    vaddr_t base = DIRECT_MAP_LOWEST +
                   ALIGN_DOWN(random_u64() % (DIRECT_MAP_HIGHEST - DIRECT_MAP_LOWEST), GIANT_SIZE);
    paddr_t root;

    if (total < SMALLEST_RAM) {
        config_error("%lu MiB of memory are too little: Moka needs %lu MiB; give more with -m",
                     (unsigned long)(total / MIB), (unsigned long)(SMALLEST_RAM / MIB));
    }
    direct_map_base = BOOT_WINDOW;
    frame_early_init(memory.free, memory.count);
    root = frame_early_alloc();
    pagetable_init(phys_to_virt(root));
    map_all_ram(base);
    map(KERNEL_START, text, data - text, BITS_TEXT);
    map((vaddr_t)kernel_data_start, data, ALIGN_UP(image_to_phys(kernel_end), LARGE_SIZE) - data,
        BITS_DATA);

    __asm__ volatile("mov %0, %%cr3" ::"r"(root) : "memory");
    direct_map_base = base;
    pagetable_init(phys_to_virt(root));
    if (frame_init(memory.free, memory.count) != 0) {
        config_error("too little memory for %lu MiB of frame descriptors",
                     (unsigned long)(total / MIB));
    }
}
