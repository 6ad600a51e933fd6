/* SPDX-License-Identifier: MIT */
/*
 * Between the files of kernel/fs/:
 *
 *   io.c        buffers of a read or write
 *   fd.c        descriptors            file.c      open files, read and write
 *   dentry*.c   the tree of names      inode.c     inodes
 *   walk.c      paths                  mount.c     mounts, the working folder
 *   open.c      opening                change.c    making, removing, renaming names
 *   flock.c     locks on files         notify.c    what inotify is told
 *   xattr.c     extended attributes    bounds.c    what a file may not grow beyond
 *   tmpfs*.c    files in memory        devfs*.c    devices
 *   sys_*.c     system calls
 */
#pragma once

#include <kernel/errno.h>
#include <kernel/process.h>
#include <kernel/vfs.h>

/* ---- file.c -------------------------------------------------------------------- */

/* Counts the file unless it is dying; its memory may be a free file's. */
bool file_get_unless_zero(struct file *file);
/* A blank one with references 1, or NULL. */
struct file *file_alloc(void);
/* Of one that never became open: no ops are called. */
void file_discard(struct file *file);

static inline u32 file_flags(struct file *file)
{
    return atomic_load_explicit(&file->flags, memory_order_relaxed);
}

static inline bool file_may_read(struct file *file)
{
    return (file_flags(file) & O_ACCMODE) != O_WRONLY;
}

static inline bool file_may_write(struct file *file)
{
    return (file_flags(file) & O_ACCMODE) != O_RDONLY;
}

static inline u64 inode_size(const struct inode *inode)
{
    return atomic_load_explicit(&inode->size, memory_order_acquire);
}

/* A copy-up (tmpfs) changes it once, while others read. */
static inline struct page_cache *inode_pages(struct inode *inode)
{
    return __atomic_load_n(&inode->pages, __ATOMIC_ACQUIRE);
}

static inline bool inode_is(const struct inode *inode, u32 type)
{
    return (inode->mode & S_IFMT) == type;
}

/*
 * For a table of inodes: false for one that is being released, which has no references any
 * more and never gets one again.
 */
