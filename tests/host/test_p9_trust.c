/* SPDX-License-Identifier: MIT */
/* sources: kernel/fs/p9/message.c kernel/fs/p9/rpc.c kernel/fs/p9/client.c kernel/fs/p9/fid.c
 * kernel/fs/p9/transfer.c kernel/fs/p9/super.c kernel/fs/p9/look.c kernel/fs/p9/inode.c
 * kernel/fs/p9/name.c kernel/fs/p9/file.c kernel/fs/p9/pages.c kernel/fs/p9/open_fid.c
 * kernel/fs/p9/room.c kernel/fs/trust.c tests/host/p9_server.c tests/host/p9_fake.c
 * tests/host/p9_mount.c */
/*
 * What the 9P file system believes of the server's files without asking, for
 * how long, and what it never does: what we have changed ourselves.
 */
#include "host.h"
#include "p9_fake.h"
#include "p9_mount.h"
#include "p9_server.h"

#include "../../kernel/fs/p9/p9fs_priv.h"
#include <string.h>

/* Requests of that type since the last time. */
static unsigned asked(u8 type)
{
    unsigned count = p9_server.count[type];

    p9_server.count[type] = 0;
    return count;
}

static u64 size_of(struct inode *inode)
{
    struct file_stat stat = {.size = 4711};

    EQ(inode->ops->getattr(inode, &stat), 0);
    return stat.size;
}

/* What was asked for is believed for a while; what we have changed is asked for. */
static void test_trust(void)
{
    struct file_change mode = {.what = SET_MODE, .mode = 0600};
    struct file_stat stat;
    struct inode *inode;
    struct file file;

    p9_mount();
    fake_host_write("f", "text");
    inode = lookup(p9_fix.root, "f");
    (void)asked(P9_GETATTR);
    EQ(size_of(inode), 4);
    EQ(asked(P9_GETATTR), 0);
    fake_host_write("f", "another");
    fake_now += P9_TRUST - 1;
    EQ(size_of(inode), 4);
    fake_now++;
    EQ(size_of(inode), 7);
    fake_host_write("f", "text");
    vfs_heard();
    EQ(size_of(inode), 4); /* it may be told of that */
    fake_now++;
    EQ(size_of(inode), 4);
    fake_host_write("f", "longer");
    EQ(size_of(inode), 4);
    fake_slept_until = fake_now; /* it waited for that */
    EQ(size_of(inode), 6);
    fake_now++;
    EQ(size_of(inode), 6);
    fake_host_write("f", "text");
    fake_now++;
    EQ(size_of(inode), 6);
    fake_now += P9_TRUST;
    EQ(size_of(inode), 4);
    fake_now++;
    EQ(size_of(inode), 4);
    (void)asked(P9_GETATTR);
    fake_now++;
    EQ(size_of(inode), 4);
    EQ(asked(P9_GETATTR), 0);
    EQ(inode->ops->setattr(inode, &mode), 0);
    EQ(inode->ops->getattr(inode, &stat), 0);
    EQ(stat.mode & 0777, 0600);
    EQ(open_file(inode, O_RDWR, &file), 0);
    EQ(write_at(&file, "!", 1, 4), 1);
    EQ(size_of(inode), 5);
    EQ(close_file(&file), 0);
    (void)asked(P9_GETATTR);
    EQ(size_of(inode), 5);
    EQ(asked(P9_GETATTR), 0); /* asked for when it was closed */
    inode_put(inode);
    p9_unmount();
}

/* A folder's own attributes, as names come to be in it. */
static void test_trust_folder(void)
{
    struct inode *dir = NULL, *inner = NULL;
    struct file_stat stat;

    p9_mount();
    EQ(create(p9_fix.root, "d", S_IFDIR | 0755, &dir), 0);
    EQ(dir->ops->getattr(dir, &stat), 0);
    EQ(stat.links, 2);
    EQ(create(dir, "e", S_IFDIR | 0755, &inner), 0);
    EQ(dir->ops->getattr(dir, &stat), 0);
    EQ(stat.links, 3);
    EQ(dir->ops->unlink(dir, "e", 1, inner), 0);
    EQ(dir->ops->getattr(dir, &stat), 0);
    EQ(stat.links, 2);
    inode_put(inner);
    inode_put(dir);
    p9_unmount();
}

static int confirm(struct inode *dir, const char *name, struct inode *inode)
{
    return dir->ops->confirm(dir, name, strlen(name), inode, false);
}

static bool goes_by(struct inode *dir, const char *name, struct inode *inode)
{
    return dir->ops->goes_by(dir, name, strlen(name), inode);
}

/* A file of two names: it is asked for by the one that it was looked up by last. */
static void test_confirm(void)
{
    struct inode *inode, *other;
    struct file_stat stat;

    p9_mount();
    fake_host_write("a", "text");
    inode = lookup(p9_fix.root, "a");
    OK(goes_by(p9_fix.root, "a", inode));
    (void)asked(P9_WALK);
    EQ(confirm(p9_fix.root, "a", inode), 0);
    EQ(asked(P9_WALK), 0);
    EQ(p9_fix.root->ops->link(p9_fix.root, "b", 1, inode), 0);
    OK(!goes_by(p9_fix.root, "a", inode) && !goes_by(p9_fix.root, "b", inode));
    EQ(confirm(p9_fix.root, "b", inode), -ESTALE);
    other = lookup(p9_fix.root, "b");
    OK(other == inode);
    OK(goes_by(p9_fix.root, "b", inode) && !goes_by(p9_fix.root, "a", inode));
    EQ(inode->ops->getattr(inode, &stat), 0);
    EQ(stat.links, 2);
    EQ(p9_fix.root->ops->unlink(p9_fix.root, "b", 1, inode), 0);
    OK(!goes_by(p9_fix.root, "b", inode));
    inode_put(other);
    other = lookup(p9_fix.root, "a");
    EQ(inode->ops->getattr(inode, &stat), 0);
    EQ(stat.links, 1);
    EQ(confirm(p9_fix.root, "a", inode), 0);
    fake_host_remove("a");
    EQ(confirm(p9_fix.root, "a", inode), -ENOENT);
    fake_host_write("a", "new");
    inode_put(other);
    inode_put(inode);
    p9_unmount();
}

