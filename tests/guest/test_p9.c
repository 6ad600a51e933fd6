/* SPDX-License-Identifier: MIT */
/*
 * The 9P file system on the host's own server (virtio-9p): runs where the
 * machine has a share that can be written to, with tag "moka-test".
 */
#include "guest.h"

#include <drivers/devices.h>
#include <kernel/aspace.h>
#include <kernel/clock.h>
#include <kernel/errno.h>
#include <kernel/kmalloc.h>
#include <kernel/p9.h>
#include <kernel/pagecache.h>
#include <kernel/string.h>
#include <kernel/thread.h>
#include <kernel/vfs.h>

#include "../../kernel/fs/fs_priv.h"

#define SHARE "moka-test"
#define BIG (24 * MIB)
#define PART (1 * MIB)

static struct {
    bool mounted;
} t;

static bool prepare(void)
{
    struct p9_transport *share = NULL;
    struct super *super;
    int err;

    if (t.mounted) {
        return true;
    }
    if (p9_find(0) == NULL) {
        devices_init();
    }
    for (unsigned i = 0; (share = p9_find(i)) != NULL; i++) {
        if (strcmp(share->tag, SHARE) == 0) {
            break;
        }
    }
    if (share == NULL) {
        guest_skip("the machine has no share of the host with tag " SHARE);
        return false;
    }
    if (!OK(tmpfs_new(64 * MIB, NULL, &super) == 0)) {
        return false;
    }
    (void)!vfs_mount_root(super); /* another test may have been first */
    err = vfs_create(NULL, "/t-host", S_IFDIR | 0755, 0);
    t.mounted = OK(err == 0 || err == -EEXIST) && EQ(p9fs_new(share, SHARE, false, &super), 0) &&
                EQ(vfs_mount(super, "/t-host"), 0);
    return t.mounted;
}

static s64 write_kernel(struct file *file, const void *data, u64 size)
{
    struct iovec vec;
    struct io io;

    io_init(&io, &vec, (void *)(uintptr_t)data, size, true);
    return file_write(file, &io, NULL);
}

/* As close(2) does. */
static int close_file(struct file *file)
{
    int err = file->ops->flush != NULL ? file->ops->flush(file) : 0;

    file_put(file);
    return err;
}

GUEST_TEST(p9_names)
{
    struct file_stat stat;
    struct dentry *dentry;
    struct file *file;
    char back[16];

    if (!prepare()) {
        return;
    }
    EQ(vfs_create(NULL, "/t-host/dir", S_IFDIR | 0755, 0), 0);
    EQ(vfs_create(NULL, "/t-host/dir", S_IFDIR | 0755, 0), -EEXIST);
    EQ(vfs_open(NULL, "/t-host/dir/f", O_RDWR | O_CREAT | O_EXCL, 0444, &file), 0);
    EQ(write_kernel(file, "content", 7), 7);
    EQ(vfs_unlink(NULL, "/t-host/dir/f", false), 0);
    EQ(vfs_getattr(file->inode, &stat), 0);
    EQ(stat.links, 0);
    EQ(stat.size, 7);
    EQ(file_read_kernel(file, back, sizeof(back), 0), 7); /* lives on without a name */
    EQ(close_file(file), 0);
    EQ(vfs_symlink(NULL, "/t-host/dir/link", "../dir"), 0);
    if (OK(vfs_lookup(NULL, "/t-host/dir/link", 0, &dentry) == 0)) {
        OK(S_IFDIR == (dentry->inode->mode & S_IFMT));
        dentry_put(dentry);
    }
    EQ(vfs_unlink(NULL, "/t-host/dir/link", false), 0);
    EQ(vfs_unlink(NULL, "/t-host/dir", true), 0);
    EQ(vfs_lookup(NULL, "/t-host/dir", 0, &dentry), -ENOENT);
}

/* Written, read back from the server, and mapped. */
GUEST_TEST(p9_large_file)
{
    u64 *part = kmalloc(PART);
    struct file *file;
    nsec_t start;
    vaddr_t addr = 0;
    u64 wrong = 0;

    if (!prepare() || !OK(part != NULL)) {
        kfree(part);
        return;
    }
    EQ(vfs_open(NULL, "/t-host/big", O_RDWR | O_CREAT | O_TRUNC, 0644, &file), 0);
    start = clock_now();
    for (u64 at = 0; at < BIG; at += PART) {
        for (u64 i = 0; i < PART / 8; i++) {
            part[i] = (at + 8 * i) * 0x9e3779b97f4a7c15ull;
        }
        EQ(write_kernel(file, part, PART), PART);
    }
    EQ(file->ops->sync(file, false), 0);
    guest_note("written: %lu MiB/s",
               (unsigned long)(BIG / MIB * NSEC_PER_SEC / (clock_now() - start)));
    EQ(page_cache_drop_clean(file->inode->pages), 0);
    start = clock_now();
    for (u64 at = 0; at < BIG; at += PART) {
        EQ(file_read_kernel(file, part, PART, at), PART);
        for (u64 i = 0; i < PART / 8; i++) {
            wrong += part[i] != (at + 8 * i) * 0x9e3779b97f4a7c15ull;
        }
    }
    EQ(wrong, 0);
    guest_note("read: %lu MiB/s",
               (unsigned long)(BIG / MIB * NSEC_PER_SEC / (clock_now() - start)));
    kfree(part);

    if (EQ(aspace_map_file(0, PART, 1 | 2, MAP_SHARE, file, 0, &addr), 0)) {
        OK(*(volatile u64 *)(addr + 8) == 8 * 0x9e3779b97f4a7c15ull);
        *(volatile u64 *)(addr + 8) = 42;
        EQ(aspace_unmap(addr, PART), 0);
        EQ(file->ops->sync(file, true), 0);
        EQ(page_cache_drop_clean(file->inode->pages), 0);
        EQ(file_read_kernel(file, &wrong, 8, 8), 8);
        EQ(wrong, 42);
    }
    EQ(close_file(file), 0);
    EQ(vfs_unlink(NULL, "/t-host/big", false), 0);
}

