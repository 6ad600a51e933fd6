/* SPDX-License-Identifier: MIT */
/*
 * The tree of names: the image read-only, a tmpfs over it that takes what is
 * written, and what the kernel itself shows in /dev, /proc and /sys.  A folder
 * that something is mounted on is made if the image does not have it, so that
 * a folder with nothing but a static program will do.
 *
 * The C library does not come with the image but with the kernel, whose table
 * of system calls it uses: it takes the place of both loaders, musl's and
 * glibc's, in the tmpfs.
 */
#include <kernel/block.h>
#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/fwcfg.h>
#include <kernel/kmalloc.h>
#include <kernel/p9.h>
#include <kernel/panic.h>
#include <kernel/print.h>
#include <kernel/string.h>
#include <kernel/vfs.h>

#include "exec.h"

#define MUSL_LOADER "/lib/ld-musl-x86_64.so.1"
#define GLIBC_LOADER "/lib64/ld-linux-x86-64.so.2"

static void need(int err, const char *what)
{
    if (err == -ENOMEM || err == -ENOSPC) {
        config_error("too little memory for %s; give the machine more with -m", what);
    }
    if (err != 0) {
        config_error("cannot mount %s: error %d", what, -err);
    }
}

/* Half of the memory may hold files, as Linux's tmpfs has it. */
static u64 files_limit(void)
{
    struct frame_stats frames;

    frame_get_stats(&frames);
    return frames.total * PAGE_SIZE / 2;
}

/* The folder and those above it; false if there is something else in the way. */
static bool make_folder(const char *path, u32 mode)
{
    size_t len = strlen(path);
    char *part = kmalloc(len + 1);
    bool made = part != NULL;

    for (size_t i = 1; made && i <= len; i++) {
        if (path[i] == '/' || path[i] == '\0') {
            int err;

            memcpy(part, path, i);
            part[i] = '\0';
            err = vfs_create(NULL, part, S_IFDIR | (i == len ? mode : 0755u), 0);
            made = err == 0 || err == -EEXIST;
        }
    }
    kfree(part);
    return made;
}

static void mount_on(struct super *super, const char *path)
{
    struct dentry *dentry;

    if (vfs_lookup(NULL, path, LOOKUP_DIRECTORY, &dentry) == 0) {
        dentry_put(dentry);
    } else if (!make_folder(path, 0755)) {
        config_error("cannot make the folder %s to mount something on it", path);
    }
    need(vfs_mount(super, path), path);
}

void exec_mount_root(void)
{
    struct block_device *device = block_find(0);
    struct super *lower = NULL, *root;

    if (device != NULL) {
        int err = erofs_new(device, &lower);

        if (err == -EINVAL) {
            config_error("the disk is no EROFS image; tools/mkimage.sh makes one of a folder");
        }
        need(err, "the image");
    }
    need(tmpfs_new(files_limit(), lower, &root), "the root");
    need(vfs_mount_root(root), "the root");
}

static struct p9_transport *find_share(const struct exec_mount *mount)
{
    struct p9_transport *share;

    for (unsigned i = 0; (share = p9_find(i)) != NULL; i++) {
        if (strlen(share->tag) == mount->tag_len &&
            memcmp(share->tag, mount->tag, mount->tag_len) == 0) {
            return share;
        }
    }
    config_error("there is no share of the host for %s", mount->path);
}

static void mount_shares(const struct exec_spec *spec)
{
    for (unsigned i = 0; i < spec->mounts; i++) {
        const struct exec_mount *mount = &spec->mount[i];
        struct p9_transport *share = find_share(mount);
        struct super *super;

        need(p9fs_new(share, share->tag, mount->read_only, &super), mount->path);
        mount_on(super, mount->path);
    }
}

/* The library into a file of the tree. */
static int write_file(const char *path, void *data, u64 size)
{
    struct iovec vec;
    struct file *file;
    struct io io;
    s64 done;
    int err = vfs_open(NULL, path, O_WRONLY | O_CREAT | O_EXCL, 0755, &file);

    if (err != 0) {
        return err;
    }
    io_init(&io, &vec, data, size, true);
    done = file_write(file, &io, NULL);
    file_put(file);
    return done == (s64)size ? 0 : done < 0 ? (int)done : -ENOSPC;
}

/* The image's own loader, if it has one, makes room. */
static int remove_file(const char *path)
{
    int err = vfs_unlink(NULL, path, false);

    return err == -ENOENT ? 0 : err;
}

static int install_libc(void *data, u64 size)
{
    int err;

    if (!make_folder("/lib", 0755) || !make_folder("/lib64", 0755)) {
        return -ENOTDIR;
    }
    err = remove_file(MUSL_LOADER);
    err = err != 0 ? err : remove_file(GLIBC_LOADER);
    err = err != 0 ? err : write_file(MUSL_LOADER, data, size);
    return err != 0 ? err : vfs_symlink(NULL, GLIBC_LOADER, MUSL_LOADER);
}

static void add_libc(void)
{
    struct fwcfg_file file;
    unsigned order = 0;
    pfn_t frames;

    if (!fwcfg_find("opt/moka/libc", &file)) {
        return;
    }
    while (PAGE_SIZE << order < file.size) {
        order++;
    }
    need(order < FRAME_ORDERS ? frame_alloc(order, 0, &frames) : -ENOMEM, "the C library");
    need(fwcfg_read(&file, frames << PAGE_SHIFT), "the C library");
    need(install_libc(pfn_to_virt(frames), file.size), "the C library");
    frame_free(frames, order);
}

void exec_mount(const struct exec_spec *spec)
{
    struct super *super;

    add_libc();
    need(devfs_new(&super), "/dev");
    mount_on(super, "/dev");
    need(procfs_new(&super), "/proc");
    mount_on(super, "/proc");
    need(sysfs_new(&super), "/sys");
    mount_on(super, "/sys");
    need(cgroupfs_new(&super), "/sys/fs/cgroup");
    mount_on(super, "/sys/fs/cgroup");
    if (!make_folder("/tmp", 01777) || !make_folder("/root", 0700)) {
        kprintf("exec: there is no /tmp or no /root\n");
    }
    mount_shares(spec);
}
