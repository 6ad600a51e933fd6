/* SPDX-License-Identifier: MIT */
/*
 * Files: what a file system provides, and what the rest of the kernel asks.
 *
 *   super    a mounted file system
 *   inode    a file in it, whatever its names; counted references
 *   dentry   a name in a directory, and the tree of names known so far
 *   file     an open file: an inode (or none), a position, operations
 *   fd       a small number for a file (fd.h)
 *
 *   fd 3 -> file -> dentry "a.jar" -> inode 1234 -> page cache
 *
 * There is one tree for the one process.  A dentry leads to the root of what
 * is mounted on it by `mounted`; that root leads back by super->covers.
 *
 * All functions: thread context, no spinlock held; they may block and touch
 * the application's memory only where a parameter says so.  Errors are
 * Linux's, as the man page of the system call has them.
 */
#pragma once

#include <kernel/io.h>
#include <kernel/list.h>
#include <kernel/poll.h>
#include <kernel/rbtree.h>
#include <kernel/timespec.h>
#include <kernel/types.h>
#include <kernel/wait.h>
#include <stdatomic.h>

#define NAME_MAX 255u
#define PATH_MAX 4096u
#define SYMLINKS_MAX 40u

/* File types and permissions, as in inode(7). */
#define S_IFMT 0170000u
#define S_IFSOCK 0140000u
#define S_IFLNK 0120000u
#define S_IFREG 0100000u
#define S_IFBLK 0060000u
#define S_IFDIR 0040000u
#define S_IFCHR 0020000u
#define S_IFIFO 0010000u

/* Flags of open(2). */
#define O_ACCMODE 3u
#define O_RDONLY 0u
#define O_WRONLY 1u
#define O_RDWR 2u
#define O_CREAT 0100u
#define O_EXCL 0200u
#define O_NOCTTY 0400u
#define O_TRUNC 01000u
#define O_APPEND 02000u
#define O_NONBLOCK 04000u
#define O_DSYNC 010000u
#define O_DIRECT 040000u
#define O_LARGEFILE 0100000u
#define O_DIRECTORY 0200000u
#define O_NOFOLLOW 0400000u
#define O_NOATIME 01000000u
#define O_CLOEXEC 02000000u
#define O_SYNC 04010000u
#define O_PATH 010000000u
#define O_TMPFILE 020200000u

/* What stat(2) wants to know and the file system says. */
struct file_stat {
    u64 dev, ino, rdev, size, blocks; /* blocks of 512 bytes */
    u32 mode, links, uid, gid, block_size;
    struct timespec atime, mtime, ctime;
};

#define SET_MODE 1u
#define SET_OWNER 2u
#define SET_SIZE 4u
#define SET_ATIME 8u
#define SET_MTIME 16u
struct file_change {
    u32 what;           /* SET_* */
    u32 mode, uid, gid; /* uid or gid of -1: stays */
    u64 size;
    struct timespec atime, mtime;
};

struct fs_stat { /* statfs(2) */
    u64 type, block_size, blocks, free, available, files, files_free, fsid;
    u32 name_max, flags;
};

struct super;
struct inode;
struct dentry;
struct file;
struct page_cache; /* pagecache.h */

/*
 * One entry for getdents64(2): false if there is no room for more, and the
 * entry is to come again.  `next` is the position after it.
 */
struct dir_emit {
    bool (*fn)(struct dir_emit *emit, const char *name, size_t len, u64 ino, u32 type, u64 next);
};

/*
 * What a file system does.  Called with the directory's `lock` held where it
 * says (d); NULL stands for the error in brackets.  Names are len bytes, not
 * terminated, neither "." nor ".." nor empty, at most NAME_MAX.
 */
