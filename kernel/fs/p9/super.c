/* SPDX-License-Identifier: MIT */
/*
 * Mounting a folder of the host, and the table of its inodes: a file that is
 * in use is found again by the server's number, whatever its name, so that
 * all who have it share its pages.
 *
 * The inodes of the files that were closed last are kept, with their pages,
 * for the case that they are opened again; at that time the server's size
 * and time decide whether the pages are still good.
 */
#include "p9fs_priv.h"

#include "../fs_priv.h"
#include <kernel/clock.h>
#include <kernel/kmalloc.h>
#include <kernel/string.h>

#define WRITE_TRIES 8u /* others may take the memory that was found */

static struct list *bucket(struct p9_super *p9, u64 path)
{
    return &p9->buckets[(path ^ path >> 17) % P9_BUCKETS];
}

/* The table's lock is held. */
static struct p9_inode *find(struct p9_super *p9, const struct p9_qid *qid)
{
    list_for_each (link, bucket(p9, qid->path)) {
        struct p9_inode *node = list_entry(link, struct p9_inode, link);

        if (node->qid.path == qid->path && node->qid.type == qid->type &&
            inode_get_alive(&node->inode)) {
            return node;
        }
    }
    return NULL;
}

static struct p9_inode *find_known(struct p9_super *p9, const struct p9_qid *qid)
{
    struct p9_inode *node;

    mutex_lock(&p9->lock);
    node = find(p9, qid);
    mutex_unlock(&p9->lock);
    return node;
}

/*
 * The name that it was just found by is the one that is good.  It may be a file that got the
 * number of one that has gone.
 */
static void change_fid(struct p9_inode *node, struct p9_fid *fid, struct p9_name name)
{
    struct p9_fid *old, *spare;

    mutex_lock(&node->lock);
    old = node->fid;
    spare = node->spare;
    node->fid = fid;
    node->spare = NULL;
    node->name = name;
    node->unsure = true;
    mutex_unlock(&node->lock);
    p9_fid_put(spare);
    p9_fid_put(old);
}

static int node_new(struct p9_super *p9, struct p9_fid *fid, const struct p9_attributes *attributes,
                    struct p9_inode **result)
{
    struct p9_inode *node = kzalloc(sizeof(*node));
    int err = 0;

    if (node == NULL) {
        return -ENOMEM;
    }
    inode_init(&node->inode, &p9->super, &p9_inode_ops, attributes->stat.mode);
    mutex_init(&node->lock, "p9 inode");
    mutex_init(&node->sizing, "p9 size");
    node->p9 = p9;
    node->qid = attributes->qid;
    node->inode.ino = attributes->qid.path;
    node->inode.uid = attributes->stat.uid;
    node->inode.gid = attributes->stat.gid;
    node->inode.rdev = attributes->stat.rdev;
    node->inode.mtime = attributes->stat.mtime;
    node->seen = attributes->stat;
    atomic_store_explicit(&node->inode.size, attributes->stat.size, memory_order_relaxed);
    list_init(&node->link);
    if ((attributes->stat.mode & S_IFMT) == S_IFREG) {
        err = page_cache_new(&node->inode, &p9_page_ops, &node->inode.pages);
    }
    if (err != 0) {
        kfree(node);
        return err;
    }
    node->fid = fid;
    *result = node;
    return 0;
}

static void node_free(struct p9_inode *node)
{
    if (node->inode.pages != NULL) {
        page_cache_free(node->inode.pages);
    }
    p9_open_close_all(node);
    p9_fid_put(node->spare);
    p9_fid_put(node->fid);
    kfree(node);
}

/*
 * Puts it into the table, unless somebody was faster, or has a file that has gone and whose
 * number it got: that one, then, by the name that is good.
 */
static struct p9_inode *node_publish(struct p9_super *p9, struct p9_inode *node)
{
    struct p9_inode *other;

    mutex_lock(&p9->lock);
    other = find(p9, &node->qid);
    if (other == NULL) {
        list_push_front(bucket(p9, node->qid.path), &node->link);
    }
    mutex_unlock(&p9->lock);
    if (other == NULL) {
        return node;
    }
    change_fid(other, p9_fid_get(node->fid), node->name);
    node_free(node);
    return other;
}

int p9_inode_find(struct p9_super *p9, struct p9_fid *fid, const struct p9_qid *qid,
                  struct p9_name name, struct inode **inode)
{
    struct p9_inode *node = find_known(p9, qid);
    struct p9_attributes attributes;
    nsec_t asked = clock_now();
    int err;

    if (node != NULL) {
        change_fid(node, fid, name);
        *inode = &node->inode;
        return 0;
    }
    err = p9_getattr(fid, &attributes);
    if (err != 0) {
        p9_fid_put(fid);
        return err;
    }
    return p9_inode_take(p9, fid, &attributes, asked, name, inode);
}

int p9_inode_take(struct p9_super *p9, struct p9_fid *fid, const struct p9_attributes *attributes,
                  nsec_t asked, struct p9_name name, struct inode **inode)
{
    struct p9_inode *node;
    int err = node_new(p9, fid, attributes, &node);

    if (err != 0) {
        p9_fid_put(fid);
        return err;
    }
    node->name = name;
    node->asked = asked;
    *inode = &node_publish(p9, node)->inode;
    return 0;
}

