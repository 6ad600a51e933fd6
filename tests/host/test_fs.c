/* SPDX-License-Identifier: MIT */
/* sources: kernel/fs/io.c kernel/fs/fd.c kernel/fs/file.c kernel/fs/inode.c kernel/fs/dentry.c
 * kernel/fs/dentry_change.c kernel/fs/dentry_path.c kernel/fs/dentry_trust.c kernel/fs/trust.c
 * kernel/fs/tmpfs_entry.c
 * kernel/fs/walk.c kernel/fs/mount.c kernel/fs/open.c kernel/fs/change.c kernel/fs/flock.c
 * kernel/fs/notify.c kernel/fs/tmpfs.c kernel/fs/tmpfs_dir.c kernel/fs/tmpfs_file.c
 * kernel/fs/devices.c kernel/fs/console.c kernel/fs/devfs.c kernel/fs/sys_at.c
 * kernel/fs/sys_rw.c kernel/fs/sys_open.c kernel/fs/sys_fd.c kernel/fs/sys_stat.c
 * kernel/fs/sys_name.c kernel/fs/sys_attr.c kernel/fs/sys_dir.c kernel/fs/sys_sync.c
 * kernel/fs/sys_copy.c kernel/fs/sys_lock.c kernel/fs/sys_xattr.c kernel/fs/xattr.c
 * kernel/fs/bounds.c kernel/fs/terminal.c kernel/fs/console_input.c kernel/lib/rbtree.c
 * kernel/sched/lock_rank.c
 * tests/host/fs_fake.c */
/*
 * Files, all of kernel/fs but the page cache: the script of calls that Linux
 * passes too (files_script.inc), a tmpfs over a lower file system, and every
 * call with memory that fails at each place.
 */
#include "host.h"

#include <kernel/fd.h>
#include <kernel/string.h>
#include <kernel/syscall.h>
#include <kernel/vfs.h>

#include "../../kernel/fs/fs_priv.h"
#include "../../kernel/fs/tmpfs_priv.h"
#include "fs_fake.h"

static char memory[4096] __attribute__((aligned(64)));
static char texts[65536] __attribute__((aligned(64)));
static size_t text_at;

static char *text_of(const char *text)
{
    size_t size = ALIGN_UP(strlen(text) + 1, (size_t)64);
    char *at = texts + text_at;

    BUG_ON(text_at + size > sizeof(texts));
    memset(at, 0, size);
    memcpy(at, text, strlen(text));
    text_at += size;
    return at;
}

static s64 done(s64 result)
{
    text_at = 0;
    BUG_ON(fs_fake_locks() != 0);
    return result;
}

