/* SPDX-License-Identifier: MIT */
/* sources: kernel/fs/p9/message.c kernel/fs/p9/rpc.c kernel/fs/p9/client.c kernel/fs/p9/fid.c
 * kernel/fs/p9/transfer.c kernel/fs/p9/super.c kernel/fs/p9/look.c kernel/fs/p9/inode.c
 * kernel/fs/p9/name.c kernel/fs/p9/file.c kernel/fs/p9/pages.c kernel/fs/p9/open_fid.c
 * kernel/fs/p9/room.c kernel/fs/trust.c tests/host/p9_server.c tests/host/p9_fake.c
 * tests/host/p9_mount.c */
/*
 * The 9P file system against a server on a folder of this machine: what is
 * done by the one side is looked at on the other.  Then with replies that
 * were spoilt, memory that fails, and a server that has gone.
 */
#include "host.h"
#include "p9_fake.h"
#include "p9_mount.h"
#include "p9_server.h"

#include "../../kernel/fs/p9/p9fs_priv.h"
#include <kernel/frame.h>
#include <stdio.h>
#include <string.h>

/* What another thread does in the middle of an operation. */
static struct {
    struct inode *inode;
    struct file second;
    bool done;
} race;

static void test_names(void)
{
    struct inode *dir = NULL, *inode = NULL, *link = NULL;
    struct file_stat stat;
    char target[64];

    p9_mount();
    OK(lookup(p9_fix.root, "none") == NULL);
    EQ(create(p9_fix.root, "dir", S_IFDIR | 0755, &dir), 0);
    EQ(create(dir, "file", S_IFREG | 0640, &inode), 0);
    EQ(create(dir, "file", S_IFREG | 0640, &link), -EEXIST);
    EQ(inode->ops->getattr(inode, &stat), 0);
    EQ(stat.mode, S_IFREG | 0640);
    EQ(stat.links, 1);
    EQ(dir->ops->link(dir, "other", 5, inode), 0);
    EQ(inode->ops->getattr(inode, &stat), 0);
    EQ(stat.links, 2);
    OK(fake_host_exists("dir/other"));
    link = lookup(dir, "other");
    OK(link == inode); /* one inode, whatever the name */
    inode_put(link);
    EQ(dir->ops->symlink(dir, "link", 4, "file", &link), 0);
    EQ(link->mode & S_IFMT, S_IFLNK);
    EQ(link->ops->readlink(link, target, sizeof(target)), 4);
    OK(memcmp(target, "file", 4) == 0);
    EQ(link->ops->readlink(link, target, 2), 2);
    EQ(dir->ops->rename(dir, "other", 5, p9_fix.root, "moved", 5, 0), 0);
    OK(fake_host_exists("moved") && !fake_host_exists("dir/other"));
    EQ(p9_fix.root->ops->unlink(p9_fix.root, "dir", 3, dir), -ENOTEMPTY);
    EQ(dir->ops->unlink(dir, "file", 4, inode), 0);
    EQ(dir->ops->unlink(dir, "link", 4, link), 0);
    EQ(p9_fix.root->ops->unlink(p9_fix.root, "dir", 3, dir), 0);
    OK(!fake_host_exists("dir"));
    inode_put(link);
    inode_put(inode);
    inode_put(dir);
    p9_unmount();
}

static void test_file(void)
{
    static u8 data[3 * MIB], back[3 * MIB];
    struct inode *inode = NULL;
    struct file file;
    s64 size;

    p9_mount();
    for (unsigned i = 0; i < sizeof(data); i++) {
        data[i] = (u8)rnd();
    }
    EQ(create(p9_fix.root, "f", S_IFREG | 0444, &inode), 0);
    EQ(open_file(inode, O_RDWR, &file), 0);
    EQ(write_at(&file, data, sizeof(data) - 5, 0), sizeof(data) - 5);
    EQ(fake_host_size("f"), 0); /* not there yet */
    EQ(close_file(&file), 0);
    size = fake_host_read("f", (char *)back, sizeof(back));
    EQ(size, sizeof(data) - 5);
    OK(memcmp(back, data, sizeof(data) - 5) == 0);
    OK(p9_server.count[118] <= 1 + sizeof(data) / (124 * PAGE_SIZE) || p9_server.count[118] < 100);

    /* Cached: no request for the data. */
    EQ(open_file(inode, O_RDONLY, &file), 0);
    EQ(read_at(&file, back, sizeof(back), 0), sizeof(data) - 5);
    OK(memcmp(back, data, sizeof(data) - 5) == 0);
    EQ(p9_server.count[116], 0);
    EQ(close_file(&file), 0);
    EQ(p9_server.opens, 0);
    inode_put(inode);
    p9_unmount();
}

