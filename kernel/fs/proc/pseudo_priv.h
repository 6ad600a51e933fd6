/* SPDX-License-Identifier: MIT */
/*
 * File systems made of text that is written when it is read: /proc, /sys and
 * cgroup v2.  Each is a tree of tables; an entry is a file, a link or a folder.
 *
 *   static const struct pseudo_entry root[] = {
 *       PSEUDO_FILE("uptime", show_uptime),
 *       PSEUDO_FOLDER("sys", sys_entries),
 *       PSEUDO_NUMBERS("cpu", cpu_next, cpu_entries),    cpu0, cpu1, ...
 *       PSEUDO_END};
 *
 * A folder of numbers stands for many: next() tells which there are.  What is
 * below finds its numbers in the node that it is shown for.
 */
#pragma once

#include <kernel/io.h>
#include <kernel/text.h>
#include <kernel/vfs.h>

#define PSEUDO_DEPTH 2u
#define PSEUDO_NONE ((u64)-1)

struct pseudo_entry;

/* Which file it is: the entry, and the numbers on the way to it. */
struct pseudo_node {
    const struct pseudo_entry *entry;
    u64 key[PSEUDO_DEPTH];
    unsigned keys;
};

struct pseudo_entry {
    const char *name;   /* of numbers: what stands before them */
    const char *suffix; /* of numbers: what stands behind them, or NULL */
    u32 mode;           /* type and permissions */
    /* The text of a file, or where a link leads: 0 or -errno. */
    int (*show)(struct text *text, const struct pseudo_node *node);
    /* What was written to a file. */
    int (*store)(const struct pseudo_node *node, const char *data, size_t size);
    const struct pseudo_entry *children; /* of a folder */
    /* The lowest number from `from` on, PSEUDO_NONE: there are no more. */
    u64 (*next)(const struct pseudo_node *folder, u64 from);
    /* Of a link that leads to an open file: counted, or NULL. */
    struct file *(*file)(const struct pseudo_node *node);
    /* Of a file that is no text: as file_ops have them. */
    int (*read)(const struct pseudo_node *node, struct io *io, u64 *pos);
    int (*write)(const struct pseudo_node *node, struct io *io, u64 *pos);
    const char *text;  /* if `show` is NULL: always this */
    const u64 *number; /* if both are NULL: this, and a newline */
};

#define PSEUDO_FILE(n, fn) \
    { \
        .name = (n), .mode = S_IFREG | 0444, .show = (fn) \
    }
#define PSEUDO_SECRET(n, fn) \
    { \
        .name = (n), .mode = S_IFREG | 0400, .show = (fn) \
    }
#define PSEUDO_TEXT(n, string) \
    { \
        .name = (n), .mode = S_IFREG | 0444, .text = (string) \
    }
#define PSEUDO_WRITABLE(n, fn, writer) \
    { \
        .name = (n), .mode = S_IFREG | 0644, .show = (fn), .store = (writer) \
    }
#define PSEUDO_LINK(n, fn) \
    { \
        .name = (n), .mode = S_IFLNK | 0777, .show = (fn) \
    }
#define PSEUDO_FOLDER(n, entries) \
    { \
        .name = (n), .mode = S_IFDIR | 0555, .children = (entries) \
    }
#define PSEUDO_NUMBERS(prefix, fn, entries) \
    { \
        .name = (prefix), .mode = S_IFDIR | 0555, .next = (fn), .children = (entries) \
    }
#define PSEUDO_END \
    { \
        .name = NULL \
    }

/* Of a folder: the entry of that name, and its node. */
must_check bool pseudo_find(const struct pseudo_node *folder, const char *name, size_t len,
                            struct pseudo_node *found);
/* The entry at position *pos or the next there is; its name and node.  False: no more. */
must_check bool pseudo_list(const struct pseudo_node *folder, u64 *pos, char name[32],
                            struct pseudo_node *found);
/* The same for the same file, different for others. */
u64 pseudo_number(const struct pseudo_node *node);
must_check int pseudo_show(struct text *text, const struct pseudo_node *node);

must_check int pseudo_new(const char *type, const struct pseudo_entry *root, u64 file_size,
                          u64 magic, struct super **super);