#define CALL6(name, a, b, c, d, e, f, ...) \
    done(sys_##name((u64)(a), (u64)(b), (u64)(c), (u64)(d), (u64)(e), (u64)(f)))
#define CALL(name, ...) CALL6(name, __VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define STR(text) text_of(text)
#define MEM memory

#include "../guest/files_script.inc"

/* ---- A tmpfs over another -------------------------------------------------------------- */

static struct super *lower;

static void mount_at(const char *path, struct super *super)
{
    EQ(CALL(mkdir, STR(path), 0755), 0);
    EQ(vfs_mount(super, path), 0);
}

/* /low: what is there; /over: the same below a layer of changes. */
static void prepare_overlay(void)
{
    struct super *over;

    EQ(tmpfs_new(64 * PAGE_SIZE, NULL, &lower), 0);
    mount_at("/low", lower);
    EQ(CALL(mkdir, STR("/low/d"), 0755), 0);
    EQ(CALL(mkdir, STR("/low/d/e"), 0755), 0);
    script_file("/low/a", "lower a");
    script_file("/low/b", "lower b");
    script_file("/low/c", "large");
    EQ(CALL(truncate, STR("/low/c"), 20 * PAGE_SIZE), 0);
    script_file("/low/d/x", "lower x");
    script_file("/low/d/e/deep", "deep");
    EQ(CALL(symlink, STR("d/x"), STR("/low/s")), 0);
    lower->read_only = true;
    EQ(tmpfs_new(8 * PAGE_SIZE, lower, &over), 0);
    mount_at("/over", over);
}

static struct page_cache *pages_of(const char *path)
{
    struct page_cache *pages = NULL;
    struct dentry *dentry;

    if (vfs_lookup(NULL, path, 0, &dentry) == 0) {
        pages = dentry->inode->pages;
        dentry_put(dentry);
    }
    return pages;
}

static void test_overlay_shows(void)
{
    OK(script_has("/over/a", "lower a"));
    OK(script_has("/over/s", "lower x"));
    OK(script_has("/over/d/e/deep", "deep"));
    EQ(script_count("/over"), 7);
    EQ(script_count("/over/d"), 4);
    OK(pages_of("/over/a") != NULL && pages_of("/over/a") == pages_of("/low/a"));
    EQ(script_open("/low/new", O_CREAT | O_RDWR), -EROFS);
    EQ(script_open("/low/a", O_RDWR), -EROFS);
    EQ(CALL(unlink, STR("/low/a")), -EROFS);
    EQ(CALL(access, STR("/low/a"), 2), -EROFS);
}

static void test_overlay_writes(void)
{
    s64 reader = script_open("/over/a", O_RDONLY), fd;

    fd = script_open("/over/a", O_RDWR);
    OK(fd >= 0);
    EQ(CALL(pwrite64, fd, STR("UPPER"), 5, 0), 5);
    EQ(CALL(close, fd), 0);
    OK(script_has("/over/a", "UPPER a"));
    OK(script_has("/low/a", "lower a"));
    EQ(CALL(read, reader, MEM, 100), 7); /* who had it open sees the change */
    EQ(memcmp(MEM, "UPPER a", 7), 0);
    EQ(CALL(close, reader), 0);
    OK(pages_of("/over/a") != pages_of("/low/a"));
    EQ(CALL(truncate, STR("/over/b"), 3), 0);
    OK(script_has("/over/b", "low"));
    OK(script_has("/low/b", "lower b"));
    fd = script_open("/over/b", O_RDWR | O_TRUNC);
    EQ(CALL(close, fd), 0);
    EQ(script_size("/over/b"), 0);
    EQ(CALL(chmod, STR("/over/d/x"), 0600), 0);
    EQ(script_mode("/over/d/x"), S_IFREG | 0600);
    OK(pages_of("/over/d/x") == pages_of("/low/d/x"));
    EQ(script_count("/over"), 7);
}

static u64 inodes_free(const char *path)
{
    EQ(CALL(statfs, STR(path), MEM), 0);
    return *(u64 *)(MEM + 48);
}

/* Looking at lower files costs no inodes, truncating a large one copies nothing. */
static void test_overlay_costs(void)
{
    u64 before = inodes_free("/over");
    s64 fd;

    EQ(script_mode("/over/c"), S_IFREG | 0644);
    EQ(inodes_free("/over"), before);
    EQ(script_size("/over/c"), 20 * PAGE_SIZE); /* /over has room for 8 */
    EQ(script_open("/over/c", O_WRONLY), -ENOSPC);
    fd = script_open("/over/c", O_WRONLY | O_TRUNC);
    OK(fd >= 0);
    EQ(CALL(fcntl, fd, 3, 0) & O_TRUNC, 0);
    EQ(CALL(close, fd), 0);
    EQ(script_size("/over/c"), 0);
    EQ(script_size("/low/c"), 20 * PAGE_SIZE);
    script_file("/over/mine", "counted");
    EQ(inodes_free("/over"), before - 1);
    EQ(CALL(unlink, STR("/over/mine")), 0);
    EQ(CALL(unlink, STR("/over/c")), 0);
    EQ(inodes_free("/over"), before);
}

static void test_overlay_names(void)
{
    EQ(CALL(unlink, STR("/over/a")), 0);
    EQ(script_open("/over/a", O_RDONLY), -ENOENT);
    EQ(script_count("/over"), 5);
    script_file("/over/a", "anew");
    OK(script_has("/over/a", "anew"));
    EQ(script_count("/over"), 6);
    EQ(CALL(unlink, STR("/over/a")), 0);
    EQ(CALL(rmdir, STR("/over/d")), -ENOTEMPTY);
    EQ(CALL(rename, STR("/over/d"), STR("/over/moved")), 0);
    OK(script_has("/over/moved/e/deep", "deep"));
    EQ(script_open("/over/d/x", O_RDONLY), -ENOENT);
    EQ(script_count("/over/moved"), 4);
    EQ(CALL(mkdir, STR("/over/d"), 0755), 0); /* opaque: nothing of the lower one */
    EQ(script_count("/over/d"), 2);
    EQ(CALL(rmdir, STR("/over/d")), 0);
    EQ(CALL(unlink, STR("/over/moved/e/deep")), 0);
    EQ(CALL(rmdir, STR("/over/moved/e")), 0);
    EQ(CALL(rename, STR("/over/b"), STR("/over/moved/x")), 0);
    EQ(script_size("/over/moved/x"), 0);
    EQ(CALL(unlink, STR("/over/moved/x")), 0);
    EQ(CALL(rmdir, STR("/over/moved")), 0);
    EQ(script_count("/over"), 3);
    EQ(script_count("/low/d"), 4);
    (void)dentry_shrink(~0ull); /* and not only because the dentries know */
    EQ(script_open("/over/a", O_RDONLY), -ENOENT);
    EQ(script_count("/over"), 3);
    EQ(CALL(unlink, STR("/over/s")), 0);
}

/* ---- Descriptors and buffers -------------------------------------------------------------- */

static void test_descriptors(void)
{
    struct file *file;

    EQ(vfs_open(NULL, "/", O_RDONLY, 0, &file), 0);
    fs_fake_limit = 3000;
    for (int fd = 0; fd < 3000; fd++) {
        EQ(fd_install(file_get(file), 0, fd % 2 == 0), fd);
    }
    EQ(fd_install(file, 0, false), -EMFILE);
    EQ(fd_install_at(file, 3000, false), -EBADF);
    EQ(file->references, 3001);
    EQ(fd_close(64), 0);
    EQ(fd_close(2100), 0);
    EQ(fd_close(2100), -EBADF);
    OK(fd_get(64) == NULL && fd_get(-1) == NULL && fd_get(1 << 30) == NULL);
    OK(fd_cloexec(66) && !fd_cloexec(67) && !fd_cloexec(1 << 20));
    EQ(fd_next(64), 65);
    EQ(fd_install(file_get(file), 65, false), 2100);
    EQ(fd_install(file_get(file), 0, false), 64);
    for (int fd = fd_next(0); fd >= 0; fd = fd_next(fd)) {
        EQ(fd_close(fd), 0);
    }
    EQ(file->references, 1);
    file_put(file);
    fs_fake_limit = 1024;
}

static void test_io(void)
{
    char a[3], b[5];
    struct iovec vec[] = {{NULL, 0}, {a, 3}, {NULL, 0}, {NULL, 0}, {b, 5}}, one;
    struct io io;

    io_init_vec(&io, vec, 5, 8);
    EQ(io_put(&io, "0123", 4), 0);
    EQ(io_put_zeros(&io, 2), 0);
    EQ(io.left, 2);
    EQ(io_put(&io, "89abc", 5), 0);
    EQ(io.left, 0);
    EQ(io.done, 8);
    OK(memcmp(a, "012", 3) == 0 && memcmp(b,
                                          "3\0\08"
                                          "9",
                                          5) == 0);
    io_init_vec(&io, vec, 5, 8);
    io_skip(&io, 4);
    EQ(io_take(&io, a, 2), 0);
    OK(a[0] == 0 && a[1] == 0);
    EQ(io.done, 6);
    io_init(&io, &one, (void *)8, 10, false);
    EQ(io_put(&io, "x", 1), -EFAULT);
    EQ(io.done, 0);
}

/* ---- Memory that fails -------------------------------------------------------------------- */

/* All that a program may do; each call may fail, but only with ENOMEM. */
static bool do_all(void)
{
    bool failed = false;
    s64 fd;

#define TRY(call) \
    ({ \
        s64 result_ = (call); \
        failed |= result_ < 0; \
        OK(result_ >= 0 || result_ == -ENOMEM || result_ == -ENOLCK || failed); \
        result_; \
    })
    TRY(CALL(mkdir, STR("/fail/d"), 0755));
    fd = TRY(CALL(open, STR("/fail/d/f"), O_CREAT | O_RDWR, 0644));
    if (fd >= 0) {
        TRY(CALL(write, fd, STR("text"), 4));
        TRY(CALL(flock, fd, 2 | 4));
        (void)CALL(close, fd);
    }
    TRY(CALL(symlink, STR("d/f"), STR("/fail/s")));
    TRY(CALL(link, STR("/fail/d/f"), STR("/fail/h")));
    TRY(CALL(rename, STR("/fail/h"), STR("/fail/d/g")));
    TRY(CALL(stat, STR("/fail/s"), MEM));
    TRY(CALL(renameat2, CWD, STR("/fail/d/f"), CWD, STR("/fail/d/g"), 2));
    fd = TRY(CALL(open, STR("/fail/d"), O_RDONLY));
    if (fd >= 0) {
        TRY(CALL(getdents64, fd, MEM, 1000));
        (void)CALL(close, fd);
    }
    return failed;
}

static void undo_all(void)
{
    static const char *const names[] = {"/fail/d/f", "/fail/d/g", "/fail/h", "/fail/s"};

    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        (void)CALL(unlink, STR(names[i]));
    }
    (void)CALL(rmdir, STR("/fail/d"));
    (void)dentry_shrink(~0ull);
}

