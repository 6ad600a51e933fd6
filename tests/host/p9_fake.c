/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The kernel's types of the same names as the host's. */
#define timespec kernel_timespec
#define timeval kernel_timeval
#define iovec kernel_iovec
#include "host.h"
#include "p9_fake.h"
#include <kernel/clock.h>
#include <kernel/frame.h>
#include <kernel/kmalloc.h>
#include <kernel/pagecache.h>
#include <kernel/sched.h>
#undef timespec
#undef timeval
#undef iovec

#define PAGES 1024

vaddr_t direct_map_base;

static struct {
    char folder[64];
} host;

nsec_t fake_now = NSEC_PER_SEC;

nsec_t clock_now(void)
{
    return fake_now;
}

nsec_t fake_slept_until;

nsec_t sched_slept_until(void)
{
    return fake_slept_until;
}

/* ---- Memory ------------------------------------------------------------------ */

void *kmalloc(size_t size)
{
    return test_alloc(size);
}

void *kzalloc(size_t size)
{
    void *p = test_alloc(size);

    if (p != NULL) {
        memset(p, 0, size);
    }
    return p;
}

void kfree(void *object)
{
    test_free(object);
}

int frame_alloc(unsigned order, unsigned flags, pfn_t *pfn)
{
    void *frame = aligned_alloc(PAGE_SIZE, PAGE_SIZE);

    memset(frame, flags & FRAME_ZERO ? 0 : 0xa5, PAGE_SIZE);
    *pfn = (vaddr_t)frame >> PAGE_SHIFT;
    return 0;
}

void frame_free(pfn_t pfn, unsigned order)
{
    free(pfn_to_virt(pfn));
}

size_t strlcpy(char *dst, const char *src, size_t size)
{
    snprintf(dst, size, "%s", src);
    return strlen(src);
}

/* ---- Locks: one thread ------------------------------------------------------- */

void (*fake_after_unlock)(struct mutex *mutex);

void mutex_init(struct mutex *mutex, const char *name)
{
    mutex->owner = 0;
}

void mutex_lock(struct mutex *mutex)
{
    BUG_ON(mutex->owner != 0);
    mutex->owner = 1;
}

void mutex_unlock(struct mutex *mutex)
{
    BUG_ON(mutex->owner == 0);
    mutex->owner = 0;
    if (fake_after_unlock != NULL) {
        fake_after_unlock(mutex);
    }
}

/* ---- Files ------------------------------------------------------------------- */

void inode_init(struct inode *inode, struct super *super, const struct inode_ops *ops, u32 mode)
{
    inode->ops = ops;
    inode->super = super;
    inode->mode = mode;
    atomic_init(&inode->links, 1);
    atomic_init(&inode->references, 1);
    mutex_init(&inode->lock, "inode");
}

struct inode *inode_get(struct inode *inode)
{
    atomic_fetch_add(&inode->references, 1);
    return inode;
}

void inode_put(struct inode *inode)
{
    if (atomic_fetch_sub(&inode->references, 1) == 1) {
        inode->ops->release(inode);
    }
}

struct dentry *dentry_new_root(struct super *super, struct inode *inode);
struct dentry *dentry_new_root(struct super *super, struct inode *inode)
{
    struct dentry *dentry = kzalloc(sizeof(*dentry));

    if (dentry != NULL) {
        dentry->inode = inode;
    }
    return dentry;
}

void fake_root_free(struct super *super)
{
    inode_put(super->root->inode);
    kfree(super->root);
}

void fake_free_super(struct p9_super *p9)
{
    kfree(p9);
}

u64 fake_size_limit = INT64_MAX;

int bounds_check_write(const struct inode *inode, u64 pos, u64 *size)
{
    *size = MIN(*size, fake_size_limit - MIN(pos, fake_size_limit));
    return pos >= fake_size_limit ? -EFBIG : 0;
}

int bounds_check_size(const struct inode *inode, u64 size)
{
    return size > fake_size_limit ? -EFBIG : 0;
}

u64 vfs_new_dev(void)
{
    return 42;
}

struct kernel_timespec vfs_now(void)
{
    return (struct kernel_timespec){1700000000, 0};
}

void fake_io(struct io *io, struct kernel_iovec *vec, void *base, u64 size)
{
    *vec = (struct kernel_iovec){base, size};
    *io = (struct io){.vec = vec, .left = size, .kernel = true};
}

/* ---- The page cache ---------------------------------------------------------- */

struct page_cache {
    struct inode *inode;
    const struct page_cache_ops *ops;
    pfn_t frame[PAGES];
    bool dirty[PAGES];
};

int page_cache_new(struct inode *inode, const struct page_cache_ops *ops, struct page_cache **cache)
{
    *cache = kzalloc(sizeof(**cache));
    if (*cache == NULL) {
        return -ENOMEM;
    }
    (*cache)->inode = inode;
    (*cache)->ops = ops;
    return 0;
}

static void drop(struct page_cache *cache, u64 index)
{
    if (cache->frame[index] != 0) {
        frame_free(cache->frame[index], 0);
    }
    cache->frame[index] = 0;
    cache->dirty[index] = false;
}

void page_cache_free(struct page_cache *cache)
{
    for (unsigned i = 0; i < PAGES; i++) {
        drop(cache, i);
    }
    kfree(cache);
}

static u64 size_of(struct page_cache *cache)
{
    return atomic_load(&cache->inode->size);
}

