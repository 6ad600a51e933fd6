/* SPDX-License-Identifier: MIT */
/* Disks that boot by themselves: between build.c, which makes one, and run.c. */
#pragma once

#include "../disk/layout.h"
#include "tool.h"

struct disk {
    const char *format; /* QEMU's name of it */
    int fd, kernel;     /* files; the kernel's is in memory */
    char *recipe;       /* KEY=VALUE, each ended by a NUL byte */
    size_t recipe_size;
};

/* Makes one of an EROFS image, in place. */
void disk_make(const char *image, const struct places *places, const char *recipe,
               size_t recipe_size);
/* False: it is something else. */
bool disk_open(const char *path, struct disk *disk);
/* The value of the next record of that key behind the value `before`, or of the first; or NULL. */
const char *disk_recipe_next(const struct disk *disk, const char *before, const char *key);

/* qemu_img.c: to another format; of one, a file in memory with so many sectors. */
void qemu_img_convert(const char *from, const char *to, const char *format);
int qemu_img_extract(const char *path, const char *format, unsigned long long sector,
                     unsigned long long count);