static inline bool inode_get_alive(struct inode *inode)
{
    u32 references = atomic_load_explicit(&inode->references, memory_order_relaxed);

    while (references != 0) {
        if (atomic_compare_exchange_weak_explicit(&inode->references, &references, references + 1,
                                                  memory_order_acquire, memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}

/* ---- flock.c ------------------------------------------------------------------- */

/* A descriptor of the file was closed: the process's locks on the inode go. */
void file_locks_close(struct file *file);
/* The last reference has gone: flock(2)'s lock and the OFD locks go. */
void file_locks_release(struct file *file);

/* ---- bounds.c ------------------------------------------------------------------ */

static inline u32 inode_seals(const struct inode *inode)
{
    return atomic_load_explicit(&inode->seals, memory_order_relaxed);
}

/*
 * Before a write of *size bytes at `pos`, which may become fewer: 0, -EPERM (sealed),
 * -EFBIG (and SIGXFSZ: RLIMIT_FSIZE).  inode->lock held, or the file is not sealed.
 */
must_check int bounds_check_write(const struct inode *inode, u64 pos, u64 *size);
/* Before it gets a new size: likewise. */
must_check int bounds_check_size(const struct inode *inode, u64 size);
/* F_ADD_SEALS and F_GET_SEALS: -EINVAL if it is no memfd, -EPERM, -EBUSY. */
s64 bounds_add_seals(struct file *file, u32 seals);
s64 bounds_get_seals(const struct file *file);

/* ---- xattr.c ------------------------------------------------------------------- */

#define XATTR_CREATE 1u
#define XATTR_REPLACE 2u
#define XATTR_NAME_MAX 255u
#define XATTR_SIZE_MAX 65536u

/*
 * As the system calls have them, in the kernel's memory.  A size of 0 only asks for the
 * length.  -EOPNOTSUPP: the file system has none, or not of that kind.
 */
s64 xattr_get(struct inode *inode, const char *name, void *value, u64 size);
must_check int xattr_set(struct inode *inode, const char *name, const void *value, u64 size,
                         u32 flags);
must_check int xattr_remove(struct inode *inode, const char *name);
s64 xattr_list(struct inode *inode, char *list, u64 size);
/* For a file system's release. */
void xattr_free_all(struct inode *inode);

/* ---- trust.c ------------------------------------------------------------------- */

/* Is what a file system said when it was asked at that time still to be believed? */
bool trust_is_fresh(nsec_t asked, nsec_t trust);

/* ---- dentry*.c ---------------------------------------------------------------- */

/*
 * The child of that name, counted: there, or known not to be there (inode
 * NULL).  0, -ENAMETOOLONG, or the file system's error.  `locked`: the caller
 * holds dir->inode->lock; `opens`: it is for open(2).
 */
must_check int dentry_child(struct dentry *dir, const char *name, size_t len, bool locked,
                            bool opens, struct dentry **child);
/*
 * Where dentry_child() would ask each time: what the file system has said of the name not long
 * ago (trust.c), if it is of a kind that `what` has; counted, or NULL.
 */
#define TRUST_FOLDERS 1u
#define TRUST_FILES 2u  /* all that are not folders */
#define TRUST_ABSENT 4u /* that there is none */
#define TRUST_ALL (TRUST_FOLDERS | TRUST_FILES | TRUST_ABSENT)
struct dentry *dentry_trusted(struct dentry *dir, const char *name, size_t len, u32 what);
/* dentry_trusted(), or dentry_child() with the folder's mutex held. */
must_check int dentry_child_trusted(struct dentry *dir, const char *name, size_t len, u32 what,
                                    bool opens, struct dentry **child);
/* What was said of it is not true any more: it is to be asked for next time. */
void dentry_distrust(struct dentry *dentry);
/* A root, or (parent NULL, not in the tree) a file without a name. */
struct dentry *dentry_new_root(struct super *super, struct inode *inode);
/* The name has got a file, whose reference is taken over. */
void dentry_attach(struct dentry *dentry, struct inode *inode);
/* The name has gone: nobody finds the dentry any more. */
void dentry_unhash(struct dentry *dentry);
bool dentry_is_removed(struct dentry *dentry);
/* The dentry is known by `to`'s name and folder now, and `to` by none; exchange: by its.
 * The caller holds references to both folders. */
void dentry_move(struct dentry *dentry, struct dentry *to, bool exchange);
/* Counted; NULL at a file system's root. */
struct dentry *dentry_parent(struct dentry *dentry);
bool dentry_is_ancestor(struct dentry *ancestor, struct dentry *dentry);
/* Up to `count` unused ones go; how many did. */
u64 dentry_shrink(u64 count);
/* Copies the name; returns its length. */
size_t dentry_name(struct dentry *dentry, char *name);
/* What is mounted on it, or the dentry itself; takes and returns a reference. */
struct dentry *dentry_cross(struct dentry *dentry);
/* ".." with mounts; takes and returns a reference. */
struct dentry *dentry_up(struct dentry *dentry);
void dentry_mount(struct dentry *dentry, struct super *super);

/* ---- walk.c -------------------------------------------------------------------- */

struct walk {
    struct dentry *at;  /* counted: where it has come to */
    const char *rest;   /* what is left of the path */
    char *buffer;       /* kmalloc'ed, once a link was followed: `rest` is in it */
    unsigned links;     /* followed so far */
    bool directory;     /* what the path leads to must be one */
    bool asks;          /* for the last name, whatever was said of it before (open(2)) */
    bool for_folder;    /* but for a file: that it is no folder is believed (opendir(3)) */
    struct file *file;  /* counted: a link led to a file without a name */
    const char *last;   /* the last name, after walk_to_parent() */
    size_t last_len;    /* 0: there is none ("/") */
    u32 resolve;        /* RESOLVE_*: where it may not go */
    struct dentry *top; /* counted: out of which it may not go; NULL: nothing like that */
};

/* openat2(2) */
#define RESOLVE_NO_XDEV 1u
#define RESOLVE_NO_MAGICLINKS 2u
#define RESOLVE_NO_SYMLINKS 4u
#define RESOLVE_BENEATH 8u
#define RESOLVE_IN_ROOT 16u
#define RESOLVE_CACHED 32u

/* -ENOENT: the path is empty; -EXDEV: `resolve` does not allow it. */
must_check int walk_start(struct walk *walk, struct dentry *base, const char *path, u32 resolve);
/* All but the last name; `at` is a directory. */
must_check int walk_to_parent(struct walk *walk);
/*
 * The last name, which exists or -ENOENT.  1: it was a link, and its target is to
 * be walked (walk_to_parent) from here.
 */
must_check int walk_last(struct walk *walk, bool follow);
/* Follows the link `dentry` in `at`, whose reference is taken over: 1, or -errno. */
must_check int walk_link(struct walk *walk, struct dentry *dentry);
void walk_end(struct walk *walk);
bool name_is_dots(const char *name, size_t len); /* "." or ".." */

/* ---- mount.c ------------------------------------------------------------------- */

/* Where a path begins, counted. */
struct dentry *path_begin(struct dentry *base, const char *path);

/* ---- open.c, change.c ---------------------------------------------------------- */

must_check int vfs_link(struct dentry *from, struct dentry *base, const char *path);
must_check int vfs_rename(struct dentry *from_base, const char *from, struct dentry *to_base,
                          const char *to, u32 flags);
must_check int vfs_truncate(struct file *file, struct inode *inode, u64 size);
/* vfs_open() within bounds: -EXDEV, -ELOOP. */
must_check int vfs_open_within(struct dentry *base, const char *path, u32 flags, u32 mode,
                               u32 resolve, struct file **file);

#define RENAME_NOREPLACE 1u
#define RENAME_EXCHANGE 2u
#define RENAME_WHITEOUT 4u

/* ---- notify.c ------------------------------------------------------------------ */

/* `inode` by the name that `dentry` has (NULL: none). */
void notify_dentry(struct dentry *dentry, u32 mask);
void notify_file(struct file *file, u32 mask);
void notify_name(struct inode *inode, u32 mask, struct dentry *dir, const char *name, size_t len);

/* ---- devices.c ------------------------------------------------------------------- */

/* open(2) of a character device that some file system has by its number: 0, -ENXIO. */
must_check int device_open(struct inode *inode, struct file *file);