struct inode_ops {
    /* (d) -ENOENT if it is not there.  A counted reference. */
    int (*lookup)(struct inode *dir, const char *name, size_t len, struct inode **inode);
    /*
     * (d) With super->trust_nsec: is the name still that of `inode`, which it was looked up to
     * be?  0; else lookup is to say what it is.  It costs less than that.  `opens`: it is to be
     * opened next. [ask lookup]
     */
    int (*confirm)(struct inode *dir, const char *name, size_t len, struct inode *inode,
                   bool opens);
    /* Likewise: if nobody is asked, is it by that name that requests reach the file? [yes] */
    bool (*goes_by)(struct inode *dir, const char *name, size_t len, struct inode *inode);
    /* (d) Any type but a link; `rdev` for devices. [-EROFS] */
    int (*create)(struct inode *dir, const char *name, size_t len, u32 mode, u64 rdev,
                  struct inode **inode);
    int (*symlink)(struct inode *dir, const char *name, size_t len, const char *target,
                   struct inode **inode); /* (d) [-EPERM] */
    int (*link)(struct inode *dir, const char *name, size_t len,
                struct inode *to); /* (d) [-EPERM] */
    /* (d) Files and empty directories. [-EROFS] */
    int (*unlink)(struct inode *dir, const char *name, size_t len, struct inode *inode);
    /* (d, both) `flags` of renameat2(2); what was at the new name goes. [-EROFS] */
    int (*rename)(struct inode *from, const char *name, size_t len, struct inode *to,
                  const char *new_name, size_t new_len, u32 flags);
    /* Up to `size` bytes, not terminated; returns how many. [-EINVAL] */
    s64 (*readlink)(struct inode *inode, char *target, size_t size);
    /* (d) O_TMPFILE: a regular file without a name; links 0. [-EOPNOTSUPP] */
    int (*tmpfile)(struct inode *dir, u32 mode, struct inode **inode);
    /*
     * A link that leads to a file and not to a path (/proc/self/fd/3): a counted dentry, or
     * -ENXIO where there is none (a pipe). walk.c calls it instead of readlink when the
     * link is to be followed. [readlink, and walk its text]
     */
    int (*follow)(struct inode *inode, struct dentry **dentry);
    /* Where `follow` says -ENXIO: the open file itself, counted, for open(2) to give. [-ENXIO] */
    int (*follow_file)(struct inode *inode, struct file **file);
    int (*getattr)(struct inode *inode, struct file_stat *stat);           /* [from the inode] */
    int (*setattr)(struct inode *inode, const struct file_change *change); /* [-EROFS] */
    /* Sets file->ops or file->priv if the default will not do.  O_TRUNC among the file's flags:
     * its size will be set to 0 next. [0] */
    int (*open)(struct inode *inode, struct file *file);
    /* Entries from *pos on, but "." and "..": the caller adds those. [-ENOTDIR] */
    int (*readdir)(struct inode *dir, u64 *pos, struct dir_emit *emit);
    /* The last reference and the last link are gone, or memory is short.
     * With super->no_dentry_cache: the last reference has gone, whatever the links. */
    void (*release)(struct inode *inode);
};

struct super_ops {
    int (*statfs)(struct super *super, struct fs_stat *stat);
    int (*sync)(struct super *super); /* [0] */
};

struct super {
    const struct super_ops *ops;
    const char *type; /* "tmpfs", as in /proc/mounts */
    char source[64];  /* likewise */
    bool read_only;
    bool no_dentry_cache; /* names change behind our back (9p, proc): look up anew */
    nsec_t trust_nsec;    /* then: what it said of a name is believed for so long (trust.c) */
    bool has_xattrs;      /* kept by xattr.c, in memory */
    u64 dev;
    struct dentry *root;
    struct dentry *covers; /* NULL: the root of all */
    void *priv;
};

/* fcntl(2): what a memfd is sealed against. */
#define F_SEAL_SEAL 1u
#define F_SEAL_SHRINK 2u
#define F_SEAL_GROW 4u
#define F_SEAL_WRITE 8u
#define F_SEAL_FUTURE_WRITE 16u
#define F_SEALS_ALL 31u
#define F_SEALS_WRITE (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)

/*
 * (c) constant   (l) `lock`   (a) atomic
 * A file system embeds it in its own inode.
 */