static void test_no_memory(void)
{
    struct super *super;
    s64 live, rounds = 0;

    EQ(tmpfs_new(64 * PAGE_SIZE, NULL, &super), 0);
    mount_at("/fail", super);
    OK(!do_all());
    undo_all();
    live = fs_fake_live();
    for (bool failed = true; failed; rounds++) {
        fs_fake_fail_after((u64)rounds);
        failed = do_all();
        fs_fake_fail_after((u64)-1);
        undo_all();
        if (!EQ(fs_fake_live(), live)) {
            return;
        }
    }
    OK(rounds > 30);
}

static u64 blocks_of(s64 fd)
{
    EQ(CALL(fstat, fd, MEM), 0);
    return *(u64 *)(MEM + 64);
}

/* fallocate(2) that fails leaves no pages behind, and those that were there. */
static void test_allocate_fails(void)
{
    s64 fd = script_open("/fail/holes", O_CREAT | O_RDWR), error = -ENOMEM;
    u64 rounds = 0;

    EQ(CALL(pwrite64, fd, STR("there"), 5, 2 * PAGE_SIZE), 5);
    EQ(CALL(ftruncate, fd, 6 * PAGE_SIZE), 0);
    EQ(CALL(fallocate, fd, 0, 0, 100 * PAGE_SIZE), -ENOSPC);
    EQ(blocks_of(fd), 8);
    for (; error == -ENOMEM; rounds++) {
        fs_fake_fail_after(rounds);
        error = CALL(fallocate, fd, 0, 0, 8 * PAGE_SIZE);
        fs_fake_fail_after((u64)-1);
        if (error == -ENOMEM) {
            EQ(blocks_of(fd), 8);
            EQ(script_size("/fail/holes"), 6 * PAGE_SIZE);
        }
    }
    EQ(error, 0);
    OK(rounds > 7);
    EQ(blocks_of(fd), 64);
    EQ(CALL(pread64, fd, MEM, 5, 2 * PAGE_SIZE), 5);
    EQ(memcmp(MEM, "there", 5), 0);
    EQ(CALL(close, fd), 0);
    EQ(CALL(unlink, STR("/fail/holes")), 0);
}

