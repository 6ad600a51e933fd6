/* SPDX-License-Identifier: MIT */
/*
 * What is known of the server's files, and asking for it.
 *
 * The server may know files by their names (QEMU does): of a file that has
 * none any more it tells nothing, though it goes on to read and write what
 * is open.  For those we answer from what was seen last.
 */
#include "p9fs_priv.h"

#include "../fs_priv.h"
#include <kernel/clock.h>
#include <kernel/errno.h>

#define OUT_OF_DATE UINT64_MAX

/* When the server was asked, and which changes of ours it had by then. */
struct moment {
    nsec_t asked;
    u64 contents;    /* p9_inode's generation */
    u64 alterations; /* and its alterations */
    u64 ask;         /* the number of the question */
};

static bool time_is(const struct timespec *a, const struct timespec *b)
{
    return a->sec == b->sec && a->nsec == b->nsec;
}

bool p9_has_gone(int err)
{
    return err == -ENOENT || err == -ESTALE || err == -ENOTDIR;
}

bool p9_may_be_nameless(const struct p9_inode *node)
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

/* Will it be opened on the server, by a fid that is not there yet? */
static bool wants_spare(struct p9_inode *node)
{
    bool wants;

    mutex_lock(&node->lock);
    wants = node->files == 0 && node->spare == NULL &&
            (node->inode.pages != NULL || (node->inode.mode & S_IFMT) == S_IFDIR);
    mutex_unlock(&node->lock);
    return wants;
}

/* As p9_getattr(), and another fid of the file comes with it, if that can be. */
static int ask_with_spare(struct p9_inode *node, struct p9_fid *fid,
                          struct p9_attributes *attributes)
{
    struct p9_fid *spare;
    struct p9_qid qid;
    int err;

    if (!wants_spare(node)) {
        return p9_getattr(fid, attributes);
    }
    err = p9_walk_and_getattr(fid, NULL, 0, &spare, &qid, fid, attributes);
    if (err == 0) {
        mutex_lock(&node->lock);
        if (node->spare == NULL && node->fid == fid) {
            node->spare = spare;
            spare = NULL;
        }
        mutex_unlock(&node->lock);
        p9_fid_put(spare);
    }
    return err;
}

/*
 * The server's attributes, of this very file; and as of when.  While ours are
 * newer what it says is out of date, even if it has all by the time when we hear it.
 */
static int ask(struct p9_inode *node, bool opens, struct p9_attributes *attributes,
               struct moment *moment)
{
    struct p9_fid *fid = p9_inode_fid(node);
    int err;

    mutex_lock(&node->lock);
    moment->contents = is_newer(node) ? OUT_OF_DATE : node->generation;
    moment->alterations = node->altering != 0 ? OUT_OF_DATE : node->alterations;
    moment->ask = ++node->asks;
    mutex_unlock(&node->lock);
    moment->asked = clock_now();
    err = opens ? ask_with_spare(node, fid, attributes) : p9_getattr(fid, attributes);
    p9_fid_put(fid);
    if (err == 0 && (attributes->qid.path != node->qid.path ||
                     (attributes->stat.mode & S_IFMT) != (node->inode.mode & S_IFMT))) {
        err = -ESTALE;
    }
    return err;
}

/* Of names, mode and owner: what the server said, if no change of ours is newer. */
static void take_alterable(struct p9_inode *node, const struct file_stat *stat,
                           const struct moment *moment, bool altered)
{
    if (altered) {
        return;
    }
    node->asked = MAX(node->asked, moment->asked);
    node->inode.mode = stat->mode;
    node->inode.uid = stat->uid;
    node->inode.gid = stat->gid;
    node->seen.links = stat->links;
    atomic_store_explicit(&node->unlinked, false, memory_order_relaxed);
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
    bool altered = moment->alterations != node->alterations;
    u32 links;

    *taken = moment->contents == node->generation && !is_newer(node);
    if (moment->ask < node->told) {
        return false;
    }
    node->told = moment->ask;
    take_alterable(node, stat, moment, altered);
    if (!*taken) {
        return false;
    }
    links = node->seen.links;
    node->seen = *stat;
    node->seen.links = links;
    node->unsure = altered;
    node->inode.mtime = stat->mtime;
    atomic_store_explicit(&node->inode.size, stat->size, memory_order_release);
    if (node->changed) {
        node->changed = false; /* by ourselves, then */
        return false;
    }
    return !same;
}

