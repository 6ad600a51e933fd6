/* SPDX-License-Identifier: MIT */
/* stat(2), statx(2), statfs(2), access(2), readlink(2). */
#include "sys_priv.h"

#include <kernel/fd.h>
#include <kernel/kmalloc.h>
#include <kernel/string.h>
#include <kernel/uaccess.h>

#include "fs_priv.h"

/* ---- stat(2) --------------------------------------------------------------------------- */

struct linux_stat {
    u64 dev, ino, links;
    u32 mode, uid, gid, pad;
    u64 rdev;
    s64 size, block_size, blocks;
    struct timespec atime, mtime, ctime;
    s64 unused[3];
};
_Static_assert(sizeof(struct linux_stat) == 144, "stat(2)");

/* Of a file without an inode: its kind tells what it is. */
static void stat_nameless(struct file *file, struct file_stat *stat)
{
    static const struct {
        const char *kind;
        u32 mode;
    } kinds[] = {{"pipe", S_IFIFO | 0600}, {"socket", S_IFSOCK | 0777}, {"tty", S_IFCHR | 0620}};

    *stat = (struct file_stat){.dev = 0xd,
                               .ino = file_number(file),
                               .mode = 0600,
                               .links = 1,
                               .block_size = PAGE_SIZE,
                               .rdev = 0};
    for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (file->kind != NULL && strcmp(file->kind, kinds[i].kind) == 0) {
            stat->mode = kinds[i].mode;
        }
    }
    if ((stat->mode & S_IFMT) == S_IFCHR) {
        stat->rdev = 136 << 8; /* /dev/pts/0 */
    }
}

static int stat_target(int fd, u64 path, u32 flags, struct file_stat *stat)
{
    struct dentry *dentry;
    struct inode *inode;
    struct file *file;
    int error = target_get(fd, path, flags, &inode, &dentry, &file);

    if (error != 0) {
        return error;
    }
    if (inode != NULL) {
        error = vfs_getattr(inode, stat);
    } else {
        stat_nameless(file, stat);
    }
    target_put(inode, dentry, file);
    return error;
}

static s64 stat_to(int fd, u64 path, u32 flags, u64 to)
{
    struct linux_stat out;
    struct file_stat stat;
    int error = stat_target(fd, path, flags, &stat);

    if (error != 0) {
        return error;
    }
    out = (struct linux_stat){
        .dev = stat.dev,
        .ino = stat.ino,
        .links = stat.links,
        .mode = stat.mode,
        .uid = stat.uid,
        .gid = stat.gid,
        .rdev = stat.rdev,
        .size = (s64)stat.size,
        .block_size = stat.block_size,
        .blocks = (s64)stat.blocks,
        .atime = stat.atime,
        .mtime = stat.mtime,
        .ctime = stat.ctime,
    };
    return user_write((void *)to, &out, sizeof(out));
}

s64 sys_stat(u64 path, u64 to, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return stat_to(AT_FDCWD, path, 0, to);
}

s64 sys_lstat(u64 path, u64 to, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return stat_to(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, to);
}

s64 sys_fstat(u64 fd, u64 to, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return (int)fd == AT_FDCWD ? -EBADF : stat_to((int)fd, 0, AT_EMPTY_PATH, to);
}

#define STAT_FLAGS (AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH)

s64 sys_newfstatat(u64 fd, u64 path, u64 to, u64 flags, u64 a4, u64 a5)
{
    if ((u32)flags & ~STAT_FLAGS) {
        return -EINVAL;
    }
    return stat_to((int)fd, path, (u32)flags, to);
}

/* ---- statx(2) -------------------------------------------------------------------------- */

struct statx_time {
    s64 sec;
    u32 nsec;
    s32 pad;
};

struct statx {
    u32 mask, block_size;
    u64 attributes;
    u32 links, uid, gid;
    u16 mode, pad;
    u64 ino, size, blocks, attributes_mask;
    struct statx_time atime, btime, ctime, mtime;
    u32 rdev_major, rdev_minor, dev_major, dev_minor;
    u64 more[14];
};
_Static_assert(sizeof(struct statx) == 256, "statx(2)");

#define STATX_BASIC 0x7ffu
#define STATX_RESERVED 0x80000000u
#define STATX_SYNC 0x6000u

static struct statx_time statx_time(struct timespec time)
{
    return (struct statx_time){.sec = time.sec, .nsec = (u32)time.nsec};
}

static u32 dev_major(u64 dev)
{
    return (u32)(dev >> 8 & 0xfff);
}

static u32 dev_minor(u64 dev)
{
    return (u32)((dev & 0xff) | (dev >> 12 & 0xfff00));
}

s64 sys_statx(u64 fd, u64 path, u64 flags, u64 mask, u64 to, u64 a5)
{
    struct file_stat stat;
    struct statx out;
    int error;

    if (((u32)flags & ~(STAT_FLAGS | STATX_SYNC)) || ((u32)flags & STATX_SYNC) == STATX_SYNC ||
        ((u32)mask & STATX_RESERVED)) {
        return -EINVAL;
    }
    error = stat_target((int)fd, path, (u32)flags, &stat);
    if (error != 0) {
        return error;
    }
    out = (struct statx){
        .mask = STATX_BASIC,
        .block_size = stat.block_size,
        .links = stat.links,
        .uid = stat.uid,
        .gid = stat.gid,
        .mode = (u16)stat.mode,
        .ino = stat.ino,
        .size = stat.size,
        .blocks = stat.blocks,
        .atime = statx_time(stat.atime),
        .ctime = statx_time(stat.ctime),
        .mtime = statx_time(stat.mtime),
        .rdev_major = dev_major(stat.rdev),
        .rdev_minor = dev_minor(stat.rdev),
        .dev_major = dev_major(stat.dev),
        .dev_minor = dev_minor(stat.dev),
    };
    return user_write((void *)to, &out, sizeof(out));
}