static void test_short_transfers(void)
{
    char data[20000], back[20000];
    struct inode *inode = NULL;
    struct file file;

    p9_mount();
    memset(data, 'x', sizeof(data));
    p9_server.most = 777;
    EQ(create(p9_fix.root, "f", S_IFREG | 0644, &inode), 0);
    EQ(open_file(inode, O_RDWR, &file), 0);
    EQ(write_at(&file, data, sizeof(data), 0), sizeof(data));
    EQ(file.ops->sync(&file, true), 0);
    EQ(fake_host_read("f", back, sizeof(back)), sizeof(data));
    OK(memcmp(data, back, sizeof(data)) == 0);
    (void)page_cache_drop_clean(inode->pages);
    memset(back, 0, sizeof(back));
    EQ(read_at(&file, back, sizeof(back), 0), sizeof(data));
    OK(memcmp(data, back, sizeof(data)) == 0);
    EQ(close_file(&file), 0);
    inode_put(inode);
    p9_unmount();
}

/* The host writes, we write; each sees the other at the next open. */
static void test_changes(void)
{
    struct inode *inode;
    struct file file;
    char back[32] = "";

    p9_mount();
    fake_host_write("f", "first");
    inode = lookup(p9_fix.root, "f");
    EQ(open_file(inode, O_RDONLY, &file), 0);
    EQ(read_at(&file, back, sizeof(back), 0), 5);
    fake_host_write("f", "second try");
    EQ(close_file(&file), 0);
    EQ(open_file(inode, O_RDWR, &file), 0);
    EQ(read_at(&file, back, sizeof(back), 0), 10);
    OK(memcmp(back, "second try", 10) == 0);
    EQ(write_at(&file, "SECOND", 6, 0), 6);
    atomic_store(&file.references, 2); /* one of two descriptors is closed */
    EQ(file.ops->flush(&file), 0);
    atomic_store(&file.references, 1);
    OK(holds("f", "SECOND try"));
    /* The end of the file moves on the host while it is open. */
    fake_host_write("f", "SECOND try, longer");
    EQ(read_at(&file, back, sizeof(back), 10), 8);
    OK(memcmp(back, ", longer", 8) == 0);
    atomic_store(&file.flags, O_RDWR | O_APPEND);
    EQ(write_at(&file, "!", 1, 0), 1);
    EQ(close_file(&file), 0);
    OK(holds("f", "SECOND try, longer!"));
    inode_put(inode);
    p9_unmount();
}

static void test_truncate(void)
{
    struct file_change change = {.what = SET_SIZE, .size = 3};
    struct file_stat stat;
    struct inode *inode;
    struct file file;
    char back[32] = "";

    p9_mount();
    fake_host_write("f", "123456");
    inode = lookup(p9_fix.root, "f");
    EQ(open_file(inode, O_RDWR, &file), 0);
    EQ(read_at(&file, back, 32, 0), 6);
    EQ(inode->ops->setattr(inode, &change), 0);
    EQ(fake_host_size("f"), 3);
    change.size = 8;
    EQ(inode->ops->setattr(inode, &change), 0);
    EQ(read_at(&file, back, 32, 0), 8);
    OK(memcmp(back, "123\0\0\0\0\0", 8) == 0);
    EQ(write_at(&file, "abc", 3, 7), 3);
    EQ(inode->ops->getattr(inode, &stat), 0);
    EQ(stat.size, 10); /* ours is newer */
    change = (struct file_change){.what = SET_MTIME, .mtime = {1000, 5}};
    EQ(inode->ops->setattr(inode, &change), 0);
    EQ(close_file(&file), 0);
    EQ(inode->ops->getattr(inode, &stat), 0);
    EQ(stat.mtime.sec, 1000); /* not undone by what was written before */
    EQ(stat.mtime.nsec, 5);
    EQ(fake_host_size("f"), 10);
    inode_put(inode);
    p9_unmount();
}

