/* SPDX-License-Identifier: MIT */
/*
 * Changes of attributes, and the table of operations of the 9P file system's
 * inodes.
 */
#include "p9fs_priv.h"

#include "../fs_priv.h"
#include <kernel/clock.h>
#include <kernel/errno.h>
#include <kernel/frame.h>

/* Two requests are not much nearer to each other. */
#define JUST_NOW (2 * NSEC_PER_MSEC)

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
 * Is it the one that is meant, without asking?  Who has no file open means whatever has the
 * name; and when the size changes, contents are lost.
 */
static bool is_certain(struct p9_inode *node, const struct file_change *change)
{
    bool by_name;

    mutex_lock(&node->lock);
    by_name = node->files == 0 && trust_is_fresh(node->asked, P9_TRUST);
    mutex_unlock(&node->lock);
    return (by_name && (change->what & SET_SIZE) == 0) ||
           p9_is_valid_since(node, clock_now() - JUST_NOW);
}

/*
 * Of this very file: its name may be another's by now, and a server that goes by
 * names would change that one.  Rejected: the fid that is open; QEMU before 10.0
 * goes by its name, too.
 */
static int change_server(struct p9_inode *node, const struct file_change *change)
{
    struct p9_fid *fid;
    int err = is_certain(node, change) ? 0 : p9_confirm(node, false);

    if (err == 0) {
        p9_alter_begin(node);
        fid = p9_inode_fid(node);
        err = p9_setattr(fid, change);
        p9_fid_put(fid);
        p9_alter_end(node, 0);
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
    nameless = p9_has_gone(err) && p9_may_be_nameless(node);
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

/* What is known without asking: who has asked before that hears what was. */
static void note_change(struct p9_inode *node, const struct file_change *change)
{
    mutex_lock(&node->lock);
    node->told = ++node->asks;
    if ((change->what & SET_MODE) != 0) {
        node->inode.mode = (node->inode.mode & S_IFMT) | (change->mode & ~S_IFMT);
        node->seen.mode = node->inode.mode;
    }
    if ((change->what & SET_MTIME) != 0) { /* the pages are those of that time now */
        node->seen.mtime = node->inode.mtime = change->mtime;
    }
    mutex_unlock(&node->lock);
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
        err = p9_flush(node, true);
    }
    if (err != 0) {
        return err;
    }
    if ((change->what & SET_SIZE) != 0 && inode->pages != NULL) {
        err = change_size(node, change);
        if (err == 0) {
            mutex_lock(&node->lock);
            node->told = ++node->asks;
            mutex_unlock(&node->lock);
            p9_settle(node);
        }
    } else {
        err = change_server(node, change);
        if (err == 0) {
            note_change(node, change);
        }
    }
    return err;
}

const struct inode_ops p9_inode_ops = {
    .lookup = p9_name_lookup,
    .confirm = p9_name_confirm,
    .goes_by = p9_name_goes_by,
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