/* What a mapping wrote after the last close(2); who would hear of an error has gone. */
static void write_last(struct page_cache *pages)
{
    int err = page_cache_sync(pages, 0, (u64)INT64_MAX);

    for (unsigned i = 0; i < WRITE_TRIES && err == -ENOMEM && page_cache_find_memory(); i++) {
        err = page_cache_sync(pages, 0, (u64)INT64_MAX);
    }
}

void p9_inode_release(struct inode *inode)
{
    struct p9_inode *node = p9_inode_of(inode);

    mutex_lock(&node->p9->lock);
    list_remove(&node->link);
    mutex_unlock(&node->p9->lock);
    if (!atomic_load_explicit(&node->unlinked, memory_order_relaxed) && inode->pages != NULL) {
        write_last(inode->pages);
    }
    node_free(node);
}

void p9_keep(struct p9_inode *node)
{
    struct p9_super *p9 = node->p9;
    struct inode *out = NULL;

    mutex_lock(&p9->lock);
    if (!node->kept && !atomic_load_explicit(&node->unlinked, memory_order_relaxed)) {
        struct inode **slot = &p9->kept[p9->kept_next++ % P9_KEPT];

        out = *slot;
        if (out != NULL) {
            p9_inode_of(out)->kept = false;
        }
        *slot = inode_get(&node->inode);
        node->kept = true;
    }
    mutex_unlock(&p9->lock);
    if (out != NULL) {
        inode_put(out);
    }
}

void p9_unkeep(struct p9_inode *node)
{
    struct p9_super *p9 = node->p9;
    bool was;

    mutex_lock(&p9->lock);
    was = node->kept;
    node->kept = false;
    for (unsigned i = 0; was && i < P9_KEPT; i++) {
        if (p9->kept[i] == &node->inode) {
            p9->kept[i] = NULL;
        }
    }
    mutex_unlock(&p9->lock);
    if (was) {
        inode_put(&node->inode);
    }
}

static int super_statfs(struct super *super, struct fs_stat *stat)
{
    struct p9_fid *fid = p9_inode_fid(p9_inode_of(super->root->inode));
    int err = p9_statfs(fid, stat);

    p9_fid_put(fid);
    return err;
}

/* An inode of the bucket that may have something to flush, counted; NULL: none. */
static struct p9_inode *next_to_sync(struct p9_super *p9, unsigned at, u64 round)
{
    struct p9_inode *found = NULL;

    mutex_lock(&p9->lock);
    list_for_each (link, &p9->buckets[at]) {
        struct p9_inode *node = list_entry(link, struct p9_inode, link);

        if (node->synced != round && node->inode.pages != NULL && inode_get_alive(&node->inode)) {
            node->synced = round;
            found = node;
            break;
        }
    }
    mutex_unlock(&p9->lock);
    return found;
}

/* Each once: bytes that were written, and pages that a mapping has changed. */
static int super_sync(struct super *super)
{
    struct p9_super *p9 = super->priv;
    int result = 0;
    u64 round;

    mutex_lock(&p9->syncing);
    round = ++p9->sync_round;
    for (unsigned i = 0; i < P9_BUCKETS; i++) {
        struct p9_inode *node;

        while ((node = next_to_sync(p9, i, round)) != NULL) {
            int err = p9_flush(node, true);

            inode_put(&node->inode);
            result = result == 0 ? err : result;
        }
    }
    mutex_unlock(&p9->syncing);
    return result;
}

static const struct super_ops p9_super_ops = {
    .statfs = super_statfs,
    .sync = super_sync,
};

static struct p9_super *super_new(const char *tag, bool is_read_only)
{
    struct p9_super *p9 = kzalloc(sizeof(*p9));

    if (p9 == NULL) {
        return NULL;
    }
    mutex_init(&p9->lock, "p9 table");
    mutex_init(&p9->syncing, "p9 sync");
    for (unsigned i = 0; i < P9_BUCKETS; i++) {
        list_init(&p9->buckets[i]);
    }
    p9->super.ops = &p9_super_ops;
    p9->super.type = "9p";
    p9->super.read_only = is_read_only;
    p9->super.no_dentry_cache = true;
    p9->super.trust_nsec = P9_TRUST;
    p9->super.dev = vfs_new_dev();
    p9->super.priv = p9;
    strlcpy(p9->super.source, tag, sizeof(p9->super.source));
    return p9;
}

int p9fs_new(struct p9_transport *transport, const char *tag, bool is_read_only,
             struct super **super)
{
    struct p9_super *p9 = super_new(tag, is_read_only);
    struct p9_attributes attributes;
    struct inode *root;
    struct p9_fid *fid;
    int err;

    if (p9 == NULL) {
        return -ENOMEM;
    }
    err = p9_connect(&p9->client, transport, &fid);
    if (err != 0) {
        kfree(p9);
        return err;
    }
    err = p9_getattr(fid, &attributes);
    if (err == 0) {
        err = p9_inode_find(p9, fid, &attributes.qid, (struct p9_name){0}, &root);
    } else {
        p9_fid_put(fid);
    }
    if (err == 0 && (root->mode & S_IFMT) != S_IFDIR) {
        inode_put(root);
        err = -ENOTDIR;
    }
    if (err == 0) {
        p9->super.root = dentry_new_root(&p9->super, root);
        err = p9->super.root == NULL ? -ENOMEM : 0;
    }
    if (err != 0) {
        p9_disconnect(&p9->client);
        kfree(p9);
        return err;
    }
    *super = &p9->super;
    return 0;
}
