/* SPDX-License-Identifier: MIT */
/*
 * Fids that are open.  All who have a file open share them, and the page
 * cache reads and writes by them: one request to the server opens a file for
 * any number of open(2).  They are closed when the last of those is, so that
 * the host can remove, unmount and execute what was open here; the page cache
 * opens one again should a mapping outlive that.
 *
 * A file that is opened to be written is opened for both, if the server lets
 * us: a page that is written in part must be read first.
 */
#include "p9fs_priv.h"

#include <kernel/errno.h>

#define ACCESSES ARRAY_SIZE(((struct p9_inode *)NULL)->opened)

struct p9_fid *p9_inode_fid(struct p9_inode *node)
{
    struct p9_fid *fid;

    mutex_lock(&node->lock);
    fid = p9_fid_get(node->fid);
    mutex_unlock(&node->lock);
    return fid;
}

static struct p9_fid *find(const struct p9_inode *node, u32 access)
{
    return node->opened[O_RDWR] != NULL ? node->opened[O_RDWR] : node->opened[access];
}

/* Its name may be another file's by now. */
static int open_as(struct p9_inode *node, u32 access)
{
    struct p9_qid qid;
    struct p9_fid *fid = node->spare;
    int err = fid != NULL ? 0 : p9_walk(node->fid, NULL, 0, &fid, &qid);

    node->spare = NULL;
    if (err == 0) {
        err = p9_lopen(fid, access, &qid);
        if (err == 0 && (qid.path != node->qid.path || qid.type != node->qid.type)) {
            err = -ESTALE;
        }
        if (err == 0) {
            node->opened[access] = fid;
        } else {
            p9_fid_put(fid);
        }
    }
    return err;
}

/* The lock is held. */
static int open_new(struct p9_inode *node, u32 access)
{
    int err;

    if (access == O_RDONLY || (node->inode.mode & S_IFMT) != S_IFREG) {
        return open_as(node, access);
    }
    err = open_as(node, O_RDWR);
    return err == -EACCES && access == O_WRONLY ? open_as(node, O_WRONLY) : err;
}

int p9_open_get(struct p9_inode *node, u32 access, struct p9_fid **fid)
{
    int err = 0;

    mutex_lock(&node->lock);
    if (find(node, access) == NULL) {
        err = open_new(node, access);
    }
    if (err == 0) {
        *fid = p9_fid_get(find(node, access));
    }
    mutex_unlock(&node->lock);
    return err;
}

void p9_open_adopt(struct p9_inode *node, struct p9_fid *fid)
{
    mutex_lock(&node->lock);
    if (node->opened[O_RDWR] == NULL) {
        node->opened[O_RDWR] = fid;
        fid = NULL;
    }
    mutex_unlock(&node->lock);
    p9_fid_put(fid);
}

/* The lock is held. */
static void detach(struct p9_inode *node, struct p9_fid *opened[ACCESSES])
{
    for (unsigned i = 0; i < ACCESSES; i++) {
        opened[i] = node->opened[i];
        node->opened[i] = NULL;
    }
}

void p9_open_close_all(struct p9_inode *node)
{
    struct p9_fid *opened[ACCESSES];

    mutex_lock(&node->lock);
    detach(node, opened);
    mutex_unlock(&node->lock);
    for (unsigned i = 0; i < ACCESSES; i++) {
        p9_fid_put(opened[i]);
    }
}

bool p9_open_leave(struct p9_inode *node, bool later)
{
    struct p9_fid *opened[ACCESSES] = {0};
    bool last;

    mutex_lock(&node->lock);
    last = --node->files == 0;
    if (last) { /* who opens it from now on finds none of them */
        detach(node, opened);
    }
    mutex_unlock(&node->lock);
    for (unsigned i = 0; i < ACCESSES; i++) {
        if (later) {
            p9_fid_put_later(opened[i]);
        } else {
            p9_fid_put(opened[i]);
        }
    }
    return last;
}
