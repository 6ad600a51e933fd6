/* SPDX-License-Identifier: MIT */
/*
 * Messages of 9P2000.L: numbers of little-endian bytes, strings with a length
 * before them, one behind the other.  Pure; tested and fuzzed on the host.
 *
 * A shape names the fields, one letter each:
 *   1 2 4 8   a number of so many bytes
 *   s         a string: length[2] bytes
 *   q         a qid: type[1] version[4] path[8]        (replies only)
 *
 * A message that does not fit, or a reply that is cut short, makes the buffer
 * bad, and it stays so: the caller looks once, at the end.
 */
#pragma once

#include <kernel/types.h>
#include <stdarg.h>

enum p9_type { /* of requests; a reply is one more */
               P9_LERROR = 6,
               P9_STATFS = 8,
               P9_LOPEN = 12,
               P9_LCREATE = 14,
               P9_SYMLINK = 16,
               P9_MKNOD = 18,
               P9_READLINK = 22,
               P9_GETATTR = 24,
               P9_SETATTR = 26,
               P9_READDIR = 40,
               P9_FSYNC = 50,
               P9_LINK = 70,
               P9_MKDIR = 72,
               P9_RENAMEAT = 74,
               P9_UNLINKAT = 76,
               P9_VERSION = 100,
               P9_ATTACH = 104,
               P9_WALK = 110,
               P9_READ = 116,
               P9_WRITE = 118,
               P9_CLUNK = 120,
};

#define P9_HEADER 7u /* size[4] type[1] tag[2] */
#define P9_NO_TAG 0xffffu
#define P9_NO_FID 0xffffffffu

struct p9_qid {
    u8 type;     /* P9_QID_*: 0 is a plain file, or another that is neither of these */
    u32 version; /* changes with the file */
    u64 path;    /* tells it from all others of the server */
};
#define P9_QID_DIR 0x80u
#define P9_QID_LINK 0x02u

struct p9_string { /* part of the message, not terminated */
    const char *at;
    u16 size;
};

struct p9_buffer {
    u8 *data;
    u32 size; /* of the memory, or of the message */
    u32 at;
    bool bad;
};

/* Begins a request; its size is filled in by p9_finish(), which adds `payload` to it. */
void p9_begin(struct p9_buffer *buffer, void *data, u32 size, u8 type, u16 tag);
/* u64 for each number, (const char *, size_t) for a string. */
void p9_pack(struct p9_buffer *buffer, const char *shape, va_list args);
/* 0, or -ENAMETOOLONG if the buffer is bad. */
must_check int p9_finish(struct p9_buffer *buffer, u32 payload);

/* u8, u16, u32, u64, struct p9_qid or struct p9_string pointers. */
void p9_unpack(struct p9_buffer *buffer, const char *shape, ...);

/*
 * The header of a reply of `length` bytes, of which the first `size` are in `data`, to a request
 * of `type` and `tag`: 0 and the buffer behind it; -EIO if it is not a reply to that;
 * or the server's error.
 */
must_check int p9_open_reply(struct p9_buffer *buffer, void *data, u32 size, u32 length, u8 type,
                             u16 tag);
