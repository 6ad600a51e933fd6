/* SPDX-License-Identifier: MIT */
#include "p9_mount.h"

#include "host.h"
#include "p9_fake.h"
#include "p9_server.h"

#include "../../kernel/fs/p9/p9fs_priv.h"
#include <string.h>

struct p9_fix p9_fix;

void p9_mount(void)
{
    fake_host_begin();
    p9_server_start(fake_host_folder());
    if (OK(p9fs_new(&p9_server_transport, "test", false, &p9_fix.super) == 0)) {
        p9_fix.root = p9_fix.super->root->inode;
    }
}

void p9_unmount(void)
{
    struct p9_super *p9 = p9_fix.super->priv;

    for (unsigned i = 0; i < P9_KEPT; i++) {
        if (p9->kept[i] != NULL) {
            p9_unkeep(p9_inode_of(p9->kept[i]));
        }
    }
    fake_root_free(p9_fix.super);
    p9_disconnect(&p9->client);
    fake_free_super(p9);
    EQ(p9_server.fids, 0);
    EQ(p9_server.opens, 0);
    p9_server_stop();
    fake_host_end();
}

struct inode *lookup(struct inode *dir, const char *name)
{
    struct inode *inode = NULL;
    int err = dir->ops->lookup(dir, name, strlen(name), &inode);

    return err == 0 ? inode : NULL;
}

int create(struct inode *dir, const char *name, u32 mode, struct inode **inode)
{
    return dir->ops->create(dir, name, strlen(name), mode, 0, inode);
}

int open_file(struct inode *inode, u32 flags, struct file *file)
{
    *file = (struct file){.inode = inode, .began = ++fake_now};
    atomic_init(&file->references, 1);
    atomic_init(&file->flags, flags);
    return inode->ops->open(inode, file);
}

s64 write_at(struct file *file, const void *data, u64 size, u64 pos)
{
    struct iovec vec;
    struct io io;
    int err;

    fake_io(&io, &vec, (void *)(uintptr_t)data, size);
    err = file->ops->write(file, &io, &pos);
    return err != 0 ? err : (s64)io.done;
}

s64 read_at(struct file *file, void *data, u64 size, u64 pos)
{
    struct iovec vec;
    struct io io;
    int err;

    fake_io(&io, &vec, data, size);
    err = file->ops->read(file, &io, &pos);
    return err != 0 ? err : (s64)io.done;
}

int close_file(struct file *file)
{
    int err = file->ops->flush != NULL ? file->ops->flush(file) : 0;

    file->ops->release(file);
    return err;
}

bool holds(const char *name, const char *text)
{
    char buffer[256];

    return fake_host_read(name, buffer, sizeof(buffer)) == (s64)strlen(text) &&
           memcmp(buffer, text, strlen(text)) == 0;
}