/* ---- At random, against a plain list ------------------------------------------------------- */

/* The paths /m/x and /m/x/y, x and y of "abcd". */
static char model[4][5]; /* [x][0]: 'd', 'f' or 0; [x][1 + y]: 'f' or 0 */

static bool model_empty(int x)
{
    return memcmp(&model[x][1], "\0\0\0\0", 4) == 0;
}

static s64 model_make(int x, int y, bool folder)
{
    char *at = y < 0 ? &model[x][0] : &model[x][1 + y];

    if (y >= 0 && model[x][0] != 'd') {
        return model[x][0] == 0 ? -ENOENT : -ENOTDIR;
    }
    if (*at != 0) {
        return -EEXIST;
    }
    *at = folder ? 'd' : 'f';
    return 0;
}

static s64 model_remove(int x, int y, bool folder)
{
    char *at = y < 0 ? &model[x][0] : &model[x][1 + y];

    if (y >= 0 && model[x][0] != 'd') {
        return model[x][0] == 0 ? -ENOENT : -ENOTDIR;
    }
    if (*at == 0) {
        return -ENOENT;
    }
    if ((*at == 'd') != folder) {
        return folder ? -ENOTDIR : -EISDIR;
    }
    if (folder && !model_empty(x)) {
        return -ENOTEMPTY;
    }
    *at = 0;
    return 0;
}

