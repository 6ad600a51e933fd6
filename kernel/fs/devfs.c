/* SPDX-License-Identifier: MIT */
/*
 * /dev: a tmpfs with the device files in it, as Linux's devtmpfs is; so a
 * program may make what it likes there, and /dev/shm is there for shm_open(3).
 */
#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/string.h>
#include <kernel/vfs.h>

#include "console_priv.h"
#include "fs_priv.h"

static const struct {
    const char *name;
    u32 mode;
    u64 rdev;
    const char *target;
} nodes[] = {
    {"null", S_IFCHR | 0666, DEVICE(1, 3), NULL},
    {"zero", S_IFCHR | 0666, DEVICE(1, 5), NULL},
    {"full", S_IFCHR | 0666, DEVICE(1, 7), NULL},
    {"random", S_IFCHR | 0666, DEVICE(1, 8), NULL},
    {"urandom", S_IFCHR | 0666, DEVICE(1, 9), NULL},
    {"tty", S_IFCHR | 0666, DEVICE(5, 0), NULL},
    {"console", S_IFCHR | 0600, DEVICE(5, 1), NULL},
    {"shm", S_IFDIR | 01777, 0, NULL},
    {"pts", S_IFDIR | 0755, 0, NULL},
    {"mqueue", S_IFDIR | 01777, 0, NULL},
    {"fd", S_IFLNK, 0, "/proc/self/fd"},
    {"stdin", S_IFLNK, 0, "/proc/self/fd/0"},
    {"stdout", S_IFLNK, 0, "/proc/self/fd/1"},
    {"stderr", S_IFLNK, 0, "/proc/self/fd/2"},
};

/* Nobody else knows the file system yet, so nothing is locked. */
static int make_node(struct inode *root, unsigned i)
{
    size_t len = strlen(nodes[i].name);
    struct inode *made;
    int error =
        nodes[i].target != NULL
            ? root->ops->symlink(root, nodes[i].name, len, nodes[i].target, &made)
            : root->ops->create(root, nodes[i].name, len, nodes[i].mode, nodes[i].rdev, &made);

    if (error == 0) {
        inode_put(made);
    }
    return error;
}

int devfs_new(struct super **super)
{
    struct frame_stats stats;
    int error;

    frame_get_stats(&stats);
    error = tmpfs_new(stats.total / 2 * PAGE_SIZE, NULL, super);
    for (unsigned i = 0; i < ARRAY_SIZE(nodes) && error == 0; i++) {
        error = make_node((*super)->root->inode, i);
    }
    if (error == 0) {
        (*super)->type = "devtmpfs";
        (void)strlcpy((*super)->source, "devtmpfs", sizeof((*super)->source));
        (*super)->root->inode->mode = S_IFDIR | 0755;
    }
    return error;
}