/* A file that is open goes on without a name, on a server that goes by names. */
static void test_nameless(void)
{
    struct file_change change = {.what = SET_SIZE, .size = 2};
    struct file_stat stat;
    struct inode *inode = NULL, *other = NULL;
    struct file file;
    char back[32] = "";

    p9_mount();
    EQ(create(p9_fix.root, "f", S_IFREG | 0644, &inode), 0);
    EQ(open_file(inode, O_RDWR, &file), 0);
    EQ(write_at(&file, "hello", 5, 0), 5);
    EQ(p9_fix.root->ops->unlink(p9_fix.root, "f", 1, inode), 0);
    EQ(inode->ops->getattr(inode, &stat), 0);
    EQ(stat.links, 0);
    EQ(stat.size, 5);
    EQ(file.ops->sync(&file, false), 0);
    EQ(inode->ops->setattr(inode, &change), 0);
    EQ(inode->ops->getattr(inode, &stat), 0);
    EQ(stat.size, 2);
    EQ(write_at(&file, "!", 1, 6), 1);
    EQ(file.ops->flush(&file), 0);
    (void)page_cache_drop_clean(inode->pages);
    EQ(read_at(&file, back, 32, 0), 7);
    OK(memcmp(back, "he\0\0\0\0!", 7) == 0);

    /* The name belongs to another file now. */
    EQ(create(p9_fix.root, "f", S_IFREG | 0644, &other), 0);
    OK(other != inode);
    EQ(inode->ops->getattr(inode, &stat), 0);
    EQ(stat.size, 7);
    EQ(close_file(&file), 0);
    EQ(fake_host_size("f"), 0);
    inode_put(other);
    inode_put(inode);
    p9_unmount();
}

static void test_rename_over(void)
{
    struct inode *old, *new;
    struct file file;
    char back[32] = "";

    p9_mount();
    fake_host_write("a", "new");
    fake_host_write("b", "old one");
    old = lookup(p9_fix.root, "b");
    EQ(open_file(old, O_RDONLY, &file), 0);
    EQ(p9_fix.root->ops->rename(p9_fix.root, "a", 1, p9_fix.root, "b", 1, 0), 0);
    EQ(read_at(&file, back, 32, 0), 7);
    new = lookup(p9_fix.root, "b");
    OK(new != NULL &&new != old);
    EQ(p9_fix.root->ops->rename(p9_fix.root, "b", 1, p9_fix.root, "c", 1, 2), -EINVAL);
    EQ(close_file(&file), 0);
    inode_put(new);
    inode_put(old);
    p9_unmount();
}

/* A file that lost its name to another: what is done to it is not done to that one. */
static void test_replaced(void)
{
    struct file_change change = {.what = SET_SIZE, .size = 0};
    struct file_change mode = {.what = SET_MODE, .mode = 0600};
    struct file_stat stat;
    struct inode *old, *moved;
    struct file file, again;
    char back[32] = "";

    p9_mount();
    fake_host_write("a", "one that was here");
    fake_host_write("b", "moved");
    old = lookup(p9_fix.root, "a");
    moved = lookup(p9_fix.root, "b");
    EQ(open_file(old, O_RDONLY, &file), 0);
    EQ(p9_fix.root->ops->rename(p9_fix.root, "b", 1, p9_fix.root, "a", 1, 0), 0);
    EQ(old->ops->getattr(old, &stat), 0);
    EQ(stat.links, 0);
    EQ(open_file(old, O_RDWR, &again), -ESTALE);
    EQ(old->ops->setattr(old, &mode), -ESTALE);
    EQ(moved->ops->getattr(moved, &stat), 0);
    EQ(stat.links, 1);
    OK((stat.mode & 0777) != 0600);
    (void)old->ops->setattr(old, &change); /* cannot be: it is open to be read only */
    OK(holds("a", "moved"));
    EQ(close_file(&file), 0);
    OK(!p9_inode_of(old)->kept); /* it cannot be opened again */
    EQ(open_file(moved, O_RDONLY, &file), 0);
    EQ(read_at(&file, back, 32, 0), 5);
    EQ(close_file(&file), 0);
    inode_put(moved);
    inode_put(old);
    p9_unmount();
}

/* Another thread, while the attributes that were asked for are on their way. */
static void replace_when_told(u8 type)
{
    if (type == P9_GETATTR && !race.done) {
        race.done = true;
        EQ(p9_fix.root->ops->rename(p9_fix.root, "b", 1, p9_fix.root, "a", 1, 0), 0);
    }
}