/* Of one folder or file to another name on the same level. */
static s64 model_rename(int x, int to)
{
    if (model[x][0] == 0) {
        return -ENOENT;
    }
    if (x == to) {
        return 0;
    }
    if (model[x][0] == 'd' && model[to][0] == 'f') {
        return -ENOTDIR;
    }
    if (model[x][0] == 'f' && model[to][0] == 'd') {
        return -EISDIR;
    }
    if (!model_empty(to)) {
        return -ENOTEMPTY;
    }
    memcpy(model[to], model[x], sizeof(model[x]));
    memset(model[x], 0, sizeof(model[x]));
    return 0;
}

static const char *model_path(int x, int y)
{
    static char path[8];

    memcpy(path, "/m/x/y", 7);
    path[3] = (char)('a' + x);
    path[5] = (char)('a' + y);
    path[y < 0 ? 4 : 6] = '\0';
    return path;
}

static s64 real_make(const char *path, bool folder)
{
    s64 fd = folder ? CALL(mkdir, STR(path), 0755)
                    : CALL(open, STR(path), O_CREAT | O_EXCL | O_RDWR, 0644);

    if (!folder && fd >= 0) {
        (void)CALL(close, fd);
        fd = 0;
    }
    return fd;
}

static void random_step(void)
{
    int x = (int)rnd_below(4), y = (int)rnd_below(5) - 1, to = (int)rnd_below(4);
    bool folder = y < 0 && rnd_below(2) == 0;
    char from[8];

    switch (rnd_below(4)) {
    case 0:
        EQ(real_make(model_path(x, y), folder), model_make(x, y, folder));
        break;
    case 1:
        EQ(folder ? CALL(rmdir, STR(model_path(x, y))) : CALL(unlink, STR(model_path(x, y))),
           model_remove(x, y, folder));
        break;
    case 2:
        memcpy(from, model_path(x, -1), sizeof(from));
        EQ(CALL(rename, STR(from), STR(model_path(to, -1))), model_rename(x, to));
        break;
    default:
        (void)dentry_shrink(rnd_below(10));
        break;
    }
    EQ(script_mode(model_path(x, -1)) & S_IFMT, model[x][0] == 0     ? 0
                                                : model[x][0] == 'd' ? S_IFDIR
                                                                     : S_IFREG);
}

static void test_random(void)
{
    struct super *super;

    EQ(tmpfs_new(64 * PAGE_SIZE, NULL, &super), 0);
    mount_at("/m", super);
    rnd_seed(7);
    for (int i = 0; i < 20000; i++) {
        random_step();
    }
}

static void test_devices(void)
{
    struct super *super;
    s64 fd;

    EQ(devfs_new(&super), 0);
    mount_at("/dev", super);
    EQ(script_count("/dev"), 16);
    fd = script_open("/dev/zero", O_RDWR);
    memset(MEM, 1, 100);
    EQ(CALL(read, fd, MEM, 99), 99);
    OK(MEM[98] == 0 && MEM[99] == 1);
    EQ(CALL(close, fd), 0);
    EQ(script_open("/dev/tty", O_RDWR), -ENXIO);
    EQ(CALL(mknod, STR("/dev/other"), S_IFCHR | 0600, 0x9999), 0);
    EQ(script_open("/dev/other", O_RDWR), -ENXIO);
}

/* Names that are not there are known, but not without end. */
static void test_many_unknown(void)
{
    char name[16] = "/folder/n00000";
    s64 before = fs_fake_live();

    for (int i = 0; i < 40000; i++) {
        for (int digit = 0, left = i; digit < 5; digit++, left /= 10) {
            name[13 - digit] = (char)('0' + left % 10);
        }
        EQ(script_open(name, O_RDONLY), -ENOENT);
    }
    OK(fs_fake_live() - before > 2000);
    OK(fs_fake_live() - before <= 2 * 16384 + 2);
    OK(dentry_shrink(10) == 10 && dentry_shrink(~0ull) > 16000);
    OK(fs_fake_live() <= before);
}

static void script(void)
{
#define SCRIPT(name) script_##name();
#include "../guest/files_script_list.inc"
#undef SCRIPT
}

/* Nothing is left of the second time: the first one filled pools. */
static void test_leaks(void)
{
    s64 live;

    script();
    (void)dentry_shrink(~0ull);
    live = fs_fake_live();
    script();
    (void)dentry_shrink(~0ull);
    EQ(fs_fake_live(), live);
}

/* ---- Names that change behind our back ------------------------------------------------- */

