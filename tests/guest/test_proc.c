/* SPDX-License-Identifier: MIT */
/*
 * /proc, /sys and cgroup v2: every file there can be read, and those that
 * programs depend on parse as they do on Linux.
 */
#include "guest.h"

#include <kernel/aspace.h>
#include <kernel/cpu.h>
#include <kernel/errno.h>
#include <kernel/fd.h>
#include <kernel/kmalloc.h>
#include <kernel/string.h>
#include <kernel/vfs.h>

#define TEXT (256 * KIB)

static struct {
    bool mounted;
    char *text; /* of the file read last, terminated */
    unsigned files, folders, links;
} t;

static bool mount_at(const char *path, int (*make)(struct super **super))
{
    struct super *super;
    int err = vfs_create(NULL, path, S_IFDIR | 0755, 0);

    return OK(err == 0 || err == -EEXIST) && OK(make(&super) == 0) && EQ(vfs_mount(super, path), 0);
}

static bool prepare(void)
{
    struct super *root;

    if (t.mounted) {
        return true;
    }
    t.text = kmalloc(TEXT);
    if (!OK(t.text != NULL) || !OK(tmpfs_new(64 * MIB, NULL, &root) == 0)) {
        return false;
    }
    (void)!vfs_mount_root(root); /* another test may have been first */
    t.mounted = mount_at("/t-proc", procfs_new) && mount_at("/t-sys", sysfs_new) &&
                mount_at("/t-sys/fs/cgroup", cgroupfs_new);
    return t.mounted;
}

/* The whole of a file, in parts of odd sizes. */
static s64 read_file(const char *path)
{
    struct file *file;
    s64 got = 1;
    u64 at = 0;
    int err = vfs_open(NULL, path, O_RDONLY, 0, &file);

    if (err != 0) {
        return err;
    }
    while (got > 0 && at < TEXT - 1) {
        got = file_read_kernel(file, t.text + at, MIN(777ull, TEXT - 1 - at), at);
        at += got > 0 ? (u64)got : 0;
    }
    t.text[at] = 0;
    file_put(file);
    return got < 0 ? got : (s64)at;
}

static bool has(const char *path, const char *what)
{
    if (read_file(path) < 0 || strstr(t.text, what) == NULL) {
        guest_note("%s is not in %s:", what, path);
        return false;
    }
    return true;
}

static bool is(const char *path, const char *what)
{
    return read_file(path) >= 0 && strcmp(t.text, what) == 0;
}

