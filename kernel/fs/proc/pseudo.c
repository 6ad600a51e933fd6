/* SPDX-License-Identifier: MIT */
/*
 * The inodes and open files of /proc, /sys and cgroup v2 (pseudo_priv.h).
 *
 * An open file writes its text when it is read from the beginning, and again
 * each time that is done, as on Linux; reads that go on from there see one
 * state of things.  Inodes are made as names are looked up, and found again
 * while somebody has them: what is mounted on a folder stays there.
 */
#include "pseudo_priv.h"

#include <kernel/errno.h>
#include <kernel/kmalloc.h>
#include <kernel/string.h>

#include "../fs_priv.h"

#define WRITE_MAX 4096u

/* (c) constant   (l) lock */
struct pseudo_super {
    struct super super;
    u64 file_size; /* (c) that stat(2) tells of a file */
    u64 magic;     /* (c) for statfs(2) */
    struct mutex lock;
    struct list inodes; /* (l) in use */
};

struct pseudo_inode {
    struct inode inode;
    struct list link; /* (l) of the super */
    struct pseudo_node node;
};

/* (l) lock */
struct pseudo_file {
    struct mutex lock;
    bool shown;       /* (l) */
    struct text text; /* (l) */
};

static struct pseudo_inode *inode_of(struct inode *inode)
{
    return container_of(inode, struct pseudo_inode, inode);
}

static const struct inode_ops pseudo_ops, pseudo_file_link_ops;

static bool same_node(const struct pseudo_node *a, const struct pseudo_node *b)
{
    bool same = a->entry == b->entry && a->keys == b->keys;

    for (unsigned i = 0; same && i < a->keys && i < PSEUDO_DEPTH; i++) {
        same = a->key[i] == b->key[i];
    }
    return same;
}

/* The super's lock is held. */
static struct pseudo_inode *find_inode(struct pseudo_super *ps, const struct pseudo_node *node)
{
    list_for_each (link, &ps->inodes) {
        struct pseudo_inode *p = list_entry(link, struct pseudo_inode, link);

        if (same_node(&p->node, node) && inode_get_alive(&p->inode)) {
            return p;
        }
    }
    return NULL;
}

/* The super's lock is held. */
static struct pseudo_inode *make_inode(struct pseudo_super *ps, const struct pseudo_node *node)
{
    const struct pseudo_entry *entry = node->entry;
    struct pseudo_inode *p = kzalloc(sizeof(*p));

    if (p != NULL) {
        inode_init(&p->inode, &ps->super, entry->file != NULL ? &pseudo_file_link_ops : &pseudo_ops,
                   entry->mode);
        p->node = *node;
        p->inode.ino = pseudo_number(node);
        if ((entry->mode & S_IFMT) == S_IFREG) {
            atomic_store_explicit(&p->inode.size, ps->file_size, memory_order_relaxed);
        }
        list_push_front(&ps->inodes, &p->link);
    }
    return p;
}

static int get_inode(struct pseudo_super *ps, const struct pseudo_node *node, struct inode **inode)
{
    struct pseudo_inode *p;

    mutex_lock(&ps->lock);
    p = find_inode(ps, node);
    if (p == NULL) {
        p = make_inode(ps, node);
    }
    mutex_unlock(&ps->lock);
    if (p == NULL) {
        return -ENOMEM;
    }
    *inode = &p->inode;
    return 0;
}

static void pseudo_release(struct inode *inode)
{
    struct pseudo_super *ps = inode->super->priv;

    mutex_lock(&ps->lock);
    list_remove(&inode_of(inode)->link);
    mutex_unlock(&ps->lock);
    kfree(inode_of(inode));
}

static int pseudo_lookup(struct inode *dir, const char *name, size_t len, struct inode **inode)
{
    struct pseudo_node found;

    if (!pseudo_find(&inode_of(dir)->node, name, len, &found)) {
        return -ENOENT;
    }
    return get_inode(dir->super->priv, &found, inode);
}