static void test_replaced_while_asked(void)
{
    struct file_stat stat;
    struct file file;

    p9_mount();
    fake_host_write("a", "one that was here");
    fake_host_write("b", "moved");
    race.inode = lookup(p9_fix.root, "a");
    race.done = false;
    p9_server.answered = replace_when_told;
    EQ(open_file(race.inode, O_RDONLY, &file), 0);
    OK(race.done);
    EQ(race.inode->ops->getattr(race.inode, &stat), 0);
    EQ(stat.links, 0);
    EQ(close_file(&file), 0);
    OK(!p9_inode_of(race.inode)->kept);
    inode_put(race.inode);
    p9_unmount();
}

/* Another thread finds the file that was just created by a name that it has for a moment. */
static void find_when_walked(u8 type)
{
    char made[128], moved[128];

    if (type == P9_LCREATE && !race.done) {
        race.done = true;
        snprintf(made, sizeof(made), "%s/new", fake_host_folder());
        snprintf(moved, sizeof(moved), "%s/moved", fake_host_folder());
        EQ(rename(made, moved), 0);
        race.inode = lookup(p9_fix.root, "moved");
        EQ(rename(moved, made), 0);
    }
}

/* The one that is known already gets the name that is good. */
static void test_created_and_known(void)
{
    struct inode *inode = NULL;
    struct file file;

    p9_mount();
    race.done = false;
    p9_server.answered = find_when_walked;
    EQ(create(p9_fix.root, "new", S_IFREG | 0644, &inode), 0);
    OK(race.done && inode == race.inode);
    EQ(open_file(inode, O_RDWR, &file), 0);
    EQ(close_file(&file), 0); /* which closes what the creation had opened */
    EQ(open_file(inode, O_RDONLY, &file), 0);
    EQ(close_file(&file), 0);
    inode_put(race.inode);
    inode_put(inode);
    p9_unmount();
}

/* Likewise: another thread changes the mode. */
static void change_when_told(u8 type)
{
    struct file_change mode = {.what = SET_MODE, .mode = 0600};

    if (type == P9_GETATTR && !race.done) {
        race.done = true;
        EQ(race.inode->ops->setattr(race.inode, &mode), 0);
    }
}

/* An old answer that comes late does not take the place of a newer one. */
static void test_changed_while_asked(void)
{
    struct file_stat stat;
    struct file file;

    p9_mount();
    fake_host_write("a", "text");
    race.inode = lookup(p9_fix.root, "a");
    EQ(open_file(race.inode, O_RDONLY, &file), 0);
    fake_now += P9_TRUST;
    race.done = false;
    p9_server.answered = change_when_told;
    EQ(race.inode->ops->getattr(race.inode, &stat), 0);
    OK(race.done);
    EQ(race.inode->mode & 0777, 0600);
    EQ(p9_fix.root->ops->unlink(p9_fix.root, "a", 1, race.inode), 0);
    EQ(race.inode->ops->getattr(race.inode, &stat), 0);
    EQ(stat.mode & 0777, 0600);
    EQ(close_file(&file), 0);
    inode_put(race.inode);
    p9_unmount();
}

static void test_append(void)
{
    struct inode *inode;
    struct iovec vec;
    struct io io;
    struct file file;
    u64 pos = 0;

    p9_mount();
    fake_host_write("f", "12345");
    inode = lookup(p9_fix.root, "f");
    EQ(open_file(inode, O_RDWR, &file), 0);
    fake_io(&io, &vec, (void *)(uintptr_t) "67", 2);
    io.append = true;
    EQ(file.ops->write(&file, &io, &pos), 0);
    EQ(pos, 7);
    EQ(file.ops->flush(&file), 0);
    OK(holds("f", "1234567"));
    /* The limit counts where it is written. */
    fake_size_limit = 8;
    pos = 0;
    fake_io(&io, &vec, (void *)(uintptr_t) "89", 2);
    io.append = true;
    EQ(file.ops->write(&file, &io, &pos), 0);
    EQ(io.done, 1);
    EQ(inode->ops->setattr(inode, &(struct file_change){.what = SET_SIZE, .size = 9}), -EFBIG);
    fake_size_limit = INT64_MAX;
    EQ(close_file(&file), 0);
    OK(holds("f", "12345678"));
    inode_put(inode);
    p9_unmount();
}

