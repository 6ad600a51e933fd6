/* SPDX-License-Identifier: MIT */
/*
 * What else /proc/self has: its arguments, links, limits, mounts, descriptors.
 */
#include "proc_priv.h"

#include <kernel/errno.h>
#include <kernel/fd.h>
#include <kernel/kmalloc.h>
#include <kernel/pagecache.h>
#include <kernel/process.h>
#include <kernel/string.h>
#include <kernel/uaccess.h>

#include "../fs_priv.h"

#define COPY 512u
#define NO_LIMIT ((u64)-1)
#define MOUNT_ID(super) (20 + (unsigned)(super)->dev)

static struct {
    _Atomic u32 coredump_filter; /* core(5): nothing is dumped, but it can be set */
    _Atomic s32 oom_score_adj;
} settings = {.coredump_filter = 0x33};

/* The application's memory as it is now: it may have written over it. */
static int copy_memory(struct text *text, vaddr_t start, vaddr_t end)
{
    char *part = kmalloc(COPY);
    int err = part == NULL ? -ENOMEM : 0;

    while (err == 0 && start < end) {
        size_t size = MIN(COPY, end - start);

        if (user_read(part, (const void *)start, size) != 0) {
            break; /* unmapped by now: there is no more */
        }
        text_put(text, part, size);
        start += size;
    }
    kfree(part);
    return err;
}

SHOW(show_cmdline)
{
    vaddr_t argv, argv_end, envp, envp_end;

    (void)node;
    process_args(&argv, &argv_end, &envp, &envp_end);
    return copy_memory(text, argv, argv_end);
}

SHOW(show_environ)
{
    vaddr_t argv, argv_end, envp, envp_end;

    (void)node;
    process_args(&argv, &argv_end, &envp, &envp_end);
    return copy_memory(text, envp, envp_end);
}

SHOW(show_exe)
{
    const char *path = process_path();

    (void)node;
    if (path == NULL) {
        return -ENOENT;
    }
    text_puts(text, path);
    return 0;
}

SHOW(show_auxv)
{
    vaddr_t auxv, auxv_end;

    (void)node;
    process_auxv(&auxv, &auxv_end);
    return copy_memory(text, auxv, auxv_end);
}

/* What went to and from devices and folders of the host is that of the page cache. */
SHOW(show_io)
{
    struct page_cache_stats cache;
    struct process_usage usage;

    (void)node;
    process_usage(&usage);
    page_cache_get_stats(&cache);
    text_print(text, "rchar: %lu\nwchar: %lu\nsyscr: %lu\nsyscw: %lu\n",
               (unsigned long)usage.chars[0], (unsigned long)usage.chars[1],
               (unsigned long)usage.calls[0], (unsigned long)usage.calls[1]);
    text_print(text, "read_bytes: %lu\nwrite_bytes: %lu\ncancelled_write_bytes: 0\n",
               (unsigned long)(cache.read * PAGE_SIZE), (unsigned long)(cache.written * PAGE_SIZE));
    return 0;
}

static struct file *open_path(const char *path)
{
    struct file *file;

    return vfs_open(NULL, path, O_PATH, 0, &file) == 0 ? file : NULL;
}

struct file *exe_link_file(const struct pseudo_node *node)
{
    const char *path = process_path();

    (void)node;
    return path != NULL ? open_path(path) : NULL;
}

struct file *cwd_link_file(const struct pseudo_node *node)
{
    (void)node;
    return open_path(".");
}

struct file *root_link_file(const struct pseudo_node *node)
{
    (void)node;
    return open_path("/");
}

static int print_path(struct text *text, struct dentry *dentry)
{
    char *path = kmalloc(PATH_MAX);
    int len = path == NULL ? -ENOMEM : dentry_path(dentry, path, PATH_MAX);

    if (len > 0) {
        text_put(text, path, (size_t)len);
    }
    kfree(path);
    return len < 0 ? len : 0;
}

SHOW(show_cwd)
{
    struct dentry *cwd = vfs_cwd();
    int err = print_path(text, cwd);

    (void)node;
    dentry_put(cwd);
    return err;
}

static const struct {
    const char *name, *unit;
    unsigned resource;
} limits[] = {
    {"Max cpu time", "seconds", RLIMIT_CPU},
    {"Max file size", "bytes", RLIMIT_FSIZE},
    {"Max data size", "bytes", RLIMIT_DATA},
    {"Max stack size", "bytes", RLIMIT_STACK},
    {"Max core file size", "bytes", RLIMIT_CORE},
    {"Max resident set", "bytes", RLIMIT_RSS},
    {"Max processes", "processes", RLIMIT_NPROC},
    {"Max open files", "files", RLIMIT_NOFILE},
    {"Max locked memory", "bytes", RLIMIT_MEMLOCK},
    {"Max address space", "bytes", RLIMIT_AS},
    {"Max file locks", "locks", RLIMIT_LOCKS},
    {"Max pending signals", "signals", RLIMIT_SIGPENDING},
    {"Max msgqueue size", "bytes", RLIMIT_MSGQUEUE},
    {"Max nice priority", "", RLIMIT_NICE},
    {"Max realtime priority", "", RLIMIT_RTPRIO},
    {"Max realtime timeout", "us", RLIMIT_RTTIME},
};

static void print_limit(struct text *text, u64 value)
{
    if (value == NO_LIMIT) {
        text_print(text, "%-20s ", "unlimited");
    } else {
        text_print(text, "%-20lu ", (unsigned long)value);
    }
}

