/* SPDX-License-Identifier: MIT */
/*
 * Files for tests of the page cache: in memory, and on a "disk" whose pages
 * tell where they come from.
 */
#pragma once

#include "memory.h"

#include <kernel/errno.h>
#include <kernel/io.h>
#include <kernel/pagecache.h>
#include <kernel/string.h>
#include <kernel/trap.h>
#include <kernel/uaccess.h>
#include <kernel/vfs.h>

#define DISK_PAGES 4096u

struct test_file {
    struct inode inode;
    struct page_cache *cache;
    struct file *file;
    _Atomic u64 reads, pages_read, pages_written;
    _Atomic u64 reads_ahead; /* by the thread that does so */
    nsec_t slow;             /* how long each read takes */
    int read_error;
    u64 bad_page;         /* only reading this one gives the error */
    u64 word[DISK_PAGES]; /* what is on the disk: the first word of each page */
    _Atomic s64 reserved; /* pages */
    s64 room;             /* pages the "file system" has */
};

static inline struct test_file *test_file_of(struct inode *inode)
{
    return container_of(inode, struct test_file, inode);
}

static inline int disk_read(struct inode *inode, u64 index, const pfn_t *frames, unsigned count)
{
    struct test_file *t = test_file_of(inode);
    /* Once: whoever changes it does not turn a bad read into a good one. */
    int error = __atomic_load_n(&t->read_error, __ATOMIC_RELAXED);

    atomic_fetch_add(&t->reads, 1);
    if (strcmp(thread_current()->name, "read-ahead") == 0) {
        atomic_fetch_add(&t->reads_ahead, 1);
    }
    if (t->slow != 0) {
        sched_delay(t->slow);
    }
    for (unsigned i = 0; i < count; i++) {
        if (error != 0 && index + i == t->bad_page) {
            return error;
        }
        memset(pfn_to_virt(frames[i]), 0, PAGE_SIZE);
        if (index + i < DISK_PAGES) {
            *(u64 *)pfn_to_virt(frames[i]) = t->word[index + i];
        }
    }
    atomic_fetch_add(&t->pages_read, count);
    return 0;
}

static inline int disk_write(struct inode *inode, u64 index, const pfn_t *frames, unsigned count,
                             u64 size)
{
    struct test_file *t = test_file_of(inode);

    for (unsigned i = 0; i < count && i * PAGE_SIZE < size; i++) {
        t->word[index + i] = *(const u64 *)pfn_to_virt(frames[i]);
    }
    atomic_fetch_add(&t->pages_written, count);
    return 0;
}

static inline int memory_reserve(struct inode *inode, s64 pages)
{
    struct test_file *t = test_file_of(inode);

    if (pages > 0 && atomic_load(&t->reserved) + pages > t->room) {
        return -ENOSPC;
    }
    atomic_fetch_add(&t->reserved, pages);
    return 0;
}

static const struct page_cache_ops disk_ops = {.read = disk_read, .write = disk_write};
static const struct page_cache_ops memory_ops = {.reserve = memory_reserve};
static const struct inode_ops no_inode_ops = {0};
static const struct file_ops no_file_ops = {0};
static struct super no_super;

static inline struct test_file *open_file(const struct page_cache_ops *ops, u64 size, u32 flags)
{
    struct test_file *t = kzalloc(sizeof(*t));

    if (!OK(t != NULL)) {
        return NULL;
    }
    inode_init(&t->inode, &no_super, &no_inode_ops, S_IFREG | 0644);
    t->inode.size = size;
    t->room = 1 << 20;
    for (u64 i = 0; i < DISK_PAGES; i++) {
        t->word[i] = i * 3 + 1;
    }
    EQ(page_cache_new(&t->inode, ops, &t->cache), 0);
    t->inode.pages = t->cache;
    EQ(file_new(&no_file_ops, "test", flags, NULL, &t->file), 0);
    t->file->inode = inode_get(&t->inode);
    return t;
}

static inline void close_file(struct test_file *t)
{
    EQ(t->file->references, 1);
    file_put(t->file);
    page_cache_free(t->cache);
    EQ(t->reserved, 0);
    kfree(t);
}

/* Room for `size` bytes with nothing there, at the beginning of what one lock covers. */
static inline vaddr_t place_for(u64 size)
{
    vaddr_t va = map_new(size + PT_GROUP_SIZE, 0);

    EQ(aspace_unmap(va, size + PT_GROUP_SIZE), 0);
    return ALIGN_UP(va, PT_GROUP_SIZE);
}

static inline vaddr_t map_file(struct test_file *t, u64 size, unsigned prot, unsigned flags,
                               u64 offset)
{
    vaddr_t va = 0;

    EQ(aspace_map_file(0, size, prot, flags, t->file, offset, &va), 0);
    return va;
}

static inline void set_size(struct test_file *t, u64 size)
{
    u64 old = t->inode.size;

    t->inode.size = size;
    if (size < old) {
        page_cache_truncate(t->cache, size);
    }
}

/* The first open file's memory is kept for the next one. */
static inline struct memory_state state_with_files(void)
{
    close_file(open_file(&disk_ops, 0, O_RDONLY));
    return memory_state_with_threads();
}