static int pseudo_readdir(struct inode *dir, u64 *pos, struct dir_emit *emit)
{
    struct pseudo_node found;
    char name[32];
    u64 next = *pos;

    if (!inode_is(dir, S_IFDIR)) {
        return -ENOTDIR;
    }
    while (pseudo_list(&inode_of(dir)->node, &next, name, &found)) {
        if (!emit->fn(emit, name, strlen(name), pseudo_number(&found), found.entry->mode & S_IFMT,
                      next)) {
            break;
        }
        *pos = next;
    }
    return 0;
}

static s64 pseudo_readlink(struct inode *inode, char *target, size_t size)
{
    struct text text;
    s64 result;

    if (!inode_is(inode, S_IFLNK)) {
        return -EINVAL;
    }
    text_init(&text);
    result = pseudo_show(&text, &inode_of(inode)->node);
    if (result == 0) {
        result = (s64)text_copy(&text, target, size);
    }
    text_free(&text);
    return result;
}

static int pseudo_follow(struct inode *inode, struct dentry **dentry)
{
    const struct pseudo_node *node = &inode_of(inode)->node;
    struct file *file = node->entry->file(node);
    int err = -ENXIO;

    if (file == NULL) {
        return -ENOENT;
    }
    if (file->dentry != NULL) {
        *dentry = dentry_get(file->dentry);
        err = 0;
    }
    file_put(file);
    return err;
}

static int pseudo_follow_file(struct inode *inode, struct file **file)
{
    const struct pseudo_node *node = &inode_of(inode)->node;

    *file = node->entry->file(node);
    return *file == NULL ? -ENOENT : 0;
}

/* ---- Open files ---------------------------------------------------------------- */

/* The file's lock is held. */
static int write_text(struct pseudo_file *pf, const struct pseudo_node *node)
{
    int err;

    text_free(&pf->text);
    err = pseudo_show(&pf->text, node);
    pf->shown = err == 0;
    return err;
}

static int put_text(struct pseudo_file *pf, struct io *io, u64 *pos)
{
    const char *data;
    size_t size;
    int err = 0;

    while (err == 0 && io->left > 0 && (size = text_at(&pf->text, *pos, &data)) > 0) {
        u64 before = io->done;

        err = io_put(io, data, size);
        *pos += io->done - before;
    }
    return err;
}

static int file_read_text(struct file *file, struct io *io, u64 *pos)
{
    struct pseudo_file *pf = file->priv;
    int err = 0;

    mutex_lock(&pf->lock);
    if (*pos == 0 || !pf->shown) {
        err = write_text(pf, &inode_of(file->inode)->node);
    }
    if (err == 0) {
        err = put_text(pf, io, pos);
    }
    mutex_unlock(&pf->lock);
    return err;
}

static int file_write_text(struct file *file, struct io *io, u64 *pos)
{
    const struct pseudo_node *node = &inode_of(file->inode)->node;
    u64 size = io->left;
    char *data;
    int err;

    if (node->entry->store == NULL) {
        return -EIO;
    }
    if (size > WRITE_MAX) {
        return -EINVAL;
    }
    data = kmalloc(size + 1);
    if (data == NULL) {
        return -ENOMEM;
    }
    err = io_take(io, data, size);
    if (err == 0) {
        data[size] = 0;
        err = node->entry->store(node, data, size);
    }
    if (err != 0) {
        io->done = 0;
    } else {
        *pos += size;
    }
    kfree(data);
    return err;
}

static s64 file_seek_text(struct file *file, s64 offset, int whence)
{
    s64 base = whence == 1 ? (s64)file->pos : 0;

    /* How long it is nobody knows before it is written. */
    if (whence != 0 && whence != 1) {
        return -EINVAL;
    }
    if (offset < 0 && base + offset < 0) {
        return -EINVAL;
    }
    file->pos = (u64)(base + offset);
    return base + offset;
}