GUEST_TEST(proc_formats)
{
    if (!prepare()) {
        return;
    }
    OK(has("/t-proc/meminfo", "MemTotal:       "));
    OK(has("/t-proc/meminfo", "\nMemAvailable:   "));
    OK(has("/t-proc/stat", "cpu  "));
    OK(has("/t-proc/stat", "\ncpu0 "));
    OK(has("/t-proc/stat", "\nbtime "));
    OK(has("/t-proc/cpuinfo", "processor\t: 0\nvendor_id\t: "));
    OK(has("/t-proc/cpuinfo", "\nflags\t\t: fpu "));
    OK(has("/t-proc/cgroups", "memory\t0\t1\t1\n"));
    OK(has("/t-proc/1/cgroup", "0::/\n"));
    OK(has("/t-proc/self/mountinfo", " /t-sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw\n"));
    OK(has("/t-proc/self/mountinfo", " / / rw,relatime - tmpfs "));
    OK(has("/t-proc/mounts", "proc /t-proc proc rw,relatime 0 0\n"));
    OK(has("/t-proc/self/limits", "Max open files            "));
    OK(has("/t-proc/uptime", "."));
    OK(is("/t-proc/sys/kernel/ostype", "Linux\n"));
    EQ(read_file("/t-proc/sys/kernel/random/uuid"), 37);
    OK(t.text[14] == '4' && t.text[8] == '-');
    OK(is("/t-proc/net/if_inet6", "00000000000000000000000000000001 01 80 10 80       lo\n"));
    OK(is("/t-sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never\n"));
    OK(is("/t-sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "0\n"));
    OK(is("/t-sys/fs/cgroup/memory.max", "max\n"));
    OK(is("/t-sys/fs/cgroup//cpu.max", "max 100000\n"));
    EQ(read_file("/t-sys/devices/system/cpu/online"), cpu_count() == 1   ? 2
                                                      : cpu_count() > 10 ? 5
                                                                         : 4);
    EQ(read_file("/t-proc/self/none"), -ENOENT);
    EQ(read_file("/t-proc/2"), -ENOENT);
    EQ(read_file("/t-sys/devices/system/cpu/cpu64/online"), -ENOENT);
    EQ(read_file("/t-sys/devices/system/cpu/cpu00/online"), -ENOENT);
}

GUEST_TEST(proc_maps_tells_regions)
{
    vaddr_t addr = 0;
    char line[64];

    /* Hidden pages on both sides, or it might be one with its neighbours. */
    if (!prepare() || !OK(aspace_map(0, 5 * PAGE_SIZE, 0, 0, &addr) == 0)) {
        return;
    }
    addr += PAGE_SIZE;
    EQ(aspace_protect(addr, 3 * PAGE_SIZE, 1 | 2), 0);
    ksnprintf(line, sizeof(line), "%08lx-%08lx rw-p 00000000 00:00 0 \n", (unsigned long)addr,
              (unsigned long)(addr + 3 * PAGE_SIZE));
    OK(has("/t-proc/self/maps", line));
    EQ(aspace_unmap(addr - PAGE_SIZE, 5 * PAGE_SIZE), 0);
    OK(read_file("/t-proc/self/maps") >= 0 && strstr(t.text, line) == NULL);
    /* More regions than are copied at a time, none of which is lost. */
    OK(aspace_map(0, 401 * PAGE_SIZE, 1, 0, &addr) == 0);
    for (unsigned i = 1; i < 400; i += 2) {
        EQ(aspace_protect(addr + i * PAGE_SIZE, PAGE_SIZE, 1 | 2), 0);
    }
    OK(read_file("/t-proc/self/maps") > 0);
    for (unsigned i = 1; i < 400; i += 2) {
        ksnprintf(line, sizeof(line), "%08lx-%08lx rw-p ", (unsigned long)(addr + i * PAGE_SIZE),
                  (unsigned long)(addr + (i + 1) * PAGE_SIZE));
        if (strstr(t.text, line) == NULL) {
            OK(strstr(t.text, line) != NULL);
            break;
        }
    }
    EQ(aspace_unmap(addr, 401 * PAGE_SIZE), 0);
}

/* By its descriptor a file is found that has lost its name, and a pipe. */
GUEST_TEST(proc_fd_leads_to_the_file)
{
    static const struct file_ops none;
    struct file *file, *again;
    char path[64], target[64];
    struct dentry *link;
    int fd;

    if (!prepare() || !OK(vfs_open(NULL, "/t-gone", O_RDWR | O_CREAT, 0644, &file) == 0)) {
        return;
    }
    fd = fd_install(file, 100, false);
    OK(fd >= 100);
    EQ(vfs_unlink(NULL, "/t-gone", false), 0);
    ksnprintf(path, sizeof(path), "/t-proc/self/fd/%d", fd);
    if (OK(vfs_open(NULL, path, O_RDONLY, 0, &again) == 0)) {
        OK(again != file && again->inode == file->inode);
        file_put(again);
    }
    if (OK(vfs_lookup(NULL, path, LOOKUP_NOFOLLOW, &link) == 0)) {
        s64 size = link->inode->ops->readlink(link->inode, target, sizeof(target));

        OK(size == 17 && memcmp(target, "/t-gone (deleted)", 17) == 0);
        dentry_put(link);
    }
    EQ(fd_close(fd), 0);
    EQ(vfs_open(NULL, path, O_RDONLY, 0, &again), -ENOENT);

    OK(file_new(&none, "anon_inode:[test]", O_RDWR, NULL, &file) == 0);
    fd = fd_install(file, 100, false);
    ksnprintf(path, sizeof(path), "/t-proc/self/fd/%d", fd);
    if (OK(vfs_open(NULL, path, O_RDONLY, 0, &again) == 0)) {
        OK(again == file);
        file_put(again);
    }
    EQ(fd_close(fd), 0);
}

GUEST_TEST(proc_settings_are_kept)
{
    struct file *file;
    struct iovec vec;
    struct io io;

    if (!prepare()) {
        return;
    }
    EQ(vfs_open(NULL, "/t-proc/self/maps", O_RDWR, 0, &file), -EACCES);
    if (OK(vfs_open(NULL, "/t-proc/self/coredump_filter", O_RDWR, 0, &file) == 0)) {
        io_init(&io, &vec, (void *)"0x3f\n", 5, true);
        EQ(file_write(file, &io, NULL), 5);
        io_init(&io, &vec, (void *)"nonsense", 8, true);
        EQ(file_write(file, &io, NULL), -EINVAL);
        file_put(file);
        OK(is("/t-proc/self/coredump_filter", "0000003f\n"));
    }
}

struct lister {
    struct dir_emit emit;
    char *names; /* one after the other, each terminated */
    size_t used;
};

static bool list_one(struct dir_emit *emit, const char *name, size_t len, u64 ino, u32 type,
                     u64 next)
{
    struct lister *l = container_of(emit, struct lister, emit);

    (void)ino;
    (void)next;
    l->names[l->used++] = type == S_IFDIR ? 'd' : type == S_IFLNK ? 'l' : 'f';
    memcpy(l->names + l->used, name, len);
    l->used += len;
    l->names[l->used++] = 0;
    return true;
}

static void read_tree(char *path, unsigned depth);

/* Where a file's position is an address there is none to be read from the start. */
static bool is_by_address(const char *path)
{
    const char *name = path + strlen(path);

    while (name > path && name[-1] != '/') {
        name--;
    }
    return strcmp(name, "mem") == 0 || strcmp(name, "pagemap") == 0;
}

static void read_one(char *path, char type, unsigned depth)
{
    if (type == 'd') {
        t.folders++;
        read_tree(path, depth + 1);
    } else if (type == 'f') {
        s64 size = is_by_address(path) ? 0 : read_file(path);

        t.files++;
        /* What belongs to a program is not there: no thread of it is. */
        if (size < 0 && size != -ESRCH) {
            guest_note("%s: %ld", path, (long)size);
            OK(size >= 0);
        }
    } else {
        t.links++;
    }
}

static void read_tree(char *path, unsigned depth)
{
    struct lister l = {.emit = {list_one}, .names = kmalloc(16 * KIB)};
    size_t len = strlen(path);
    struct file *file;
    u64 pos = 0;

    if (depth > 9 || !OK(l.names != NULL) ||
        !OK(vfs_open(NULL, path, O_RDONLY | O_DIRECTORY, 0, &file) == 0)) {
        kfree(l.names);
        return;
    }
    EQ(file->inode->ops->readdir(file->inode, &pos, &l.emit), 0);
    file_put(file);
    for (size_t at = 0; at < l.used; at += strlen(l.names + at) + 1) {
        ksnprintf(path + len, 256 - len, "/%s", l.names + at + 1);
        read_one(path, l.names[at], depth);
    }
    path[len] = 0;
    kfree(l.names);
}

GUEST_TEST(proc_every_file_can_be_read)
{
    char path[256] = "/t-proc";

    if (!prepare()) {
        return;
    }
    t.files = t.folders = t.links = 0;
    read_tree(path, 0);
    OK(t.files > 50 && t.folders > 8 && t.links > 4);
    strlcpy(path, "/t-sys", sizeof(path));
    read_tree(path, 0);
    OK(t.files > 120);
    guest_note("%u files, %u folders, %u links", t.files, t.folders, t.links);
}