static unsigned asked_for;
static struct inode_ops counting;

static int counting_lookup(struct inode *dir, const char *name, size_t len, struct inode **inode)
{
    asked_for++;
    return tmpfs_lookup(dir, name, len, inode);
}

/* Its lookups are counted from now on. */
static struct inode *counted(const char *path)
{
    struct inode *inode = NULL;
    struct dentry *dentry;

    if (EQ(vfs_lookup(NULL, path, 0, &dentry), 0)) {
        inode = dentry->inode; /* a tmpfs keeps what has a name */
        counting = *inode->ops;
        counting.lookup = counting_lookup;
        inode->ops = &counting;
        dentry_put(dentry);
    }
    return inode;
}

static s64 open_asking(const char *path, unsigned *requests)
{
    s64 fd;

    asked_for = 0;
    fd = script_open(path, O_RDONLY);
    *requests = asked_for;
    return fd < 0 ? fd : CALL(close, fd);
}

/* /changing/a/b/f; a file system that is asked for each name, or trusts folders for a second. */
static void make_changing(struct super **super, nsec_t trust)
{
    EQ(tmpfs_new(64 * PAGE_SIZE, NULL, super), 0);
    (*super)->no_dentry_cache = true;
    (*super)->trust_nsec = trust;
    mount_at(trust > 0 ? "/trusting" : "/asking", *super);
}

static void test_asking(void)
{
    struct super *super;
    unsigned requests;

    make_changing(&super, 0);
    EQ(CALL(mkdir, STR("/asking/a"), 0755), 0);
    EQ(CALL(mkdir, STR("/asking/a/b"), 0755), 0);
    script_file("/asking/a/b/f", "f");
    (void)counted("/asking");
    (void)counted("/asking/a");
    (void)counted("/asking/a/b");
    EQ(open_asking("/asking/a/b/f", &requests), 0);
    EQ(requests, 3);
    EQ(open_asking("/asking/a/b/f", &requests), 0);
    EQ(requests, 3);
}

/* Another folder takes the name of one that is known; nobody tells us. */
static void replace_folder(struct inode *a)
{
    struct inode *b = NULL, *f = NULL;

    EQ(a->ops->rename(a, "b", 1, a, "c", 1, 0), 0);
    EQ(a->ops->create(a, "b", 1, S_IFDIR | 0755, 0, &b), 0);
    EQ(b->ops->create(b, "g", 1, S_IFREG | 0644, 0, &f), 0);
    inode_put(f);
    inode_put(b);
}

static void test_trusting(void)
{
    struct super *super;
    struct inode *a;
    unsigned requests;

    make_changing(&super, NSEC_PER_SEC);
    EQ(CALL(mkdir, STR("/trusting/a"), 0755), 0);
    EQ(CALL(mkdir, STR("/trusting/a/b"), 0755), 0);
    script_file("/trusting/a/b/f", "f");
    (void)counted("/trusting");
    a = counted("/trusting/a");
    (void)counted("/trusting/a/b");
    fs_fake_now += NSEC_PER_SEC;
    EQ(open_asking("/trusting/a/b/f", &requests), 0);
    EQ(requests, 3);
    fs_fake_now += NSEC_PER_SEC - 1;
    EQ(open_asking("/trusting/a/b/f", &requests), 0); /* the last name is asked for each time */
    EQ(requests, 1);
    EQ(open_asking("/trusting/a/b/none", &requests), -ENOENT);
    EQ(requests, 1);
    replace_folder(a);
    EQ(open_asking("/trusting/a/b/f", &requests), 0);
    EQ(open_asking("/trusting/a/b", &requests), 0); /* as the last name it is looked at */
    EQ(open_asking("/trusting/a/b/f", &requests), -ENOENT);
    EQ(open_asking("/trusting/a/b/g", &requests), 0);
    fs_fake_now += NSEC_PER_SEC;
    EQ(open_asking("/trusting/a/c/f", &requests), 0);
    EQ(requests, 3);
}

