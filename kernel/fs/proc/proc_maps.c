/* SPDX-License-Identifier: MIT */
/*
 * /proc/self/maps, smaps and smaps_rollup.
 *
 * Regions are copied, some at a time, under the address space's lock, and
 * printed after: names of files are found out with no lock held.  A region
 * that changes in between is seen as it was or as it is, as on Linux.
 *
 * How much of a region has frames is found by a walk over its page tables, for
 * smaps; smaps_rollup has it for the whole address space without one.
 */
#include "proc_priv.h"

#include <kernel/aspace.h>
#include <kernel/errno.h>
#include <kernel/kmalloc.h>
#include <kernel/pagetable.h>
#include <kernel/process.h>
#include <kernel/string.h>

#define BATCH 64u
#define NAME_COLUMN 73u /* where Linux begins the name */

struct map {
    vaddr_t start, end;
    u64 offset;
    u8 prot;
    u8 pages;
    bool shared;
    struct file *file; /* counted, or NULL */
};

struct batch {
    vaddr_t from;
    unsigned count;
    struct map map[BATCH];
};

/* Under the lock of the address space. */
static void copy_region(const struct region *region, void *arg)
{
    struct batch *batch = arg;

    if (region->kind == REGION_KERNEL || region->closing || region->end <= batch->from ||
        batch->count == BATCH) {
        return;
    }
    batch->map[batch->count++] = (struct map){
        .start = region->start,
        .end = region->end,
        .offset = region->offset,
        .prot = region->prot,
        .pages = region->pages,
        .shared = region->shared,
        .file = region->object != NULL ? file_get(region->object->file) : NULL,
    };
}

/* The first thread's; where its stack pointer began. */
static vaddr_t first_stack(void)
{
    struct thread *thread = thread_find(PROCESS_ID);
    vaddr_t stack = 0;

    if (thread != NULL) {
        stack = thread->app_stack;
        thread_put(thread);
    }
    return stack;
}

static bool is_heap(const struct map *map)
{
    vaddr_t heap = ALIGN_UP(process_brk_start(), PAGE_SIZE);

    return heap != 0 && map->start == heap && map->file == NULL;
}

static bool is_stack(const struct map *map, vaddr_t stack)
{
    return stack != 0 && stack >= map->start && stack <= map->end;
}

/* Of a region that has one. */
static void print_name(struct text *text, const struct map *map, char *path)
{
    if (map->file != NULL && map->file->dentry != NULL) {
        int len = dentry_path(map->file->dentry, path, PATH_MAX);

        text_put(text, path, len > 0 ? (size_t)len : 0);
    } else if (map->file != NULL) {
        text_puts(text, map->file->kind != NULL ? map->file->kind : "");
    } else if (map->shared) {
        text_puts(text, "/dev/zero (deleted)");
    } else {
        text_puts(text, is_heap(map) ? "[heap]" : "[stack]");
    }
}

static bool has_name(const struct map *map, vaddr_t stack)
{
    return map->file != NULL || map->shared || is_heap(map) || is_stack(map, stack);
}

static void print_line(struct text *text, const struct map *map, vaddr_t stack, char *path)
{
    const struct inode *inode = map->file != NULL ? map->file->inode : NULL;
    u64 dev = inode != NULL ? inode->super->dev : 0;
    size_t size;

    size = text_print(text, "%08lx-%08lx %c%c%c%c %08lx %02x:%02x %lu ", (unsigned long)map->start,
                      (unsigned long)map->end, map->prot & PROT_READ ? 'r' : '-',
                      map->prot & PROT_WRITE ? 'w' : '-', map->prot & PROT_EXEC ? 'x' : '-',
                      map->shared ? 's' : 'p', (unsigned long)map->offset,
                      (unsigned)(dev >> 8 & 0xfff), (unsigned)(dev & 0xff),
                      (unsigned long)(inode != NULL ? inode->ino : 0));
    if (has_name(map, stack)) {
        text_print(text, "%*s", size < NAME_COLUMN ? (int)(NAME_COLUMN - size) : 0, "");
        print_name(text, map, path);
    }
    text_puts(text, "\n");
}

static void print_size(struct text *text, const char *name, u64 bytes)
{
    text_print(text, "%-15s %8lu kB\n", name, (unsigned long)(bytes / KIB));
}