struct inode {
    const struct inode_ops *ops;         /* (c) */
    struct super *super;                 /* (c) */
    u64 ino;                             /* (c) */
    u32 mode;                            /* (l) */
    u32 uid, gid;                        /* (l) */
    u64 rdev;                            /* (c) */
    _Atomic u32 links;                   /* (a) */
    _Atomic u32 references;              /* (a) */
    _Atomic u64 size;                    /* (a) changed under (l) */
    struct timespec atime, mtime, ctime; /* (l) */
    struct mutex lock;                   /* serialises changes of the directory or of the size */
    struct page_cache *pages;            /* (c) NULL: not cached (devices, proc) */
    struct list watches;                 /* inotify's; its lock is in inotify.c */
    struct list file_locks;              /* flock and fcntl locks; lock in flock.c */
    struct xattr *xattrs;                /* (l) xattr.c; the file system's release frees them */
    _Atomic u32 seals;                   /* (a) set under (l): F_SEAL_* of a memfd */
    _Atomic s32 writers_mapped;          /* (a) shared mappings that may write; -1: none may come */
    bool linkable;                       /* (c) has no name, but may get one (O_TMPFILE) */
};

void inode_init(struct inode *inode, struct super *super, const struct inode_ops *ops, u32 mode);
struct inode *inode_get(struct inode *inode);
void inode_put(struct inode *inode);

/*
 * (t) lock of the tree: a spinlock in dentry.c; a dentry is found and counted
 *     under it.
 */
struct dentry {
    struct dentry *parent;  /* (t) counted; NULL: root of its super */
    struct inode *inode;    /* (t) NULL: known not to be there */
    struct super *super;    /* (c) */
    struct super *mounted;  /* (t) */
    struct list children;   /* (t) */
    struct list sibling;    /* (t) */
    struct list hash;       /* (t) by parent and name */
    struct list unused;     /* (t) while references is 0: may be thrown away */
    nsec_t asked;           /* (t) when the file system was last asked for it (trust_nsec) */
    _Atomic u32 references; /* (a) */
    u32 name_hash;          /* (t) */
    u16 name_len;           /* (t) */
    char *name;             /* (t) */
};

struct dentry *dentry_get(struct dentry *dentry);
void dentry_put(struct dentry *dentry);
/*
 * The absolute path of a dentry in buf (terminated): its length, or
 * -ENAMETOOLONG.  A name that was removed ends in " (deleted)".
 */
must_check int dentry_path(struct dentry *dentry, char *buf, size_t size);

/*
 * What an open file does.  NULL stands for the error in brackets; regular
 * files of a page cache, directories and the like need none of their own.
 */
struct file_ops {
    /* At *pos, which it advances; 0 is the end of file.  Blocks unless O_NONBLOCK.
     * 0 or -errno with io->done telling how much; if some was moved, that counts. [-EINVAL] */
    int (*read)(struct file *file, struct io *io, u64 *pos);
    int (*write)(struct file *file, struct io *io, u64 *pos);           /* [-EINVAL] */
    s64 (*seek)(struct file *file, s64 offset, int whence);             /* [by the inode's size] */
    s64 (*ioctl)(struct file *file, u32 request, u64 arg);              /* [-ENOTTY] */
    u32 (*poll)(struct file *file);                                     /* POLL* now [IN | OUT] */
    struct poll_source *(*source)(struct file *file);                   /* [never changes] */
    int (*sync)(struct file *file, bool data_only);                     /* [0] */
    int (*truncate)(struct file *file, u64 size);                       /* [setattr] */
    int (*allocate)(struct file *file, u32 mode, u64 offset, u64 size); /* [-EOPNOTSUPP] */
    int (*readdir)(struct file *file, u64 *pos, struct dir_emit *emit); /* [the inode's] */
    int (*flush)(struct file *file);    /* each close(2) of a descriptor [0] */
    void (*release)(struct file *file); /* the last reference has gone */
};

