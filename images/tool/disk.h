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
/* To a format of QEMU's, by its own program. */
void disk_convert(const char *from, const char *to, const char *format);
/* False: it is something else. */
bool disk_open(const char *path, struct disk *disk);
/* The value of the next record of that key behind the value `before`, or of the first; or NULL. */
const char *disk_recipe_next(const struct disk *disk, const char *before, const char *key);