/* Whoever opens it has it confirmed; if that was done on the way, not again. */
static void test_open_asks(void)
{
    struct inode *inode;
    struct file file;
    char back[8];

    p9_mount();
    fake_host_write("f", "text");
    inode = lookup(p9_fix.root, "f");
    (void)asked(P9_GETATTR);
    EQ(open_file(inode, O_RDONLY, &file), 0);
    EQ(asked(P9_GETATTR), 1);
    EQ(read_at(&file, back, 8, 0), 4);
    EQ(read_at(&file, back, 8, 4), 0);
    EQ(asked(P9_GETATTR), 0); /* the end was asked for just now */
    EQ(close_file(&file), 0);
    file = (struct file){.inode = inode, .began = fake_now};
    EQ(confirm(p9_fix.root, "f", inode), 0);
    EQ(inode->ops->open(inode, &file), 0);
    EQ(asked(P9_GETATTR), 1);
    EQ(close_file(&file), 0);
    inode_put(inode);
    p9_unmount();
}

/* Nobody waits for a clunk; but for that of a file that was written, which goes with a getattr. */
static void test_posted(void)
{
    struct inode *inode;
    struct file file;
    unsigned shown;

    p9_mount();
    fake_host_write("f", "text");
    inode = lookup(p9_fix.root, "f");
    EQ(open_file(inode, O_RDONLY, &file), 0);
    (void)asked(P9_CLUNK);
    EQ(close_file(&file), 0);
    EQ(p9_server.opens, 0);
    EQ(p9_server.started, 1);
    EQ(open_file(inode, O_RDWR, &file), 0);
    EQ(write_at(&file, "TEXT", 4, 0), 4);
    EQ(file.ops->sync(&file, true), 0);
    EQ(write_at(&file, "text", 4, 0), 4);
    shown = p9_server.shown;
    (void)asked(P9_WRITE);
    EQ(close_file(&file), 0);
    EQ(p9_server.opens, 0);
    EQ(p9_server.started, 2);
    EQ(p9_server.shown - shown, 2); /* a write, then the two */
    EQ(asked(P9_WRITE), 1);
    /* Without a place for them they are waited for. */
    p9_server.busy = true;
    for (unsigned i = 0; i < 2; i++) {
        EQ(open_file(inode, i == 0 ? O_RDONLY : O_RDWR, &file), 0);
        EQ(close_file(&file), 0);
        EQ(p9_server.opens, 0);
    }
    EQ(p9_server.started, 2);
    inode_put(inode);
    p9_unmount();
}

/* The fid that is to be opened comes with the attributes; or is of no use in the end. */
static void test_spare(void)
{
    struct inode *inode;
    struct file file;
    unsigned shown;

    p9_mount();
    fake_host_write("f", "text");
    inode = lookup(p9_fix.root, "f");
    shown = p9_server.shown;
    file = (struct file){.inode = inode, .began = ++fake_now};
    EQ(p9_fix.root->ops->confirm(p9_fix.root, "f", 1, inode, true), 0);
    EQ(inode->ops->open(inode, &file), 0);
    EQ(p9_server.shown - shown, 2);
    EQ(close_file(&file), 0);
    EQ(p9_fix.root->ops->confirm(p9_fix.root, "f", 1, inode, true), 0);
    EQ(p9_fix.root->ops->confirm(p9_fix.root, "f", 1, inode, true), 0);
    inode_put(lookup(p9_fix.root, "f")); /* another fid takes the place of both */
    EQ(p9_fix.root->ops->confirm(p9_fix.root, "f", 1, inode, true), 0);
    inode_put(inode);
    p9_unmount();
}

/* More of them than there are places, of files that were never open. */
static void test_many_posted(void)
{
    struct inode *inode[4 * P9_POSTED_MAX];
    char name[] = "a";

    p9_mount();
    for (unsigned i = 0; i < ARRAY_SIZE(inode); i++, name[0]++) {
        fake_host_write(name, "text");
        inode[i] = lookup(p9_fix.root, name);
    }
    (void)asked(P9_CLUNK);
    for (unsigned i = 0; i < ARRAY_SIZE(inode); i++) {
        inode_put(inode[i]);
    }
    OK(asked(P9_CLUNK) < ARRAY_SIZE(inode)); /* some wait for the next request */
    p9_unmount();
}

int main(void)
{
    run("what is known is believed for a while", test_trust);
    run("a folder whose names change", test_trust_folder);
    run("names are confirmed", test_confirm);
    run("open asks, once", test_open_asks);
    run("clunks are posted", test_posted);
    run("more clunks than places", test_many_posted);
    run("a fid that comes with the attributes", test_spare);
    return finish();
}