/* The server could not tell.  If the file has gone without our doing, others are at work. */
static void forget(struct p9_inode *node, int err)
{
    mutex_lock(&node->lock);
    node->asked = 0;
    mutex_unlock(&node->lock);
    if (p9_has_gone(err) && !atomic_load_explicit(&node->unlinked, memory_order_relaxed)) {
        vfs_heard();
    }
}

/* As p9_validate(), and tells what the server said, and whether that is how it is. */
static int look(struct p9_inode *node, bool opens, struct p9_attributes *now, bool *taken)
{
    struct moment moment;
    bool stale;
    int err = ask(node, opens, now, &moment);

    if (err != 0) {
        forget(node, err);
        return err;
    }
    mutex_lock(&node->lock);
    stale = take_attributes(node, &now->stat, &moment, taken);
    mutex_unlock(&node->lock);
    if (stale && node->inode.pages != NULL) {
        vfs_heard();
        (void)page_cache_drop_clean(node->inode.pages);
    }
    return 0;
}

int p9_confirm(struct p9_inode *node, bool opens)
{
    struct p9_attributes now;
    bool taken;

    return look(node, opens, &now, &taken);
}

int p9_validate(struct p9_inode *node)
{
    bool nameless;
    int err = p9_confirm(node, false);

    mutex_lock(&node->lock);
    nameless = p9_has_gone(err) && p9_may_be_nameless(node);
    mutex_unlock(&node->lock);
    return nameless ? 0 : err;
}

/* The lock is held. */
static bool is_known(const struct p9_inode *node)
{
    return !is_newer(node) && !node->changed && !node->unsure && node->altering == 0 &&
           trust_is_fresh(node->asked, P9_TRUST);
}

bool p9_is_known(struct p9_inode *node)
{
    bool known;

    mutex_lock(&node->lock);
    known = is_known(node);
    mutex_unlock(&node->lock);
    return known;
}

bool p9_is_valid_since(struct p9_inode *node, nsec_t began)
{
    bool valid;

    mutex_lock(&node->lock);
    valid = node->asked != 0 && node->asked >= began;
    mutex_unlock(&node->lock);
    return valid;
}

static bool getattr_known(struct p9_inode *node, struct file_stat *stat)
{
    bool known;

    mutex_lock(&node->lock);
    known = is_known(node);
    if (known) {
        *stat = node->seen;
    }
    mutex_unlock(&node->lock);
    return known;
}

static int getattr_asked(struct p9_inode *node, struct file_stat *stat)
{
    bool cached = node->inode.pages != NULL;
    struct p9_attributes now;
    bool taken = false;
    int err = look(node, false, &now, &taken);
    bool gone = p9_has_gone(err);

    mutex_lock(&node->lock);
    if (err == 0) {
        *stat = now.stat;
    } else if (gone && p9_may_be_nameless(node)) {
        *stat = node->seen;
        err = 0;
    }
    if (err == 0 && !taken && cached) {
        stat->size = atomic_load_explicit(&node->inode.size, memory_order_relaxed);
        stat->blocks = MAX(stat->blocks, (stat->size + 511) / 512);
    }
    if (err == 0 && !taken && cached && (!gone || is_newer(node))) {
        stat->mtime = stat->ctime = node->written;
    }
    mutex_unlock(&node->lock);
    return err;
}

int p9_getattr_op(struct inode *inode, struct file_stat *stat)
{
    struct p9_inode *node = p9_inode_of(inode);
    int err = getattr_known(node, stat) ? 0 : getattr_asked(node, stat);

    stat->dev = inode->super->dev;
    return err;
}
