/* SPDX-License-Identifier: MIT */
/*
 * What a file may not become: larger than RLIMIT_FSIZE, than numbers go, or what
 * it is sealed against (memfd_create(2), fcntl(2) F_ADD_SEALS).
 *
 * Seals are added under the inode's lock, under which writes and changes of
 * the size look at them.  Against writing, no writable shared mapping may be
 * there, nor come any more: they are counted in the inode (aspace_file.c), and
 * the count is closed by the seal.
 */
#include <kernel/errno.h>
#include <kernel/process.h>
#include <kernel/signal.h>
#include <kernel/thread.h>

#include "fs_priv.h"

#define FILE_SIZE_MAX ((u64)INT64_MAX)

static int too_large(void)
{
    struct siginfo info = {.signo = SIGXFSZ, .sent.pid = PROCESS_ID};

    (void)signal_send_thread(thread_current(), SIGXFSZ, &info);
    return -EFBIG;
}

int bounds_check_write(const struct inode *inode, u64 pos, u64 *size)
{
    u64 limit = process_limit(RLIMIT_FSIZE).soft;
    u32 seals = inode_seals(inode);

    if (unlikely(seals != 0)) {
        if ((seals & F_SEALS_WRITE) != 0 ||
            ((seals & F_SEAL_GROW) != 0 && pos + *size > inode_size(inode))) {
            return -EPERM;
        }
    }
    if (pos >= FILE_SIZE_MAX) {
        return -EFBIG;
    }
    *size = MIN(*size, FILE_SIZE_MAX - pos);
    if (likely(pos + *size <= limit)) {
        return 0;
    }
    if (pos >= limit) {
        return too_large();
    }
    *size = limit - pos;
    return 0;
}

int bounds_check_size(const struct inode *inode, u64 size)
{
    u32 seals = inode_seals(inode);
    u64 now = inode_size(inode);

    if (((seals & F_SEAL_SHRINK) != 0 && size < now) ||
        ((seals & F_SEAL_GROW) != 0 && size > now)) {
        return -EPERM;
    }
    if (size > now && size > process_limit(RLIMIT_FSIZE).soft) {
        return too_large();
    }
    return 0;
}

static bool is_memfd(const struct file *file)
{
    return file->inode != NULL && file->dentry == NULL && inode_is(file->inode, S_IFREG);
}

s64 bounds_get_seals(const struct file *file)
{
    return is_memfd(file) ? (s64)inode_seals(file->inode) : -EINVAL;
}

static int add_locked(struct inode *inode, u32 seals)
{
    u32 old = inode_seals(inode);
    s32 none = 0;

    if ((old & F_SEAL_SEAL) != 0) {
        return -EPERM;
    }
    if ((seals & ~old & F_SEAL_WRITE) != 0 &&
        !atomic_compare_exchange_strong_explicit(&inode->writers_mapped, &none, -1,
                                                 memory_order_acq_rel, memory_order_relaxed)) {
        return -EBUSY;
    }
    atomic_store_explicit(&inode->seals, old | seals, memory_order_release);
    return 0;
}

s64 bounds_add_seals(struct file *file, u32 seals)
{
    s64 result;

    if (!is_memfd(file) || (seals & ~F_SEALS_ALL) != 0) {
        return -EINVAL;
    }
    if (!file_may_write(file)) {
        return -EPERM;
    }
    mutex_lock(&file->inode->lock);
    result = add_locked(file->inode, seals);
    mutex_unlock(&file->inode->lock);
    return result;
}