#define WRITERS 4u
#define ROUNDS 40u

struct writer {
    struct thread *thread;
    unsigned number, wrong;
};

static void write_files(void *arg)
{
    struct writer *w = arg;
    char path[64], text[64], back[64];

    for (unsigned i = 0; i < ROUNDS; i++) {
        struct file *file;
        int size;

        ksnprintf(path, sizeof(path), "/t-host/w%u-%u", w->number, i % 3);
        size = ksnprintf(text, sizeof(text), "writer %u round %u", w->number, i);
        if (vfs_open(NULL, path, O_RDWR | O_CREAT | O_TRUNC, 0644, &file) != 0) {
            w->wrong++;
            continue;
        }
        w->wrong += write_kernel(file, text, (u64)size) != size;
        w->wrong += close_file(file) != 0;
        if (vfs_open(NULL, path, O_RDONLY, 0, &file) != 0) {
            w->wrong++;
            continue;
        }
        w->wrong += file_read_kernel(file, back, sizeof(back), 0) != size ||
                    memcmp(text, back, (size_t)size) != 0;
        w->wrong += close_file(file) != 0;
        w->wrong += i % 3 == 2 && vfs_unlink(NULL, path, false) != 0;
    }
    for (unsigned i = 0; i < 2; i++) {
        ksnprintf(path, sizeof(path), "/t-host/w%u-%u", w->number, i);
        w->wrong += vfs_unlink(NULL, path, false) != 0;
    }
}

/* Files with that name that were opened and read meanwhile. */
static _Atomic unsigned opened;

/* A name that is given to a new file again and again, and at least until somebody has met one. */
static void replace_file(void *arg)
{
    struct writer *w = arg;

    for (unsigned i = 0; i < ROUNDS || (atomic_load(&opened) == 0 && i < 100 * ROUNDS); i++) {
        struct file *file;

        if (vfs_open(NULL, "/t-host/new", O_RDWR | O_CREAT | O_TRUNC, 0644, &file) != 0) {
            w->wrong++;
            continue;
        }
        w->wrong += write_kernel(file, "content", 7) != 7;
        w->wrong += close_file(file) != 0;
        w->wrong += vfs_rename(NULL, "/t-host/new", NULL, "/t-host/name", 0) != 0;
    }
    w->number = 0;
}

/* Whoever opens it finds a file, the old one or the new one; and changes no other. */
GUEST_TEST(p9_replaced_while_opened)
{
    struct writer w = {.number = 1};
    struct thread_attr attr = {
        .name = "renamer", .entry = replace_file, .arg = &w, .class = SCHED_CLASS_FAIR};
    struct file_change mode = {.what = SET_MODE, .mode = 0600};
    struct file *file, *first;
    struct file_stat stat;
    char back[16];

    if (!prepare()) {
        return;
    }
    atomic_store(&opened, 0);
    EQ(vfs_open(NULL, "/t-host/name", O_RDWR | O_CREAT, 0644, &first), 0);
    EQ(write_kernel(first, "content", 7), 7);
    EQ(first->ops->flush(first), 0);
    EQ(thread_create(&attr, &w.thread), 0);
    while (*(volatile unsigned *)&w.number != 0) {
        if (!EQ(vfs_open(NULL, "/t-host/name", O_RDONLY, 0, &file), 0)) {
            break;
        }
        opened += file_read_kernel(file, back, sizeof(back), 0) == 7;
        EQ(close_file(file), 0);
    }
    thread_join(w.thread, NULL);
    EQ(w.wrong, 0);
    OK(opened > 0);
    EQ(vfs_getattr(first->inode, &stat), 0);
    EQ(stat.links, 0);
    EQ(vfs_setattr(first->inode, &mode), -ESTALE);
    EQ(vfs_truncate(first, first->inode, 0), 0);
    EQ(close_file(first), 0);
    EQ(vfs_open(NULL, "/t-host/name", O_RDONLY, 0, &file), 0);
    EQ(file_read_kernel(file, back, sizeof(back), 0), 7);
    EQ(vfs_getattr(file->inode, &stat), 0);
    EQ(stat.mode & 0777, 0644);
    EQ(close_file(file), 0);
    EQ(vfs_unlink(NULL, "/t-host/name", false), 0);
}

GUEST_TEST(p9_many_at_a_time)
{
    struct writer w[WRITERS];

    if (!prepare()) {
        return;
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        struct thread_attr attr = {
            .name = "writer", .entry = write_files, .arg = &w[i], .class = SCHED_CLASS_FAIR};

        w[i] = (struct writer){.number = i};
        EQ(thread_create(&attr, &w[i].thread), 0);
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        thread_join(w[i].thread, NULL);
        EQ(w[i].wrong, 0);
    }
}
