/* SPDX-License-Identifier: MIT */
/*
 * getdents(2), getcwd(2), chdir(2).
 *
 * Entries are put into a buffer of the kernel's first, since the folder's
 * mutex is held while the file system tells them.  Positions 0 and 1 are "."
 * and ".."; the file system's own follow.
 */
#include "sys_priv.h"

#include <kernel/fd.h>
#include <kernel/kmalloc.h>
#include <kernel/string.h>
#include <kernel/uaccess.h>

#include "fs_priv.h"

#define BUFFER_MAX (32 * KIB)
#define DOTS 2u

struct linux_dirent64 {
    u64 ino;
    s64 next;
    u16 size;
    u8 type;
    char name[];
} __attribute__((packed));

struct linux_dirent { /* getdents(2)'s; the type is the last byte */
    u64 ino;
    u64 next;
    u16 size;
    char name[];
} __attribute__((packed));

struct listing {
    struct dir_emit emit;
    char *buf;
    u64 size, used;
    bool old; /* getdents(2) */
    bool full;
};

static bool emit_entry(struct dir_emit *emit, const char *name, size_t len, u64 ino, u32 type,
                       u64 next)
{
    struct listing *list = container_of(emit, struct listing, emit);
    u8 kind = (u8)(type > 15 ? type >> 12 : type); /* S_IFMT bits or DT_* */
    size_t head = list->old ? sizeof(struct linux_dirent) + 1 : sizeof(struct linux_dirent64);
    size_t size = ALIGN_UP(head + len + 1, (size_t)8);
    char *at = list->buf + list->used;

    if (size > list->size - list->used) {
        list->full = true;
        return false;
    }
    memset(at, 0, size);
    if (list->old) {
        struct linux_dirent *entry = (struct linux_dirent *)at;

        *entry = (struct linux_dirent){.ino = ino, .next = next + DOTS, .size = (u16)size};
        memcpy(entry->name, name, len);
        at[size - 1] = (char)kind;
    } else {
        struct linux_dirent64 *entry = (struct linux_dirent64 *)at;

        *entry = (struct linux_dirent64){
            .ino = ino, .next = (s64)(next + DOTS), .size = (u16)size, .type = kind};
        memcpy(entry->name, name, len);
    }
    list->used += size;
    return true;
}

static u64 parent_ino(struct dentry *dentry)
{
    struct dentry *parent = dentry_up(dentry_get(dentry));
    u64 ino = parent->inode->ino;

    dentry_put(parent);
    return ino;
}

static bool emit_dots(struct file *file, struct listing *list)
{
    if (file->pos == 0) {
        if (!emit_entry(&list->emit, ".", 1, file->inode->ino, S_IFDIR, (u64)1 - DOTS)) {
            return false;
        }
        file->pos = 1;
    }
    if (file->pos == 1) {
        if (!emit_entry(&list->emit, "..", 2, parent_ino(file->dentry), S_IFDIR, 0)) {
            return false;
        }
        file->pos = DOTS;
    }
    return true;
}

/* file->lock is held. */
static int list_folder(struct file *file, struct listing *list)
{
    u64 pos;
    int error;

    if (dentry_is_removed(file->dentry)) {
        return -ENOENT;
    }
    if (!emit_dots(file, list)) {
        return 0;
    }
    pos = file->pos - DOTS;
    mutex_lock(&file->inode->lock);
    error = file->ops->readdir != NULL ? file->ops->readdir(file, &pos, &list->emit)
                                       : file->inode->ops->readdir(file->inode, &pos, &list->emit);
    mutex_unlock(&file->inode->lock);
    file->pos = pos + DOTS;
    return list->used > 0 ? 0 : error;
}

static s64 list_to(struct file *file, u64 to, u64 size, bool old)
{
    struct listing list = {.emit = {emit_entry}, .size = MIN(size, BUFFER_MAX), .old = old};
    s64 result;

    if (file->inode == NULL || !inode_is(file->inode, S_IFDIR) ||
        (file->ops->readdir == NULL && file->inode->ops->readdir == NULL)) {
        return -ENOTDIR;
    }
    list.buf = kmalloc(MAX(list.size, (u64)16));
    if (list.buf == NULL) {
        return -ENOMEM;
    }
    mutex_lock(&file->lock);
    result = list_folder(file, &list);
    mutex_unlock(&file->lock);
    if (result == 0 && list.used == 0 && list.full) {
        result = -EINVAL;
    } else if (result == 0) {
        result = user_write((void *)to, list.buf, list.used);
        result = result == 0 ? (s64)list.used : result;
    }
    kfree(list.buf);
    return result;
}

static s64 getdents(int fd, u64 to, u64 size, bool old)
{
    struct file *file = fd_get(fd);
    s64 result;

    if (file == NULL) {
        return -EBADF;
    }
    result = list_to(file, to, (u32)size, old);
    if (result > 0) {
        notify_file(file, IN_ACCESS);
    }
    file_put(file);
    return result;
}

s64 sys_getdents64(u64 fd, u64 to, u64 size, u64 a3, u64 a4, u64 a5)
{
    return getdents((int)fd, to, size, false);
}

s64 sys_getdents(u64 fd, u64 to, u64 size, u64 a3, u64 a4, u64 a5)
{
    return getdents((int)fd, to, size, true);
}

s64 sys_getcwd(u64 to, u64 size, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct dentry *cwd = vfs_cwd();
    char *path = kmalloc(PATH_MAX);
    s64 result = -ENOMEM;

    if (path != NULL) {
        int len = dentry_path(cwd, path, PATH_MAX);

        if (dentry_is_removed(cwd)) {
            result = -ENOENT;
        } else if (len < 0) {
            result = len;
        } else if ((u64)len + 1 > size) {
            result = -ERANGE;
        } else {
            result = user_write((void *)to, path, (size_t)len + 1);
            result = result == 0 ? len + 1 : result;
        }
    }
    kfree(path);
    dentry_put(cwd);
    return result;
}

s64 sys_chdir(u64 path, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct dentry *dentry;
    s64 result = at_lookup(AT_FDCWD, path, LOOKUP_DIRECTORY, &dentry);

    if (result == 0) {
        vfs_set_cwd(dentry);
        dentry_put(dentry);
    }
    return result;
}

s64 sys_fchdir(u64 fd, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct file *file = fd_get_path((int)fd);
    s64 result = -ENOTDIR;

    if (file == NULL) {
        return -EBADF;
    }
    if (file->dentry != NULL && inode_is(file->inode, S_IFDIR)) {
        vfs_set_cwd(file->dentry);
        result = 0;
    }
    file_put(file);
    return result;
}