/* Another thread, between the last close's look at the count and what follows. */
static void open_second(struct mutex *mutex)
{
    if (!race.done && mutex == &p9_inode_of(race.inode)->lock &&
        p9_inode_of(race.inode)->files == 0) {
        race.done = true;
        EQ(open_file(race.inode, O_RDONLY, &race.second), 0);
    }
}

static void test_open_while_closing(void)
{
    struct file file;

    p9_mount();
    fake_host_write("f", "text");
    race.inode = lookup(p9_fix.root, "f");
    race.done = false;
    EQ(open_file(race.inode, O_RDONLY, &file), 0);
    fake_after_unlock = open_second;
    EQ(close_file(&file), 0);
    fake_after_unlock = NULL;
    OK(race.done);
    EQ(p9_server.opens, 1); /* the second's */
    EQ(close_file(&race.second), 0);
    EQ(p9_server.opens, 0);
    inode_put(race.inode);
    p9_unmount();
}

/* Pages that were on their way when the file was cut. */
static void test_write_back_after_cut(void)
{
    struct file_change change = {.what = SET_SIZE, .size = 3};
    struct file file;
    pfn_t frame;

    p9_mount();
    fake_host_write("f", "123456");
    race.inode = lookup(p9_fix.root, "f");
    EQ(open_file(race.inode, O_RDWR, &file), 0);
    EQ(frame_alloc(0, FRAME_ZERO, &frame), 0);
    EQ(race.inode->ops->setattr(race.inode, &change), 0);
    EQ(p9_page_ops.write(race.inode, 0, &frame, 1, 6), 0);
    EQ(fake_host_size("f"), 3);
    change.size = 0;
    EQ(race.inode->ops->setattr(race.inode, &change), 0);
    EQ(p9_page_ops.write(race.inode, 0, &frame, 1, 6), 0);
    EQ(fake_host_size("f"), 0);
    frame_free(frame, 0);
    EQ(close_file(&file), 0);
    inode_put(race.inode);
    p9_unmount();
}

/* What only a mapping wrote is not lost for a moment without memory. */
static void test_release_without_memory(void)
{
    struct inode *inode;
    struct iovec vec;
    struct io io;
    struct file file;
    u64 pos = 0;

    p9_mount();
    fake_host_write("f", "text");
    inode = lookup(p9_fix.root, "f");
    EQ(open_file(inode, O_RDWR, &file), 0);
    EQ(close_file(&file), 0);
    p9_unkeep(p9_inode_of(inode));
    fake_io(&io, &vec, (void *)(uintptr_t) "TEXT", 4);
    EQ(page_cache_write(inode->pages, &io, &pos), 0);
    fail_after(0);
    inode_put(inode);
    fail_after(-1);
    OK(holds("f", "TEXT"));
    p9_unmount();
}

struct listing {
    struct dir_emit emit;
    unsigned room, count;
    u64 sum;
};

static u64 number(const char *text)
{
    u64 value = 0;

    while (*text != 0) {
        value = 10 * value + (u64)(*text++ - '0');
    }
    return value;
}

static bool list_one(struct dir_emit *emit, const char *name, size_t len, u64 ino, u32 type,
                     u64 next)
{
    struct listing *l = container_of(emit, struct listing, emit);
    char text[16] = "";

    if (l->count == l->room) {
        return false;
    }
    memcpy(text, name, MIN(len, sizeof(text) - 1));
    l->sum += number(text + 1);
    l->count++;
    return true;
}

static void test_readdir(void)
{
    struct listing l = {.emit = {list_one}};
    struct file file;
    char name[16];
    u64 pos = 0;

    p9_mount();
    for (unsigned i = 0; i < 1500; i++) {
        snprintf(name, sizeof(name), "f%u", i);
        fake_host_write(name, "");
    }
    EQ(open_file(p9_fix.root, O_RDONLY, &file), 0);
    do {
        l.room = l.count + 7; /* a little at a time, each time from where it was */
        EQ(file.ops->readdir(&file, &pos, &l.emit), 0);
    } while (l.count == l.room);
    EQ(l.count, 1500);
    /* The end is told once, and asked for after that. */
    EQ(file.ops->readdir(&file, &pos, &l.emit), 0);
    fake_host_write("f0", "");
    p9_server.count[40] = 0;
    EQ(file.ops->readdir(&file, &pos, &l.emit), 0);
    EQ(p9_server.count[40], 1);
    pos = 0;
    l = (struct listing){.emit = {list_one}, .room = 2000};
    p9_server.count[40] = 0;
    EQ(file.ops->readdir(&file, &pos, &l.emit), 0);
    EQ(file.ops->readdir(&file, &pos, &l.emit), 0);
    OK(p9_server.count[40] <= 1 + 1500 * 40 / P9_READDIR_SIZE);
    EQ(l.count, 1500);
    EQ(l.sum, 1499 * 750);
    EQ(close_file(&file), 0);
    p9_unmount();
}