/* Brings up to 16 pages that are not there. */
static int bring(struct page_cache *cache, u64 index)
{
    pfn_t frames[16];
    u64 end = (size_of(cache) + PAGE_SIZE - 1) / PAGE_SIZE;
    unsigned count = 0;
    int err;

    if (index >= end) {
        return frame_alloc(0, FRAME_ZERO, &cache->frame[index]);
    }
    while (count < 16 && index + count < end && cache->frame[index + count] == 0) {
        int ok = frame_alloc(0, 0, &frames[count++]);

        BUG_ON(ok != 0);
    }
    err = cache->ops->read(cache->inode, index, frames, count);
    for (unsigned i = 0; i < count; i++) {
        cache->frame[index + i] = frames[i];
        if (err != 0) {
            drop(cache, index + i);
        }
    }
    return err;
}

static int move(struct page_cache *cache, struct io *io, u64 *pos, u64 bytes, bool write)
{
    u64 index = *pos / PAGE_SIZE;
    int err = 0;
    u8 *at;
    u8 *base = (u8 *)io->vec->base + io->done;

    BUG_ON(index >= PAGES);
    bytes = MIN(bytes, PAGE_SIZE - *pos % PAGE_SIZE);
    if (cache->frame[index] == 0) {
        err = bring(cache, index);
    }
    if (err != 0) {
        return err;
    }
    at = (u8 *)pfn_to_virt(cache->frame[index]) + *pos % PAGE_SIZE;
    memcpy(write ? at : base, write ? base : at, bytes);
    cache->dirty[index] |= write;
    io->done += bytes;
    io->left -= bytes;
    *pos += bytes;
    return 0;
}

int page_cache_read(struct page_cache *cache, struct io *io, u64 *pos)
{
    int err = 0;

    while (err == 0 && io->left > 0 && *pos < size_of(cache)) {
        err = move(cache, io, pos, MIN(io->left, size_of(cache) - *pos), false);
    }
    return err;
}

int page_cache_write(struct page_cache *cache, struct io *io, u64 *pos)
{
    int err = 0;

    while (err == 0 && io->left > 0) {
        err = move(cache, io, pos, io->left, true);
        if (err == 0 && *pos > size_of(cache)) {
            atomic_store(&cache->inode->size, *pos);
        }
    }
    return err;
}

void page_cache_truncate(struct page_cache *cache, u64 size)
{
    u64 index = (size + PAGE_SIZE - 1) / PAGE_SIZE;

    if (size % PAGE_SIZE != 0 && cache->frame[size / PAGE_SIZE] != 0) {
        memset((u8 *)pfn_to_virt(cache->frame[size / PAGE_SIZE]) + size % PAGE_SIZE, 0,
               PAGE_SIZE - size % PAGE_SIZE);
    }
    while (index < PAGES) {
        drop(cache, index++);
    }
}

int page_cache_sync(struct page_cache *cache, u64 start, u64 end)
{
    for (u64 i = 0; i < PAGES; i++) {
        u64 index = i;
        pfn_t run[64];
        unsigned count = 0;
        int err;

        while (count < 64 && i < PAGES && cache->dirty[i]) {
            run[count++] = cache->frame[i++];
        }
        if (count > 0 && index * PAGE_SIZE < size_of(cache)) {
            err = cache->ops->write(cache->inode, index, run, count,
                                    MIN(size_of(cache) - index * PAGE_SIZE, count * PAGE_SIZE));
            if (err != 0) {
                return err;
            }
        }
        memset(cache->dirty + index, 0, count);
        i -= count > 0;
    }
    return 0;
}

bool page_cache_find_memory(void)
{
    fail_after(-1);
    return true;
}

u64 page_cache_drop_clean(struct page_cache *cache)
{
    u64 left = 0;

    for (unsigned i = 0; i < PAGES; i++) {
        left += cache->dirty[i];
        if (!cache->dirty[i]) {
            drop(cache, i);
        }
    }
    return left;
}

/* ---- The host's side --------------------------------------------------------- */

void fake_host_begin(void)
{
    snprintf(host.folder, sizeof(host.folder), "%s/p9-XXXXXX", P_tmpdir);
    BUG_ON(mkdtemp(host.folder) == NULL);
}

void fake_host_end(void)
{
    char command[128];

    snprintf(command, sizeof(command), "rm -rf %s", host.folder);
    BUG_ON(system(command) != 0);
}

const char *fake_host_folder(void)
{
    return host.folder;
}

static FILE *open_host(const char *name, const char *mode)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/%s", host.folder, name);
    return fopen(path, mode);
}

void fake_host_write(const char *name, const char *text)
{
    FILE *file = open_host(name, "w");

    BUG_ON(file == NULL);
    fputs(text, file);
    fclose(file);
}

s64 fake_host_read(const char *name, char *buffer, size_t size)
{
    FILE *file = open_host(name, "r");
    s64 got = -1;

    if (file != NULL) {
        got = (s64)fread(buffer, 1, size, file);
        fclose(file);
    }
    return got;
}

void fake_host_remove(const char *name)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/%s", host.folder, name);
    BUG_ON(unlink(path) != 0);
}

bool fake_host_exists(const char *name)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/%s", host.folder, name);
    return access(path, F_OK) == 0;
}

s64 fake_host_size(const char *name)
{
    FILE *file = open_host(name, "r");
    s64 size = -1;

    if (file != NULL) {
        fseek(file, 0, SEEK_END);
        size = ftell(file);
        fclose(file);
    }
    return size;
}
