/* SPDX-License-Identifier: MIT */
/*
 * Between the files of EROFS:
 *
 *   erofs_image.c, erofs_dir.c   the format (pure)
 *   erofs_io.c                   contents: from the device to pages
 *   erofs.c                      the file system
 */
#pragma once

#include <kernel/block.h>
#include <kernel/pagecache.h>
#include <kernel/spinlock.h>
#include <kernel/vfs.h>

#include "erofs_image_priv.h"

#define EROFS_BUCKETS 64u

/* (c) constant   (l) lock */
struct erofs {
    struct super super;          /* (c) */
    struct erofs_image image;    /* (c) */
    struct block_device *device; /* (c) */
    struct inode meta;           /* (c) the device as a file: metadata is read through its pages */
    struct spinlock lock;
    struct list inodes[EROFS_BUCKETS]; /* (l) by number; those of references 0 are going away */
};

struct erofs_inode {
    struct inode inode;
    struct erofs_node node; /* (c) */
    struct list link;       /* (l) of the file system */
};

static inline struct erofs *erofs_of(const struct inode *inode)
{
    return container_of(inode->super, struct erofs, super);
}

/* Sets up `meta` and the image's reader. */
must_check int erofs_io_init(struct erofs *fs);
void erofs_io_end(struct erofs *fs);

extern const struct page_cache_ops erofs_page_ops;