static void test_kept(void)
{
    struct inode *inode;
    struct file file;
    char back[8];

    p9_mount();
    fake_host_write("f", "text");
    for (unsigned i = 0; i < 3; i++) {
        inode = lookup(p9_fix.root, "f");
        EQ(open_file(inode, O_RDONLY, &file), 0);
        EQ(read_at(&file, back, 4, 0), 4);
        EQ(close_file(&file), 0);
        inode_put(inode);
    }
    EQ(p9_server.count[116], 1); /* the data, once */
    p9_unmount();
}

static void test_read_only(void)
{
    struct file_change change = {.what = SET_MODE, .mode = 0600};
    struct inode *inode;
    struct file file;

    p9_mount();
    p9_fix.super->read_only = true;
    fake_host_write("f", "text");
    EQ(create(p9_fix.root, "g", S_IFREG | 0644, &inode), -EROFS);
    inode = lookup(p9_fix.root, "f");
    EQ(open_file(inode, O_WRONLY, &file), -EROFS);
    EQ(inode->ops->setattr(inode, &change), -EROFS);
    EQ(p9_fix.root->ops->unlink(p9_fix.root, "f", 1, inode), -EROFS);
    EQ(open_file(inode, O_RDONLY, &file), 0);
    EQ(close_file(&file), 0);
    inode_put(inode);
    p9_unmount();
}

static void test_vanished(void)
{
    struct inode *inode = NULL, *none = NULL;
    struct fs_stat stat;
    struct file file;
    char back[16];

    p9_mount();
    EQ(p9_fix.super->ops->statfs(p9_fix.super, &stat), 0);
    EQ(stat.name_max, 255);
    EQ(create(p9_fix.root, "f", S_IFREG | 0644, &inode), 0);
    EQ(open_file(inode, O_RDWR, &file), 0);
    EQ(write_at(&file, "data", 4, 0), 4);
    p9_server.vanished = true;
    EQ(file.ops->flush(&file), -EIO);
    EQ(p9_fix.root->ops->lookup(p9_fix.root, "x", 1, &none), -EIO);
    EQ(read_at(&file, back, 4, 0), 4); /* what is here is here */
    p9_server.vanished = false;
    EQ(close_file(&file), 0);
    OK(holds("f", "data")); /* nothing was lost meanwhile */
    inode_put(inode);
    p9_unmount();
}

/* Small writes that stay here, to a server whose disk gets full, and has room again. */
static void test_full(void)
{
    static const char block[1024];
    struct inode *inode = NULL;
    struct file file;
    u64 pos = 0;
    s64 put;

    p9_mount();
    p9_server.disk = 64 * 1024;
    EQ(create(p9_fix.root, "f", S_IFREG | 0644, &inode), 0);
    EQ(open_file(inode, O_RDWR, &file), 0);
    while ((put = write_at(&file, block, sizeof(block), pos)) == sizeof(block) && pos < MIB) {
        pos += sizeof(block);
    }
    EQ(put, -ENOSPC);
    EQ(pos, p9_server.disk);
    OK(p9_server.count[8] < 40); /* statfs: at first by halves, then for each write */
    EQ(write_at(&file, block, sizeof(block), 0), sizeof(block)); /* needs no room */
    p9_server.disk = 0;
    EQ(write_at(&file, block, sizeof(block), pos), sizeof(block));
    EQ(close_file(&file), 0);
    inode_put(inode);

    EQ(create(p9_fix.root, "g", S_IFREG | 0644, &inode), 0);
    EQ(open_file(inode, O_WRONLY | O_SYNC, &file), 0);
    p9_server.disk = 1024;
    EQ(write_at(&file, block, sizeof(block), 8192), -ENOSPC);
    p9_server.disk = 0;
    EQ(close_file(&file), 0);
    inode_put(inode);
    p9_unmount();
}

