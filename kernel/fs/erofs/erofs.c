/* SPDX-License-Identifier: MIT */
/*
 * EROFS as a file system: read-only, the root of the image.
 *
 * An inode is made when a name leads to it, and found again by its number
 * as long as anybody has it, so that hard links are one file.
 */
#include <kernel/errno.h>
#include <kernel/kmalloc.h>
#include <kernel/print.h>
#include <kernel/string.h>

#include "../fs_priv.h"
#include "erofs_priv.h"

#define EROFS_MAGIC 0xe0f5e1e2u

static struct erofs_inode *own(struct inode *inode)
{
    return container_of(inode, struct erofs_inode, inode);
}

static struct list *bucket(struct erofs *fs, u64 nid)
{
    return &fs->inodes[nid % EROFS_BUCKETS];
}

/* One more reference, unless the last one has gone. */
static bool get_unless_zero(struct inode *inode)
{
    u32 count = atomic_load_explicit(&inode->references, memory_order_relaxed);

    while (count != 0) {
        if (atomic_compare_exchange_weak_explicit(&inode->references, &count, count + 1,
                                                  memory_order_acquire, memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}

/* The lock is held. */
static struct erofs_inode *find_inode(struct erofs *fs, u64 nid)
{
    struct list *head = bucket(fs, nid);

    for (struct list *at = head->next; at != head; at = at->next) {
        struct erofs_inode *inode = container_of(at, struct erofs_inode, link);

        if (inode->node.nid == nid && get_unless_zero(&inode->inode)) {
            return inode;
        }
    }
    return NULL;
}

static void erofs_release(struct inode *base)
{
    struct erofs *fs = erofs_of(base);
    struct erofs_inode *inode = own(base);
    bool irq = spin_lock(&fs->lock);

    list_remove(&inode->link);
    spin_unlock(&fs->lock, irq);
    if (base->pages != NULL) {
        page_cache_free(base->pages);
    }
    kfree(inode);
}

static int erofs_lookup(struct inode *dir, const char *name, size_t len, struct inode **inode);
static int erofs_readdir(struct inode *dir, u64 *pos, struct dir_emit *emit);
static s64 erofs_readlink(struct inode *inode, char *target, size_t size);

static const struct inode_ops erofs_inode_ops = {
    .lookup = erofs_lookup,
    .readlink = erofs_readlink,
    .readdir = erofs_readdir,
    .release = erofs_release,
};

static void fill_inode(struct erofs *fs, struct erofs_inode *made)
{
    const struct erofs_node *node = &made->node;
    struct inode *inode = &made->inode;

    inode_init(inode, &fs->super, &erofs_inode_ops, node->mode);
    inode->ino = node->nid;
    inode->uid = node->uid;
    inode->gid = node->gid;
    inode->rdev = node->rdev;
    inode->mtime = (struct timespec){(s64)node->mtime_sec, node->mtime_nsec};
    inode->atime = inode->ctime = inode->mtime;
    atomic_store_explicit(&inode->links, node->links, memory_order_relaxed);
    atomic_store_explicit(&inode->size, node->size, memory_order_relaxed);
    list_init(&made->link);
}

static int make_inode(struct erofs *fs, u64 nid, struct erofs_inode **inode)
{
    struct erofs_inode *made = kzalloc(sizeof(*made));
    int error = made == NULL ? -ENOMEM : erofs_image_node(&fs->image, nid, &made->node);

    if (error == 0) {
        fill_inode(fs, made);
        if ((made->node.mode & S_IFMT) == S_IFREG) {
            error = page_cache_new(&made->inode, &erofs_page_ops, &made->inode.pages);
        }
    }
    if (error != 0) {
        kfree(made);
        return error;
    }
    *inode = made;
    return 0;
}

static int get_inode(struct erofs *fs, u64 nid, struct inode **inode)
{
    struct erofs_inode *found, *made = NULL;
    bool irq = spin_lock(&fs->lock);
    int error;

    found = find_inode(fs, nid);
    spin_unlock(&fs->lock, irq);
    if (found != NULL) {
        *inode = &found->inode;
        return 0;
    }
    error = make_inode(fs, nid, &made);
    if (error != 0) {
        return error;
    }
    irq = spin_lock(&fs->lock);
    found = find_inode(fs, nid); /* another thread was quicker */
    if (found == NULL) {
        list_push_back(bucket(fs, nid), &made->link);
    }
    spin_unlock(&fs->lock, irq);
    *inode = found == NULL ? &made->inode : &found->inode;
    if (found != NULL) {
        inode_put(&made->inode);
    }
    return 0;
}

static int erofs_lookup(struct inode *dir, const char *name, size_t len, struct inode **inode)
{
    struct erofs *fs = erofs_of(dir);
    u64 nid;
    int error = erofs_image_find(&fs->image, &own(dir)->node, name, len, &nid);

    return error != 0 ? error : get_inode(fs, nid, inode);
}

static bool is_dots(const struct erofs_name *entry)
{
    return entry->name[0] == '.' && (entry->len == 1 || (entry->len == 2 && entry->name[1] == '.'));
}

static int erofs_readdir(struct inode *dir, u64 *pos, struct dir_emit *emit)
{
    struct erofs *fs = erofs_of(dir);
    struct erofs_name entry;

    for (;;) {
        u64 next = *pos;
        int found = erofs_image_next(&fs->image, &own(dir)->node, &next, &entry);

        if (found <= 0) {
            return found;
        }
        if (!is_dots(&entry) &&
            !emit->fn(emit, entry.name, entry.len, entry.nid, entry.type, next)) {
            return 0;
        }
        *pos = next;
    }
}

static s64 erofs_readlink(struct inode *inode, char *target, size_t size)
{
    struct erofs *fs = erofs_of(inode);
    const struct erofs_node *node = &own(inode)->node;
    int error;

    if (node->size == 0 || node->size >= PATH_MAX) {
        return -EUCLEAN;
    }
    size = MIN(size, node->size);
    error = erofs_image_read(&fs->image, node, 0, target, size);
    return error != 0 ? error : (s64)size;
}

static int erofs_statfs(struct super *super, struct fs_stat *stat)
{
    const struct erofs *fs = container_of(super, struct erofs, super);

    *stat = (struct fs_stat){
        .type = EROFS_MAGIC,
        .block_size = fs->image.block_size,
        .blocks = fs->image.blocks,
        .files = fs->image.inodes,
        .fsid = super->dev,
        .name_max = EROFS_NAME_MAX,
    };
    return 0;
}

static const struct super_ops erofs_super_ops = {
    .statfs = erofs_statfs,
};

static int make_root(struct erofs *fs)
{
    struct inode *root;
    int error = get_inode(fs, fs->image.root, &root);

    if (error != 0) {
        return error;
    }
    fs->super.root = dentry_new_root(&fs->super, root);
    if (fs->super.root == NULL) {
        inode_put(root);
        return -ENOMEM;
    }
    return 0;
}

static int open_image(struct erofs *fs)
{
    int error = erofs_io_init(fs);

    if (error != 0) {
        return error;
    }
    error = erofs_image_open(&fs->image, kmalloc, kfree);
    if (error == -EOPNOTSUPP && fs->image.refused != NULL) {
        kprintf("erofs: %s is refused: %s\n", fs->device->name, fs->image.refused);
    } else if (error == -EINVAL) {
        kprintf("erofs: %s has no EROFS image\n", fs->device->name);
    } else if (error != 0) {
        kprintf("erofs: %s has a damaged image (error %d)\n", fs->device->name, -error);
    }
    if (error == 0) {
        error = make_root(fs);
    }
    if (error != 0) {
        erofs_io_end(fs);
    }
    return error;
}

int erofs_new(struct block_device *device, struct super **super)
{
    struct erofs *fs = kzalloc(sizeof(*fs));
    int error;

    if (fs == NULL) {
        return -ENOMEM;
    }
    fs->device = device;
    fs->super.ops = &erofs_super_ops;
    fs->super.type = "erofs";
    fs->super.read_only = true;
    fs->super.dev = vfs_new_dev();
    (void)strlcpy(fs->super.source, device->name, sizeof(fs->super.source));
    spinlock_init(&fs->lock, "erofs", RANK_TREE);
    for (unsigned i = 0; i < EROFS_BUCKETS; i++) {
        list_init(&fs->inodes[i]);
    }
    error = open_image(fs);
    if (error != 0) {
        kfree(fs);
        return error;
    }
    *super = &fs->super;
    return 0;
}