SHOW(show_limits)
{
    (void)node;
    text_print(text, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
    for (unsigned i = 0; i < ARRAY_SIZE(limits); i++) {
        struct rlimit limit = process_limit(limits[i].resource);

        text_print(text, "%-25s ", limits[i].name);
        print_limit(text, limit.soft);
        print_limit(text, limit.hard);
        if (limits[i].unit[0] != 0) {
            text_print(text, "%-10s", limits[i].unit);
        }
        text_puts(text, "\n");
    }
    return 0;
}

/* Blanks and the like as octal numbers, as in fstab(5). */
static void print_escaped(struct text *text, const char *string)
{
    for (; *string != 0; string++) {
        if (strchr(" \t\n\\", *string) != NULL) {
            text_puts(text, "\\");
            text_octal(text, (u8)*string, 3);
        } else {
            text_put(text, string, 1);
        }
    }
}

static const char *options_of(const struct super *super)
{
    return super->read_only ? "ro,relatime" : "rw,relatime";
}

static void print_mount(const struct super *super, const char *path, void *arg)
{
    struct text *text = arg;

    print_escaped(text, super->source[0] != 0 ? super->source : "none");
    text_puts(text, " ");
    print_escaped(text, path);
    text_print(text, " %s %s 0 0\n", super->type, options_of(super));
}

SHOW(show_mounts)
{
    (void)node;
    vfs_for_each_mount(print_mount, text);
    return 0;
}

static void print_mountinfo(const struct super *super, const char *path, void *arg)
{
    const struct dentry *covers = super->covers;
    struct text *text = arg;

    text_print(text, "%u %u %u:%u / ", MOUNT_ID(super),
               covers == NULL ? 1 : MOUNT_ID(covers->super), (unsigned)(super->dev >> 8 & 0xfff),
               (unsigned)(super->dev & 0xff));
    print_escaped(text, path);
    text_print(text, " %s - %s ", options_of(super), super->type);
    print_escaped(text, super->source[0] != 0 ? super->source : "none");
    text_print(text, " %s\n", super->read_only ? "ro" : "rw");
}

SHOW(show_mountinfo)
{
    (void)node;
    vfs_for_each_mount(print_mountinfo, text);
    return 0;
}

/* ---- Descriptors --------------------------------------------------------------- */

u64 fd_number_next(const struct pseudo_node *folder, u64 from)
{
    int fd = from > (u64)INT32_MAX ? -1 : fd_next((int)from);

    (void)folder;
    return fd < 0 ? PSEUDO_NONE : (u64)fd;
}

struct file *fd_link_file(const struct pseudo_node *node)
{
    return fd_get_path((int)node->key[node->keys - 1]);
}

/* A pipe, a socket and the like have no path but a kind, and a number after it. */
SHOW(show_fd_target)
{
    struct file *file = fd_link_file(node);
    int err = 0;

    if (file == NULL) {
        return -ENOENT;
    }
    if (file->dentry != NULL) {
        err = print_path(text, file->dentry);
    } else if (strchr(file->kind, ':') != NULL || file->kind[0] == '/') {
        text_puts(text, file->kind);
    } else {
        text_print(text, "%s:[%lu]", file->kind, (unsigned long)file_number(file));
    }
    file_put(file);
    return err;
}

SHOW(show_fdinfo)
{
    struct file *file = fd_link_file(node);

    if (file == NULL) {
        return -ENOENT;
    }
    text_print(text, "pos:\t%lu\nflags:\t0", (unsigned long)file->pos);
    text_octal(text,
               file_flags(file) | (fd_cloexec((int)node->key[node->keys - 1]) ? O_CLOEXEC : 0), 1);
    text_print(text, "\nmnt_id:\t%u\nino:\t%lu\n",
               file->inode != NULL ? MOUNT_ID(file->inode->super) : 0,
               (unsigned long)(file->inode != NULL ? file->inode->ino : 0));
    file_put(file);
    return 0;
}

/* ---- What can be set ----------------------------------------------------------- */

/* Decimal or, with 0x, hexadecimal; a newline may follow. */
static int parse(const char *data, size_t size, s64 *value)
{
    bool negative = size > 0 && data[0] == '-';
    size_t at = negative;
    unsigned base = 10;
    size_t first;

    *value = 0;
    if (size > at + 2 && data[at] == '0' && data[at + 1] == 'x') {
        base = 16;
        at += 2;
    }
    for (first = at; at < size && data[at] != '\n'; at++) {
        char c = data[at];
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                                                : 99;

        if (digit >= base || *value > UINT32_MAX) {
            return -EINVAL;
        }
        *value = *value * base + digit;
    }
    *value = negative ? -*value : *value;
    return at == first ? -EINVAL : 0;
}

SHOW(show_coredump_filter)
{
    (void)node;
    text_print(text, "%08x\n",
               atomic_load_explicit(&settings.coredump_filter, memory_order_relaxed));
    return 0;
}

STORE(store_coredump_filter)
{
    s64 value;
    int err = parse(data, size, &value);

    (void)node;
    if (err == 0) {
        atomic_store_explicit(&settings.coredump_filter, (u32)value & 0x1ff, memory_order_relaxed);
    }
    return err;
}

SHOW(show_oom_score_adj)
{
    (void)node;
    text_print(text, "%d\n", atomic_load_explicit(&settings.oom_score_adj, memory_order_relaxed));
    return 0;
}

STORE(store_oom_score_adj)
{
    s64 value;
    int err = parse(data, size, &value);

    (void)node;
    if (err == 0 && (value < -1000 || value > 1000)) {
        err = -EINVAL;
    }
    if (err == 0) {
        atomic_store_explicit(&settings.oom_score_adj, (s32)value, memory_order_relaxed);
    }
    return err;
}