/* A bit of everything, whose results do not matter: it must only come to an end. */
static void exercise(void)
{
    struct listing l = {.emit = {list_one}, .room = 100};
    struct inode *inode = NULL, *dir = NULL;
    struct file_stat stat;
    struct fs_stat fs;
    struct file file;
    char back[8192];
    u64 pos = 0;

    if (create(p9_fix.root, "d", S_IFDIR | 0755, &dir) == 0) {
        (void)!dir->ops->getattr(dir, &stat);
        inode_put(dir);
    }
    if (p9_fix.root->ops->symlink(p9_fix.root, "l", 1, "/target/of/the/link", &dir) == 0) {
        (void)!dir->ops->readlink(dir, back, sizeof(back));
        inode_put(dir);
    }
    (void)!p9_fix.super->ops->statfs(p9_fix.super, &fs);
    if (create(p9_fix.root, "f", S_IFREG | 0644, &inode) == 0) {
        if (open_file(inode, O_RDWR, &file) == 0) {
            (void)!write_at(&file, back, 5000, 100);
            (void)!file.ops->sync(&file, false);
            (void)page_cache_drop_clean(inode->pages);
            (void)!read_at(&file, back, sizeof(back), 0);
            (void)!inode->ops->getattr(inode, &stat);
            (void)!close_file(&file);
        }
        (void)!p9_fix.root->ops->unlink(p9_fix.root, "f", 1, inode);
        inode_put(inode);
    }
    if (open_file(p9_fix.root, O_RDONLY, &file) == 0) {
        (void)!file.ops->readdir(&file, &pos, &l.emit);
        (void)!close_file(&file);
    }
}

static void test_spoilt(void)
{
    for (unsigned i = 0; i < 300; i++) {
        rnd_seed(i + 1);
        p9_mount();
        memset(&p9_server.count, 0, sizeof(p9_server.count));
        p9_server.spoil = true;
        exercise();
        p9_server.spoil = false;
        /* Fids that the server made before its reply was spoilt are lost. */
        p9_server_stop();
        p9_server.vanished = true;
        p9_server.fids = p9_server.opens = 0;
        p9_unmount();
    }
    /* And a mount that never comes to be. */
    for (unsigned i = 0; i < 300; i++) {
        struct super *super = NULL;

        rnd_seed(i + 1);
        fake_host_begin();
        p9_server_start(fake_host_folder());
        p9_server.spoil = true;
        if (p9fs_new(&p9_server_transport, "test", false, &super) == 0) {
            p9_fix.super = super;
            p9_server_stop();
            p9_server.vanished = true;
            p9_server.fids = p9_server.opens = 0;
            p9_unmount();
        } else {
            p9_server_stop();
            fake_host_end();
        }
    }
}

static void test_no_memory(void)
{
    for (unsigned i = 0; i < 250; i++) {
        p9_mount();
        fail_after(i);
        exercise();
        fail_after(-1);
        p9_server_stop();
        p9_server.vanished = true;
        p9_server.fids = p9_server.opens = 0;
        p9_unmount();
    }
    OK(true);
}

int main(void)
{
    run("makes, finds, renames and removes names", test_names);
    run("what is written is on the host at close", test_file);
    run("a server that moves little at a time", test_short_transfers);
    run("each side sees what the other changed", test_changes);
    run("sizes and times", test_truncate);
    run("an open file without a name", test_nameless);
    run("rename over an open file", test_rename_over);
    run("a file whose name another has", test_replaced);
    run("a name lost while its attributes were on their way", test_replaced_while_asked);
    run("a mode changed while the attributes were on their way", test_changed_while_asked);
    run("appends, up to the limit", test_append);
    run("opened while it is closed", test_open_while_closing);
    run("written back after it was cut", test_write_back_after_cut);
    run("released without memory", test_release_without_memory);
    run("long folders, in parts", test_readdir);
    run("a closed file's pages stay", test_kept);
    run("a share that is read-only", test_read_only);
    run("a server that has gone", test_vanished);
    run("a server whose disk is full", test_full);
    run("created, and known by another name", test_created_and_known);
    run("spoilt replies", test_spoilt);
    run("no memory", test_no_memory);
    return finish();
}
