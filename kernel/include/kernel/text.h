/* SPDX-License-Identifier: MIT */
/*
 * Text that grows, in pieces: what a file of /proc or /sys says.  Printing
 * never fails where it stands; the text remembers that memory ran out.  May
 * be printed into under a spinlock.  Pure; tested on the host.
 */
#pragma once

#include <kernel/types.h>
#include <stdarg.h>

struct text {
    char **piece;
    size_t pieces, room; /* of `piece`: used, allocated */
    u64 size;            /* bytes in all */
    bool failed;         /* no memory for what came after */
};

void text_init(struct text *text);
void text_free(struct text *text);
/* At most 255 bytes at a time; returns how many it were. */
size_t text_print(struct text *text, const char *fmt, ...) printf_like(2, 3);
void text_put(struct text *text, const char *data, size_t size);
void text_puts(struct text *text, const char *string);
/* kvsnprintf() has no octal numbers: at least `digits` of them. */
void text_octal(struct text *text, u64 value, unsigned digits);
/* What is at `pos`, contiguous: how many bytes, 0 at the end. */
size_t text_at(const struct text *text, u64 pos, const char **data);
/* Copies all of it, at most `size` bytes: how many. */
size_t text_copy(const struct text *text, char *data, size_t size);
