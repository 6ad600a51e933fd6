/* SPDX-License-Identifier: MIT */
/*
 * memfd_create(2): files in memory without a name.  They are tmpfs files of a
 * file system that is mounted nowhere and has no limit but memory.
 */
#include <kernel/syscall.h>

#include <kernel/errno.h>
#include <kernel/fd.h>
#include <kernel/kmalloc.h>
#include <kernel/string.h>
#include <kernel/uaccess.h>
#include <kernel/vfs.h>
#include <stdatomic.h>

#include "fs_priv.h"
#include "tmpfs_priv.h"

#define MFD_CLOEXEC 1u
#define MFD_ALLOW_SEALING 2u
#define MFD_HUGETLB 4u
#define MFD_NOEXEC_SEAL 8u
#define MFD_EXEC 16u
#define MFD_HUGE_MASK (63u << 26)

#define PREFIX "/memfd:"
#define MEMFD_NAME_MAX (NAME_MAX - (sizeof(PREFIX) - 1)) /* with its end */

/* (c) constant once `super` is set   (a) atomic */
static struct {
    _Atomic(struct super *) super[2]; /* (a) of pages, of large pages */
    struct file_ops ops[2];           /* (c) */
} memfd;

static void memfd_release(struct file *file)
{
    kfree((char *)file->kind);
}

/* Linux has no write(2) for large pages: they are there to be mapped. */
static int refuse_write(struct file *file, struct io *io, u64 *pos)
{
    (void)file;
    (void)io;
    (void)pos;
    return -EINVAL;
}

/* Two threads may both make one; then one is forgotten, empty. */
static int get_super(bool large, struct super **super)
{
    struct super *none = NULL;
    int error;

    *super = atomic_load_explicit(&memfd.super[large], memory_order_acquire);
    if (*super != NULL) {
        return 0;
    }
    error = tmpfs_new(1ull << 62, NULL, super);
    if (error != 0) {
        return error;
    }
    if (large) {
        tmpfs_set_large(*super);
    }
    memfd.ops[large] = tmpfs_file_ops;
    memfd.ops[large].release = memfd_release;
    memfd.ops[large].write = large ? refuse_write : tmpfs_file_ops.write;
    if (!atomic_compare_exchange_strong_explicit(&memfd.super[large], &none, *super,
                                                 memory_order_acq_rel, memory_order_acquire)) {
        *super = none;
    }
    return 0;
}

/* The file takes over `kind`. */
static int new_file(char *kind, bool large, struct file **file)
{
    struct super *super;
    struct inode *inode, *root;
    int error = get_super(large, &super);

    if (error != 0) {
        return error;
    }
    root = super->root->inode;
    error = root->ops->tmpfile(root, S_IFREG | 0777, &inode);
    if (error != 0) {
        return error;
    }
    error = file_new(&memfd.ops[large], kind, O_RDWR | O_LARGEFILE, NULL, file);
    if (error != 0) {
        inode_put(inode);
        return error;
    }
    (*file)->inode = inode;
    (*file)->seekable = true;
    return 0;
}

/* "/memfd:NAME (deleted)", as /proc/self/fd and maps have it.  -EINVAL: it is too long. */
static int read_name(const char *name, char **kind)
{
    static const char suffix[] = " (deleted)";
    char *copy = kmalloc(NAME_MAX + sizeof(suffix));
    size_t len = sizeof(PREFIX) - 1;
    int error = 0;

    if (copy == NULL) {
        return -ENOMEM;
    }
    memcpy(copy, PREFIX, len);
    for (size_t i = 0;; i++) {
        if (i == MEMFD_NAME_MAX) {
            error = -EINVAL;
            break;
        }
        error = user_read(&copy[len], &name[i], 1);
        if (error != 0 || copy[len] == '\0') {
            break;
        }
        len++;
    }
    if (error != 0) {
        kfree(copy);
        return error;
    }
    memcpy(copy + len, suffix, sizeof(suffix));
    *kind = copy;
    return 0;
}

s64 sys_memfd_create(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    u32 flags = (u32)a1, known = MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL | MFD_EXEC;
    struct file *file;
    char *kind;
    int error;

    if (flags & MFD_HUGETLB) {
        known |= MFD_HUGETLB | MFD_HUGE_MASK;
    }
    if ((flags & ~known) != 0 ||
        (flags & (MFD_EXEC | MFD_NOEXEC_SEAL)) == (MFD_EXEC | MFD_NOEXEC_SEAL)) {
        return -EINVAL;
    }
    error = read_name((const char *)a0, &kind);
    if (error != 0) {
        return error;
    }
    error = new_file(kind, (flags & MFD_HUGETLB) != 0, &file);
    if (error != 0) {
        kfree(kind);
        return error;
    }
    if ((flags & (MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL)) == 0) {
        atomic_store_explicit(&file->inode->seals, F_SEAL_SEAL, memory_order_relaxed);
    }
    error = fd_install(file, 0, (flags & MFD_CLOEXEC) != 0);
    if (error < 0) {
        file_put(file);
    }
    return error;
}
