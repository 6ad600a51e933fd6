/* SPDX-License-Identifier: MIT */
/*
 * Names that are believed without asking (trust.c says for how long): of a file
 * system whose names change behind our back, so that a path of ten names, or a
 * class path of fifty folders, is not asked for again and again.
 *
 * Each caller says what it believes: stat(2) all, open(2) folders on the way,
 * and who makes a name that there is none, since the file system says so if
 * that is not true any more.
 */
#include <kernel/vfs.h>

#include <kernel/errno.h>

#include "dentry_priv.h"
#include "fs_priv.h"

/* Of which kind of name is that?  The tree's lock is held. */
static u32 trust_kind(const struct dentry *dentry)
{
    if (dentry->inode == NULL) {
        return TRUST_ABSENT;
    }
    return inode_is(dentry->inode, S_IFDIR) ? TRUST_FOLDERS : TRUST_FILES;
}

struct dentry *dentry_trusted(struct dentry *dir, const char *name, size_t len, u32 what)
{
    bool (*goes_by)(struct inode *, const char *, size_t, struct inode *) =
        dir->inode->ops->goes_by;
    nsec_t trust = dir->super->trust_nsec;
    struct dentry *known = NULL;
    bool irq;

    if (trust == 0 || what == 0) {
        return NULL;
    }
    irq = tree_lock();
    known = dentry_find_locked(dir, name, len);
    if (known != NULL && (trust_kind(known) & what) != 0 && trust_is_fresh(known->asked, trust)) {
        (void)dentry_get_locked(known);
    } else {
        known = NULL;
    }
    tree_unlock(irq);
    if (known != NULL && known->inode != NULL && goes_by != NULL &&
        !goes_by(dir->inode, name, len, known->inode)) {
        dentry_put(known);
        known = NULL;
    }
    return known;
}

int dentry_child_trusted(struct dentry *dir, const char *name, size_t len, u32 what, bool opens,
                         struct dentry **child)
{
    if (len > NAME_MAX) {
        return -ENAMETOOLONG;
    }
    *child = dentry_trusted(dir, name, len, what);
    return *child != NULL ? 0 : dentry_child(dir, name, len, true, opens, child);
}

void dentry_distrust(struct dentry *dentry)
{
    dentry_note_asked(dentry, 0);
}