/* What stat(2) believes, open(2) asks for; what is made is asked for when it cannot be. */
static void test_trusting_last(void)
{
    struct super *super;
    struct inode *root, *f = NULL;
    unsigned requests;
    char stat[144];

    EQ(tmpfs_new(64 * PAGE_SIZE, NULL, &super), 0);
    super->no_dentry_cache = true;
    super->trust_nsec = NSEC_PER_SEC;
    mount_at("/believing", super);
    fs_fake_now += NSEC_PER_SEC;
    root = counted("/believing");
    asked_for = 0;
    EQ(CALL(stat, STR("/believing/f"), (u64)stat), -ENOENT);
    EQ(CALL(stat, STR("/believing/f"), (u64)stat), -ENOENT);
    EQ(asked_for, 1);
    EQ(root->ops->create(root, "f", 1, S_IFREG | 0644, 0, &f), 0); /* by the host */
    inode_put(f);
    EQ(CALL(stat, STR("/believing/f"), (u64)stat), -ENOENT);
    EQ(asked_for, 1);
    EQ(CALL(mkdir, STR("/believing/f"), 0755), -EEXIST); /* says the file system */
    EQ(asked_for, 1);
    EQ(CALL(stat, STR("/believing/f"), (u64)stat), 0);
    EQ(asked_for, 2); /* and that it is there was news */
    fs_fake_now++;
    EQ(CALL(stat, STR("/believing/f"), (u64)stat), 0);
    EQ(CALL(stat, STR("/believing/f"), (u64)stat), 0);
    EQ(asked_for, 3);
    EQ(CALL(unlink, STR("/believing/f")), 0);
    EQ(asked_for, 3);
    EQ(CALL(stat, STR("/believing/f"), (u64)stat), -ENOENT);
    EQ(root->ops->create(root, "f", 1, S_IFREG | 0644, 0, &f), 0);
    EQ(open_asking("/believing/f", &requests), 0);
    EQ(requests, 1);
    EQ(CALL(unlink, STR("/believing/f")), 0);
    inode_put(f);
    /* O_CREAT finds what the host has made meanwhile, and opens it. */
    EQ(CALL(stat, STR("/believing/f"), (u64)stat), -ENOENT);
    EQ(root->ops->create(root, "f", 1, S_IFREG | 0644, 0, &f), 0);
    inode_put(f);
    EQ(script_open("/believing/f", O_RDWR | O_CREAT | O_EXCL), -EEXIST);
    EQ(CALL(unlink, STR("/believing/f")), 0);
    EQ(CALL(stat, STR("/believing/f"), (u64)stat), -ENOENT);
    EQ(root->ops->create(root, "f", 1, S_IFREG | 0644, 0, &f), 0);
    inode_put(f);
    EQ(CALL(close, script_open("/believing/f", O_RDWR | O_CREAT)), 0);
    /* What is known to be no folder cannot be opened as one. */
    fs_fake_now++;
    EQ(CALL(stat, STR("/believing/f"), (u64)stat), 0);
    asked_for = 0;
    EQ(script_open("/believing/f", O_RDONLY | O_DIRECTORY), -ENOTDIR);
    EQ(asked_for, 0);
    /* News from outside ends all that. */
    fs_fake_now++;
    EQ(CALL(stat, STR("/believing/f"), (u64)stat), 0);
    asked_for = 0;
    EQ(CALL(stat, STR("/believing/f"), (u64)stat), 0);
    EQ(asked_for, 0);
    vfs_heard();
    EQ(CALL(stat, STR("/believing/f"), (u64)stat), 0);
    EQ(asked_for, 1);
}

int main(void)
{
    struct super *super;

    fs_fake_init();
    BUG_ON(tmpfs_new(1024 * PAGE_SIZE, NULL, &super) != 0 || vfs_mount_root(super) != 0);
    BUG_ON(CALL(mkdir, STR("/folder"), 0755) != 0 || CALL(chdir, STR("/folder")) != 0);
#define SCRIPT(name) run(#name, script_##name);
#include "../guest/files_script_list.inc"
    run("what is made and removed leaves nothing", test_leaks);
    run("unknown names are bounded", test_many_unknown);
    prepare_overlay();
    run("a lower file system shows through", test_overlay_shows);
    run("changes stay above it", test_overlay_writes);
    run("what it costs", test_overlay_costs);
    run("names come and go above it", test_overlay_names);
    run("descriptors", test_descriptors);
    run("buffers", test_io);
    run("devices", test_devices);
    run("no memory at any place", test_no_memory);
    run("fallocate that fails", test_allocate_fails);
    run("random names against a model", test_random);
    run("names that are asked for each time", test_asking);
    run("folders on the way, trusted for a second", test_trusting);
    run("names that are believed, or asked for", test_trusting_last);
    return finish();
}
