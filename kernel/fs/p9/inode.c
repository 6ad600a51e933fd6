/* SPDX-License-Identifier: MIT */
/*
 * Attributes of the 9P file system.
 *
 * The server may know files by their names (QEMU does): of a file that has
 * none any more it tells nothing, though it goes on to read and write what
 * is open.  For those we answer from what was seen last.
 */
#include "p9fs_priv.h"

#include "../fs_priv.h"
#include <kernel/errno.h>
#include <kernel/frame.h>

#define OUT_OF_DATE UINT64_MAX

/* Which changes of ours the server had when it was asked. */
struct moment {
    u64 contents; /* p9_inode's generation */
    u64 names;    /* and its names */
    u64 ask;      /* the number of the question */
};

static bool time_is(const struct timespec *a, const struct timespec *b)
{
    return a->sec == b->sec && a->nsec == b->nsec;
}

/* The file has no name, or its name belongs to another file. */
static bool has_gone(int err)
{
    return err == -ENOENT || err == -ESTALE || err == -ENOTDIR;
}

/* Open, or known to have lost its last name: it lives on without one.  The lock is held. */
static bool may_be_nameless(const struct p9_inode *node)
{
    return node->files > 0 || atomic_load_explicit(&node->unlinked, memory_order_relaxed);
}

/* What we have is newer than what the server has.  The lock is held. */
static bool is_newer(const struct p9_inode *node)
{
    return node->put != node->saved || node->writing != 0;
}

u64 p9_unsaved(struct p9_inode *node)
{
    u64 unsaved;

    mutex_lock(&node->lock);
    unsaved = node->put - node->saved;
    mutex_unlock(&node->lock);
    return unsaved;
}

/*
 * The server's attributes, of this very file; and as of when.  While ours are
 * newer what it says is out of date, even if it has all by the time when we hear it.
 */
static int ask(struct p9_inode *node, struct p9_attributes *attributes, struct moment *moment)
{
    struct p9_fid *fid = p9_inode_fid(node);
    int err;

    mutex_lock(&node->lock);
    moment->contents = is_newer(node) ? OUT_OF_DATE : node->generation;
    moment->names = node->naming != 0 ? OUT_OF_DATE : node->names;
    moment->ask = ++node->asks;
    mutex_unlock(&node->lock);
    err = p9_getattr(fid, attributes);
    p9_fid_put(fid);
    if (err == 0 && (attributes->qid.path != node->qid.path ||
                     (attributes->stat.mode & S_IFMT) != (node->inode.mode & S_IFMT))) {
        err = -ESTALE;
    }
    return err;
}

/*
 * Takes what the server said, if nothing of ours is newer than that, which
 * *taken tells.  An answer that a later one has overtaken changes nothing here.
 * True if the contents are not those that the cache has.  The lock is held.
 */
static bool take_attributes(struct p9_inode *node, const struct file_stat *stat,
                            const struct moment *moment, bool *taken)
{
    bool same = node->seen.size == stat->size && time_is(&node->seen.mtime, &stat->mtime);
    u32 links = node->seen.links;

    *taken = moment->contents == node->generation && !is_newer(node);
    if (moment->ask < node->told) {
        return false;
    }
    node->told = moment->ask;
    node->inode.mode = stat->mode;
    node->inode.uid = stat->uid;
    node->inode.gid = stat->gid;
    if (moment->names == node->names) {
        links = stat->links;
        atomic_store_explicit(&node->unlinked, false, memory_order_relaxed);
    }
    node->seen.links = links;
    if (!*taken) {
        return false;
    }
    node->seen = *stat;
    node->seen.links = links;
    node->inode.mtime = stat->mtime;
    atomic_store_explicit(&node->inode.size, stat->size, memory_order_release);
    if (node->changed) {
        node->changed = false; /* by ourselves, then */
        return false;
    }
    return !same;
}

/* As p9_validate(), and tells what the server said, and whether that is how it is. */
static int look(struct p9_inode *node, struct p9_attributes *now, bool *taken)
{
    struct moment moment;
    bool stale;
    int err = ask(node, now, &moment);

    if (err != 0) {
        return err;
    }
    mutex_lock(&node->lock);
    stale = take_attributes(node, &now->stat, &moment, taken);
    mutex_unlock(&node->lock);
    if (stale && node->inode.pages != NULL) {
        (void)page_cache_drop_clean(node->inode.pages);
    }
    return 0;
}

int p9_validate(struct p9_inode *node)
{
    struct p9_attributes now;
    bool nameless, taken;
    int err = look(node, &now, &taken);

    mutex_lock(&node->lock);
    nameless = has_gone(err) && may_be_nameless(node);
    mutex_unlock(&node->lock);
    return nameless ? 0 : err;
}