static void file_release_text(struct file *file)
{
    struct pseudo_file *pf = file->priv;

    text_free(&pf->text);
    kfree(pf);
}

static const struct file_ops pseudo_file_ops = {
    .read = file_read_text,
    .write = file_write_text,
    .seek = file_seek_text,
    .release = file_release_text,
};

static int file_read_binary(struct file *file, struct io *io, u64 *pos)
{
    const struct pseudo_node *node = &inode_of(file->inode)->node;

    return node->entry->read(node, io, pos);
}

static int file_write_binary(struct file *file, struct io *io, u64 *pos)
{
    const struct pseudo_node *node = &inode_of(file->inode)->node;

    return node->entry->write(node, io, pos);
}

static const struct file_ops pseudo_binary_ops = {
    .read = file_read_binary,
    .write = file_write_binary,
    .seek = file_seek_text,
};

static int pseudo_open(struct inode *inode, struct file *file)
{
    const struct pseudo_entry *entry = inode_of(inode)->node.entry;
    struct pseudo_file *pf;

    if (!inode_is(inode, S_IFREG)) {
        return 0;
    }
    if (file_may_write(file) && entry->store == NULL && entry->write == NULL) {
        return -EACCES;
    }
    if (entry->read != NULL) {
        file->ops = &pseudo_binary_ops;
        return 0;
    }
    pf = kzalloc(sizeof(*pf));
    if (pf == NULL) {
        return -ENOMEM;
    }
    mutex_init(&pf->lock, "pseudo file");
    text_init(&pf->text);
    file->priv = pf;
    file->ops = &pseudo_file_ops;
    return 0;
}

/* open(2) with O_TRUNC, as a shell's ">" does: there is nothing to cut. */
static int pseudo_setattr(struct inode *inode, const struct file_change *change)
{
    (void)inode;
    return change->what == SET_SIZE ? 0 : -EPERM;
}

static const struct inode_ops pseudo_ops = {
    .lookup = pseudo_lookup,
    .readdir = pseudo_readdir,
    .readlink = pseudo_readlink,
    .setattr = pseudo_setattr,
    .open = pseudo_open,
    .release = pseudo_release,
};

static const struct inode_ops pseudo_file_link_ops = {
    .readlink = pseudo_readlink,
    .follow = pseudo_follow,
    .follow_file = pseudo_follow_file,
    .setattr = pseudo_setattr,
    .release = pseudo_release,
};

/* ---- Mounting ------------------------------------------------------------------ */

static int pseudo_statfs(struct super *super, struct fs_stat *stat)
{
    const struct pseudo_super *ps = super->priv;

    *stat = (struct fs_stat){
        .type = ps->magic, .block_size = PAGE_SIZE, .fsid = super->dev, .name_max = NAME_MAX};
    return 0;
}

static const struct super_ops pseudo_super_ops = {.statfs = pseudo_statfs};

int pseudo_new(const char *type, const struct pseudo_entry *root, u64 file_size, u64 magic,
               struct super **super)
{
    struct pseudo_super *ps = kzalloc(sizeof(*ps));
    const struct pseudo_node node = {.entry = root};
    struct inode *inode;
    int err;

    if (ps == NULL) {
        return -ENOMEM;
    }
    mutex_init(&ps->lock, type);
    list_init(&ps->inodes);
    ps->file_size = file_size;
    ps->magic = magic;
    ps->super.ops = &pseudo_super_ops;
    ps->super.type = type;
    ps->super.no_dentry_cache = true;
    ps->super.dev = vfs_new_dev();
    ps->super.priv = ps;
    strlcpy(ps->super.source, type, sizeof(ps->super.source));
    err = get_inode(ps, &node, &inode);
    if (err == 0) {
        ps->super.root = dentry_new_root(&ps->super, inode);
        if (ps->super.root == NULL) {
            inode_put(inode);
            err = -ENOMEM;
        }
    }
    if (err != 0) {
        kfree(ps);
        return err;
    }
    *super = &ps->super;
    return 0;
}