/* (c) constant   (a) atomic   (l) `lock` */
struct file {
    const struct file_ops *ops; /* (c) after open */
    struct dentry *dentry;      /* (c) NULL: pipes, sockets, epoll ... */
    struct inode *inode;        /* (c) NULL likewise */
    const char *kind;       /* (c) "pipe", "anon_inode:[eventpoll]": /proc/self/fd, if no dentry */
    _Atomic u32 flags;      /* (a) O_*, of open(2) and fcntl(2) */
    _Atomic u32 references; /* (a) */
    struct mutex lock;      /* held across a read or write that uses `pos` */
    u64 pos;                /* (l) */
    bool seekable;          /* (c) pread(2) and lseek(2) are allowed */
    nsec_t began;           /* (c) of one with a name: when open(2) was called */
    struct list epolls;     /* epoll's watches of it; its lock is in epoll_file.c */
    void *priv;             /* the ops' own */
};

/* A file without a name: references 1.  -ENOMEM. */
must_check int file_new(const struct file_ops *ops, const char *kind, u32 flags, void *priv,
                        struct file **file);
struct file *file_get(struct file *file);
/* Of one without an inode: the number that stat(2) and /proc tell. */
static inline u64 file_number(const struct file *file)
{
    return (uintptr_t)file >> 4 & 0xffffffff;
}
/*
 * epoll_file.c: the last reference has gone; file_put() calls it before ops->release,
 * if file->epolls (which whoever makes a file initialises) is not empty.
 */
void epoll_forget_file(struct file *file);
/* pipe.c: open(2) of a FIFO sets file->ops and priv; waits for the other end.  inode_ops->open
 * or vfs_open() calls it with file->inode set; 0, -ENXIO, -ERESTARTSYS, -ENOMEM. */
must_check int fifo_open(struct inode *inode, struct file *file);
/* fcntl(F_GETPIPE_SZ, F_SETPIPE_SZ): -EBADF if the file is not a pipe. */
s64 pipe_fcntl(struct file *file, u32 command, u64 arg);
/* A pipe or FIFO, and not only what looks like one to the application, as standard input. */
bool pipe_is_file(const struct file *file);
/* As a read of a pipe or FIFO, but the bytes stay there; -EINVAL if it is none. */
must_check int pipe_peek(struct file *file, struct io *io);
/*
 * Likewise, of a file that is one; unless io->done is 0, nobody else reads until pipe_end_move()
 * takes as many of the bytes as have found their place.
 */
must_check int pipe_begin_move(struct file *file, struct io *io);
void pipe_end_move(struct file *file, u64 taken);
void file_put(struct file *file);

/* Bytes moved or -errno; pos NULL: the file's own position, else pread(2). */
s64 file_read(struct file *file, struct io *io, u64 *pos);
s64 file_write(struct file *file, struct io *io, u64 *pos);
s64 file_read_kernel(struct file *file, void *buf, u64 size, u64 pos);
u32 file_poll(struct file *file);

/*
 * By path: `base` is where a relative one begins (NULL: the working folder).
 * The path is in the kernel's memory.
 */
#define LOOKUP_NOFOLLOW 1u /* a symbolic link at the end is the result */
#define LOOKUP_DIRECTORY 2u
#define LOOKUP_EMPTY 4u /* "" is `base` (AT_EMPTY_PATH) */
must_check int vfs_lookup(struct dentry *base, const char *path, u32 flags, struct dentry **dentry);
must_check int vfs_open(struct dentry *base, const char *path, u32 flags, u32 mode,
                        struct file **file);
must_check int vfs_create(struct dentry *base, const char *path, u32 mode, u64 rdev);
/* The same; the name that was made, counted. */
must_check int vfs_create_dentry(struct dentry *base, const char *path, u32 mode, u64 rdev,
                                 struct dentry **made);
must_check int vfs_symlink(struct dentry *base, const char *path, const char *target);
must_check int vfs_unlink(struct dentry *base, const char *path, bool directory);
/*
 * Something came from outside of the machine, by which the program may know that the host has
 * changed its files: nothing that was asked before is believed any more (trust.c).  Any context.
 */
void vfs_heard(void);
must_check int vfs_getattr(struct inode *inode, struct file_stat *stat);
must_check int vfs_setattr(struct inode *inode, const struct file_change *change);