static int p9_getattr_op(struct inode *inode, struct file_stat *stat)
{
    struct p9_inode *node = p9_inode_of(inode);
    struct p9_attributes now;
    bool taken = false;
    int err = look(node, &now, &taken);
    bool gone = has_gone(err);

    mutex_lock(&node->lock);
    if (err == 0) {
        *stat = now.stat;
    } else if (gone && may_be_nameless(node)) {
        *stat = node->seen;
        err = 0;
    }
    if (err == 0 && !taken) {
        stat->size = atomic_load_explicit(&inode->size, memory_order_relaxed);
        stat->blocks = MAX(stat->blocks, (stat->size + 511) / 512);
    }
    if (err == 0 && !taken && (!gone || is_newer(node))) {
        stat->mtime = stat->ctime = node->written;
    }
    mutex_unlock(&node->lock);
    stat->dev = inode->super->dev;
    return err;
}

/*
 * A file without a name cannot be given a size on such a server.  The bytes
 * beyond are overwritten with zeroes, which is what is read there again.
 */
static int zero_server(struct p9_inode *node, u64 from, u64 to)
{
    struct p9_fid *fid;
    s64 put = 1;
    pfn_t zero;
    int err = frame_alloc(ORDER_4K, FRAME_ZERO, &zero);

    if (err != 0) {
        return err;
    }
    err = p9_open_get(node, O_WRONLY, &fid);
    if (err == 0) {
        while (from < to && put > 0) {
            put = p9_write(fid, from, &zero, 0, MIN(PAGE_SIZE, to - from));
            from += put > 0 ? (u64)put : 0;
        }
        p9_fid_put(fid);
        err = put < 0 ? (int)put : 0;
    }
    frame_free(zero, ORDER_4K);
    return err;
}

static void set_size(struct p9_inode *node, u64 size)
{
    mutex_lock(&node->lock);
    node->generation++;
    node->changed = true;
    atomic_store_explicit(&node->inode.size, size, memory_order_release);
    mutex_unlock(&node->lock);
}

/*
 * Of this very file: its name may be another's by now, and a server that goes by
 * names would change that one.  Rejected: the fid that is open; QEMU before 10.0
 * goes by its name, too.
 */
static int change_server(struct p9_inode *node, const struct file_change *change)
{
    struct p9_attributes now;
    struct p9_fid *fid;
    struct moment ignored;
    int err = ask(node, &now, &ignored);

    if (err == 0) {
        fid = p9_inode_fid(node);
        err = p9_setattr(fid, change);
        p9_fid_put(fid);
    }
    return err;
}

/* Nothing is written back meanwhile.  *set: here, too. */
static int change_sized(struct p9_inode *node, const struct file_change *change, bool *set)
{
    u64 old = atomic_load_explicit(&node->inode.size, memory_order_relaxed);
    bool nameless;
    int err = change_server(node, change);

    mutex_lock(&node->lock);
    nameless = has_gone(err) && may_be_nameless(node);
    mutex_unlock(&node->lock);
    *set = err == 0 || nameless;
    if (!*set) {
        return err;
    }
    set_size(node, change->size);
    return nameless && change->size < old ? zero_server(node, change->size, old) : 0;
}

/* The server's file first: if it refuses, nothing has changed here. */
static int change_size(struct p9_inode *node, const struct file_change *change)
{
    bool set;
    int err;

    mutex_lock(&node->sizing);
    err = change_sized(node, change, &set);
    mutex_unlock(&node->sizing);
    if (set) {
        page_cache_truncate(node->inode.pages, change->size);
    }
    return err;
}

void p9_settle(struct p9_inode *node)
{
    int ignored = p9_validate(node); /* what was to be done has been done */

    (void)ignored;
}

static int p9_setattr_op(struct inode *inode, const struct file_change *change)
{
    struct p9_inode *node = p9_inode_of(inode);
    int err = 0;

    if (p9_read_only(inode)) {
        return -EROFS;
    }
    if ((change->what & SET_SIZE) != 0) {
        err = bounds_check_size(inode, change->size);
    }
    /* Written later, the bytes would change the time again. */
    if (err == 0 && (change->what & SET_MTIME) != 0 && inode->pages != NULL) {
        err = p9_flush(node);
    }
    if (err != 0) {
        return err;
    }
    if ((change->what & SET_SIZE) != 0 && inode->pages != NULL) {
        err = change_size(node, change);
    } else {
        err = change_server(node, change);
    }
    if (err == 0) {
        mutex_lock(&node->lock);
        node->changed = true;
        node->told = ++node->asks; /* who has asked before that hears what was */
        mutex_unlock(&node->lock);
        p9_settle(node);
    }
    return err;
}

const struct inode_ops p9_inode_ops = {
    .lookup = p9_name_lookup,
    .create = p9_name_create,
    .symlink = p9_name_symlink,
    .link = p9_name_link,
    .unlink = p9_name_unlink,
    .rename = p9_name_rename,
    .readlink = p9_name_readlink,
    .getattr = p9_getattr_op,
    .setattr = p9_setattr_op,
    .open = p9_file_open,
    .release = p9_inode_release,
};
