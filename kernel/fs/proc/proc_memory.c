/* SPDX-License-Identifier: MIT */
/*
 * /proc/self/mem and pagemap: files whose position is an address, or that of a
 * page's entry.
 */
#include "proc_priv.h"

#include <kernel/aspace.h>
#include <kernel/errno.h>
#include <kernel/kmalloc.h>
#include <kernel/pagetable.h>
#include <kernel/uaccess.h>

#define ENTRY_PRESENT (1ull << 63)
#define ENTRY_FILE (1ull << 61)

static u64 entry_of(vaddr_t va)
{
    pfn_t frame;
    bool file;

    if (va >= VADDR_END || aspace_range_is_kernel(va, va + PAGE_SIZE) ||
        !aspace_find_page(va, &frame, &file)) {
        return 0;
    }
    return ENTRY_PRESENT | (file ? ENTRY_FILE : 0) | frame;
}

int read_pagemap(const struct pseudo_node *node, struct io *io, u64 *pos)
{
    int err = *pos % sizeof(u64) != 0 || io->left % sizeof(u64) != 0 ? -EINVAL : 0;

    (void)node;
    while (err == 0 && io->left > 0 && *pos / sizeof(u64) < VADDR_END / PAGE_SIZE) {
        u64 entry = entry_of(*pos / sizeof(u64) * PAGE_SIZE);

        err = io_put(io, &entry, sizeof(entry));
        *pos += sizeof(entry);
    }
    return err;
}

/* Goes by way of a buffer, since either side may fault: -EIO where nothing is. */
static int transfer(struct io *io, u64 *pos, bool write)
{
    char *buf = kmalloc(PAGE_SIZE);
    int err = buf == NULL ? -ENOMEM : 0;

    while (err == 0 && io->left > 0) {
        u64 size = MIN(io->left, PAGE_SIZE - *pos % PAGE_SIZE);

        if (write) {
            err = io_take(io, buf, size);
            if (err == 0 && user_write((void *)*pos, buf, size) != 0) {
                io->done -= size;
                err = -EIO;
            }
        } else {
            err = user_read(buf, (const void *)*pos, size) != 0 ? -EIO : io_put(io, buf, size);
        }
        *pos += err == 0 ? size : 0;
    }
    kfree(buf);
    return err;
}

int read_mem(const struct pseudo_node *node, struct io *io, u64 *pos)
{
    (void)node;
    return transfer(io, pos, false);
}

int write_mem(const struct pseudo_node *node, struct io *io, u64 *pos)
{
    (void)node;
    return transfer(io, pos, true);
}
