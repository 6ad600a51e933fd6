/* SPDX-License-Identifier: MIT */
/*
 * The character devices that need no hardware, by number as on Linux:
 * memory (1: null, zero, full, random, urandom) and the terminal (5: tty,
 * console; console.c).
 */
#include <kernel/errno.h>
#include <kernel/kmalloc.h>
#include <kernel/random.h>
#include <kernel/string.h>
#include <kernel/vfs.h>

#include "console_priv.h"
#include "fs_priv.h"

static int read_nothing(struct file *file, struct io *io, u64 *pos)
{
    return 0;
}

static int write_away(struct file *file, struct io *io, u64 *pos)
{
    io_skip(io, io->left);
    return 0;
}

static int read_zeros(struct file *file, struct io *io, u64 *pos)
{
    return io_put_zeros(io, io->left);
}

static int write_full(struct file *file, struct io *io, u64 *pos)
{
    return io->left == 0 ? 0 : -ENOSPC;
}

static int read_random(struct file *file, struct io *io, u64 *pos)
{
    u64 block[32];
    int error = 0;

    while (io->left > 0 && error == 0) {
        for (unsigned i = 0; i < ARRAY_SIZE(block); i++) {
            block[i] = random_u64();
        }
        error = io_put(io, block, sizeof(block));
    }
    memset(block, 0, sizeof(block));
    return error;
}

/* lseek(2) succeeds and means nothing. */
static s64 seek_nowhere(struct file *file, s64 offset, int whence)
{
    return 0;
}

static const struct file_ops null_ops = {
    .read = read_nothing,
    .write = write_away,
    .seek = seek_nowhere,
};
static const struct file_ops zero_ops = {
    .read = read_zeros,
    .write = write_away,
    .seek = seek_nowhere,
};
static const struct file_ops full_ops = {
    .read = read_zeros,
    .write = write_full,
    .seek = seek_nowhere,
};
static const struct file_ops random_ops = {
    .read = read_random,
    .write = write_away,
    .seek = seek_nowhere,
};

int device_open(struct inode *inode, struct file *file)
{
    switch (inode->rdev) {
    case DEVICE(1, 3):
        file->ops = &null_ops;
        return 0;
    case DEVICE(1, 5):
        file->ops = &zero_ops;
        return 0;
    case DEVICE(1, 7):
        file->ops = &full_ops;
        return 0;
    case DEVICE(1, 8):
    case DEVICE(1, 9):
        file->ops = &random_ops;
        return 0;
    case DEVICE(5, 0):
    case DEVICE(5, 1):
        return console_open_terminal(file, inode->rdev == DEVICE(5, 0));
    default:
        return -ENXIO;
    }
}