/* Mounts: the tree's first, at start-up, then others on existing folders. */
must_check int vfs_mount_root(struct super *super);
must_check int vfs_mount(struct super *super, const char *path);
void vfs_for_each_mount(void (*fn)(const struct super *super, const char *path, void *arg),
                        void *arg);
must_check int vfs_sync_all(void);

struct dentry *vfs_root(void);
/* The working folder, counted. */
struct dentry *vfs_cwd(void);
void vfs_set_cwd(struct dentry *dentry);

/* A path out of the application's memory, kmalloc'ed: 0, -EFAULT, -ENAMETOOLONG, -ENOMEM. */
must_check int user_path(const char *path, char **copy);

/* Time of now, for mtime and the like. */
struct timespec vfs_now(void);

/* A new anonymous or real device number for a super. */
u64 vfs_new_dev(void);

/*
 * What inotify(7) tells.  Thread context, no spinlock held; after the change has
 * been made and succeeded; cheap (two loads) when nobody watches.
 *
 * `inode` is what it happened to, `dir` and `name` where that is found: as the
 * dentry through which it was opened or changed says; all three may be NULL or
 * 0.  The watches of `inode` get the event without a name (but only IN_ACCESS,
 * MODIFY, ATTRIB, CLOSE, OPEN and the _SELF ones), those of `dir` with it.
 * IN_ISDIR is added here.  So one call tells both:
 *
 *   read, readdir                  IN_ACCESS          (if it moved anything)
 *   write, truncate, fallocate     IN_MODIFY
 *   open (after IN_CREATE, if so)  IN_OPEN
 *   last file_put()                IN_CLOSE_WRITE if it was open for writing, else IN_CLOSE_NOWRITE
 *   chmod, chown, utimes, link(2) of the inode, xattr     IN_ATTRIB
 *   create, mkdir, mknod, symlink, link     IN_CREATE
 *   unlink, rmdir                  IN_DELETE; for the inode itself before it IN_ATTRIB (dir NULL)
 *                                  if links remain or it is open
 *   the inode goes (no link and no reference): IN_DELETE_SELF, dir NULL; in inode_put()
 *   rename    cookie = fsnotify_cookie();
 *             IN_MOVED_FROM (old dir, old name), IN_MOVED_TO (new dir, new name), IN_MOVE_SELF
 *             (dir NULL); what was replaced: as by unlink, without IN_DELETE
 *   unmount   IN_UNMOUNT
 */
#define IN_ACCESS 0x1u
#define IN_MODIFY 0x2u
#define IN_ATTRIB 0x4u
#define IN_CLOSE_WRITE 0x8u
#define IN_CLOSE_NOWRITE 0x10u
#define IN_OPEN 0x20u
#define IN_MOVED_FROM 0x40u
#define IN_MOVED_TO 0x80u
#define IN_CREATE 0x100u
#define IN_DELETE 0x200u
#define IN_DELETE_SELF 0x400u
#define IN_MOVE_SELF 0x800u
#define IN_UNMOUNT 0x2000u
#define IN_UNLINKED 0x10000000u          /* ours: the name is not there any more */
#define IN_ISDIR 0x40000000u             /* with a mask of an inode that is not given */
extern _Atomic u32 fsnotify_watch_count; /* how many watches there are; inotify.c keeps it */
u32 fsnotify_cookie(void);
void fsnotify(struct inode *inode, u32 mask, struct inode *dir, const char *name, size_t len,
              u32 cookie);

/* ---- File systems (start-up; each returns a super to be mounted) ---------------- */

/* `lower`: NULL, or a read-only file system that shows through where nothing was changed. */
must_check int tmpfs_new(u64 size_limit, struct super *lower, struct super **super);
struct block_device;
must_check int erofs_new(struct block_device *device, struct super **super);
struct p9_transport;
must_check int p9fs_new(struct p9_transport *transport, const char *tag, bool read_only,
                        struct super **super);
must_check int procfs_new(struct super **super);
must_check int sysfs_new(struct super **super);
/* For /sys/fs/cgroup: cgroup v2. */
must_check int cgroupfs_new(struct super **super);
must_check int devfs_new(struct super **super);
