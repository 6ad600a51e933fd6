/* SPDX-License-Identifier: MIT */
/*
 * The format of EROFS, read-only and uncompressed, as a pure parser: it asks
 * for bytes of the image through a function and trusts none of them.  What
 * does not fit together is -EUCLEAN (Linux's EFSCORRUPTED).
 *
 * The format is described in Linux's documentation, filesystems/erofs.rst.
 */
#pragma once

#include <kernel/types.h>

#define EROFS_NAME_MAX 255u

struct erofs_image {
    u64 size; /* bytes of the device */
    /* Reads a part of the image, which lies within `size`: 0 or -EIO. */
    int (*read)(struct erofs_image *image, u64 offset, void *buf, size_t len);
    /* From the superblock, after erofs_image_open(). */
    u64 block_size;
    unsigned block_shift;
    u64 meta; /* offset of inode 0 */
    u64 root; /* its number */
    u64 inodes, blocks;
    u64 build_sec;
    u32 build_nsec;
    const char *refused; /* why -EOPNOTSUPP, a constant text */
};

enum erofs_layout {
    EROFS_FLAT_PLAIN = 0,
    EROFS_FLAT_INLINE = 2, /* the last part of a block lies behind the inode */
    EROFS_CHUNKS = 4,
};

struct erofs_node {
    u64 nid;
    enum erofs_layout layout;
    u32 mode, links, uid, gid;
    u64 size, rdev; /* rdev as stat(2) has it */
    u64 mtime_sec;
    u32 mtime_nsec;
    u64 start;   /* flat: offset of the contents */
    u64 inlined; /* offset of what is inline, and how much */
    u64 inlined_size;
    u64 chunks; /* offset of the table */
    unsigned chunk_shift;
    bool chunk_indexes; /* entries of 8 bytes, not 4 */
};

/* 0, -EINVAL (no such image), -EUCLEAN, -EOPNOTSUPP, -EIO, -ENOMEM. */
must_check int erofs_image_open(struct erofs_image *image, void *(*alloc)(size_t size),
                                void (*release)(void *buf));
/* The inode of that number: 0, -EUCLEAN, -EOPNOTSUPP (compressed), -EIO. */
must_check int erofs_image_node(struct erofs_image *image, u64 nid, struct erofs_node *node);

/* Where the contents from some offset on lie. */
struct erofs_extent {
    bool hole;
    u64 offset; /* in the image */
    u64 size;   /* > 0, within the file and the image */
};
/* `offset` < node->size. */
must_check int erofs_image_map(struct erofs_image *image, const struct erofs_node *node, u64 offset,
                               struct erofs_extent *extent);
/* Contents [offset, offset + len), within node->size. */
must_check int erofs_image_read(struct erofs_image *image, const struct erofs_node *node,
                                u64 offset, void *buf, size_t len);

struct erofs_name {
    u64 nid;
    u32 type; /* S_IFMT of mode, 0: not known */
    unsigned len;
    char name[EROFS_NAME_MAX];
};
/* 0, -ENOENT, -EUCLEAN, -EIO. */
must_check int erofs_image_find(struct erofs_image *image, const struct erofs_node *dir,
                                const char *name, size_t len, u64 *nid);
/*
 * The entry at *pos (0 at first), and the position after it; "." and ".." come
 * too.  1, 0 at the end, or -errno.
 */
must_check int erofs_image_next(struct erofs_image *image, const struct erofs_node *dir, u64 *pos,
                                struct erofs_name *entry);