/* ---- statfs(2) -------------------------------------------------------------------------- */

struct linux_statfs {
    s64 type, block_size;
    u64 blocks, free, available, files, files_free, fsid;
    s64 name_max, fragment_size, flags, spare[4];
};
_Static_assert(sizeof(struct linux_statfs) == 120, "statfs(2)");

#define ST_RDONLY 1u
#define ST_VALID 0x20u
#define ANON_INODE_MAGIC 0x09041934

static s64 statfs_to(struct super *super, u64 to)
{
    struct fs_stat stat = {.type = ANON_INODE_MAGIC, .block_size = PAGE_SIZE, .name_max = NAME_MAX};
    struct linux_statfs out;
    int error = 0;

    if (super != NULL && super->ops->statfs != NULL) {
        error = super->ops->statfs(super, &stat);
    }
    if (error != 0) {
        return error;
    }
    if (super != NULL && super->read_only) {
        stat.flags |= ST_RDONLY;
    }
    out = (struct linux_statfs){
        .type = (s64)stat.type,
        .block_size = (s64)stat.block_size,
        .blocks = stat.blocks,
        .free = stat.free,
        .available = stat.available,
        .files = stat.files,
        .files_free = stat.files_free,
        .fsid = stat.fsid,
        .name_max = stat.name_max,
        .fragment_size = (s64)stat.block_size,
        .flags = stat.flags | ST_VALID,
    };
    return user_write((void *)to, &out, sizeof(out));
}

s64 sys_statfs(u64 path, u64 to, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct dentry *dentry;
    s64 result = at_lookup(AT_FDCWD, path, 0, &dentry);

    if (result == 0) {
        result = statfs_to(dentry->super, to);
        dentry_put(dentry);
    }
    return result;
}

s64 sys_fstatfs(u64 fd, u64 to, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct file *file = fd_get_path((int)fd);
    s64 result;

    if (file == NULL) {
        return -EBADF;
    }
    result = statfs_to(file->inode != NULL ? file->inode->super : NULL, to);
    file_put(file);
    return result;
}

/* ---- access(2), readlink(2) -------------------------------------------------------------- */

#define X_OK 1u
#define W_OK 2u
#define ACCESS_ALL 7u

/* Root may read and write everything, and execute what anybody may. */
static int may_access(struct inode *inode, u32 mode)
{
    if ((mode & W_OK) && inode->super->read_only &&
        (inode_is(inode, S_IFREG) || inode_is(inode, S_IFDIR) || inode_is(inode, S_IFLNK))) {
        return -EROFS;
    }
    if ((mode & X_OK) && !inode_is(inode, S_IFDIR) && (inode->mode & 0111) == 0) {
        return -EACCES;
    }
    return 0;
}

static s64 access_at(int fd, u64 path, u32 mode, u32 flags)
{
    struct dentry *dentry;
    struct inode *inode;
    struct file *file;
    int error;

    if ((mode & ~ACCESS_ALL) || (flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))) {
        return -EINVAL;
    }
    error = target_get(fd, path, flags, &inode, &dentry, &file);
    if (error != 0) {
        return error;
    }
    if (inode != NULL) {
        error = may_access(inode, mode);
    }
    target_put(inode, dentry, file);
    return error;
}

s64 sys_access(u64 path, u64 mode, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return access_at(AT_FDCWD, path, (u32)mode, 0);
}

s64 sys_faccessat(u64 fd, u64 path, u64 mode, u64 a3, u64 a4, u64 a5)
{
    return access_at((int)fd, path, (u32)mode, 0);
}

s64 sys_faccessat2(u64 fd, u64 path, u64 mode, u64 flags, u64 a4, u64 a5)
{
    return access_at((int)fd, path, (u32)mode, (u32)flags);
}

static s64 link_text(struct inode *inode, u64 to, u64 size)
{
    char *text;
    s64 got;

    if (!inode_is(inode, S_IFLNK) || inode->ops->readlink == NULL) {
        return -EINVAL;
    }
    text = kmalloc(PATH_MAX);
    if (text == NULL) {
        return -ENOMEM;
    }
    got = inode->ops->readlink(inode, text, MIN(size, PATH_MAX));
    if (got > 0 && user_write((void *)to, text, (size_t)got) != 0) {
        got = -EFAULT;
    }
    kfree(text);
    return got;
}

static s64 readlink_at(int fd, u64 path, u64 to, s32 size)
{
    struct dentry *dentry;
    bool empty = fd != AT_FDCWD; /* "" is the link that O_PATH | O_NOFOLLOW opened */
    s64 result;

    if (size <= 0) {
        return -EINVAL;
    }
    result = at_lookup(fd, path, LOOKUP_NOFOLLOW | (empty ? LOOKUP_EMPTY : 0), &dentry);
    if (result == 0) {
        result = link_text(dentry->inode, to, (u64)size);
        dentry_put(dentry);
    }
    return result;
}

s64 sys_readlink(u64 path, u64 to, u64 size, u64 a3, u64 a4, u64 a5)
{
    return readlink_at(AT_FDCWD, path, to, (s32)size);
}

s64 sys_readlinkat(u64 fd, u64 path, u64 to, u64 size, u64 a4, u64 a5)
{
    return readlink_at((int)fd, path, to, (s32)size);
}