/* One process has it all: nothing is shared with others. */
static void print_resident(struct text *text, const struct map *map)
{
    struct aspace_resident r;

    aspace_resident_in(map->start, map->end, &r);
    print_size(text, "Rss:", r.bytes);
    print_size(text, "Pss:", r.bytes);
    print_size(text, "Shared_Clean:", 0);
    print_size(text, "Shared_Dirty:", 0);
    print_size(text, "Private_Clean:", r.bytes - r.dirty_bytes);
    print_size(text, "Private_Dirty:", r.dirty_bytes);
    print_size(text, "Referenced:", r.bytes);
    print_size(text, "Anonymous:", r.bytes - r.file_bytes);
    print_size(text, "LazyFree:", 0);
    print_size(text, "AnonHugePages:", map->file == NULL ? r.large_bytes : 0);
    print_size(text, "ShmemPmdMapped:", map->file != NULL ? r.large_bytes : 0);
    print_size(text, "Swap:", 0);
    print_size(text, "SwapPss:", 0);
    print_size(text, "Locked:", 0);
}

static void print_details(struct text *text, const struct map *map)
{
    bool large = map->file == NULL && map->pages != PAGES_SMALL &&
                 ALIGN_UP(map->start, LARGE_SIZE) + LARGE_SIZE <= map->end;

    text_print(text, "Size:           %8lu kB\n", (unsigned long)((map->end - map->start) / KIB));
    text_puts(text, "KernelPageSize:        4 kB\nMMUPageSize:           4 kB\n");
    print_resident(text, map);
    text_print(text, "THPeligible:           %u\n", large);
    text_puts(text, "VmFlags:");
    text_puts(text, map->prot & PROT_READ ? " rd" : "");
    text_puts(text, map->prot & PROT_WRITE ? " wr" : "");
    text_puts(text, map->prot & PROT_EXEC ? " ex" : "");
    text_puts(text, map->shared ? " sh" : "");
    text_puts(text, " mr mw me");
    text_puts(text, map->pages == PAGES_LARGE || map->pages == PAGES_GIANT ? " hg"
                    : map->pages == PAGES_SMALL                            ? " nh"
                                                                           : "");
    text_puts(text, " \n");
}

static int print_regions(struct text *text, bool details)
{
    struct batch *batch = kzalloc(sizeof(*batch));
    char *path = kmalloc(PATH_MAX);
    vaddr_t stack = first_stack();

    if (batch == NULL || path == NULL) {
        kfree(batch);
        kfree(path);
        return -ENOMEM;
    }
    do {
        batch->count = 0;
        aspace_for_each(copy_region, batch);
        for (unsigned i = 0; i < batch->count; i++) {
            print_line(text, &batch->map[i], stack, path);
            if (details) {
                print_details(text, &batch->map[i]);
            }
            if (batch->map[i].file != NULL) {
                file_put(batch->map[i].file);
            }
            batch->from = batch->map[i].end;
        }
    } while (batch->count == BATCH && !text->failed);
    kfree(path);
    kfree(batch);
    return 0;
}

SHOW(show_maps)
{
    (void)node;
    return print_regions(text, false);
}

SHOW(show_smaps)
{
    (void)node;
    return print_regions(text, true);
}

struct bounds {
    vaddr_t start, end;
};

static void find_bounds(const struct region *region, void *arg)
{
    struct bounds *bounds = arg;

    if (region->kind != REGION_KERNEL) {
        bounds->start = bounds->start == 0 ? region->start : bounds->start;
        bounds->end = region->end;
    }
}

SHOW(show_smaps_rollup)
{
    struct bounds bounds = {0, 0};
    struct aspace_stats stats;
    unsigned long resident;

    (void)node;
    aspace_for_each(find_bounds, &bounds);
    aspace_get_stats(&stats);
    resident = process_resident() / KIB;
    text_print(text, "%08lx-%08lx ---p 00000000 00:00 0%*s[rollup]\n", (unsigned long)bounds.start,
               (unsigned long)bounds.end, 26, "");
    text_print(text, "Rss:            %8lu kB\nPss:            %8lu kB\n", resident, resident);
    text_print(
        text, "AnonHugePages:  %8lu kB\n",
        (unsigned long)((stats.resident_2m * LARGE_SIZE + stats.resident_1g * GIANT_SIZE) / KIB));
    text_puts(text, "Swap:                  0 kB\nSwapPss:               0 kB\n");
    return 0;
}
