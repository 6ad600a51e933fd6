/* SPDX-License-Identifier: MIT */
/*
 * Names of the 9P file system.  One that is looked up is walked to; one that is
 * known already is confirmed: the server knows a fid by the name that it was
 * walked to by (QEMU does), so its attributes tell whether it is still that file's.
 */
#include "p9fs_priv.h"

#include <kernel/clock.h>
#include <kernel/errno.h>

int p9_name_lookup(struct inode *dir, const char *name, size_t len, struct inode **inode)
{
    struct p9_fid *from = p9_inode_fid(p9_inode_of(dir));
    struct p9_fid *fid;
    struct p9_qid qid;
    int err = p9_walk(from, name, len, &fid, &qid);

    p9_fid_put(from);
    return err != 0 ? err
                    : p9_inode_find(dir->super->priv, fid, &qid, p9_name_of(dir, name, len), inode);
}

struct p9_name p9_name_of(const struct inode *dir, const char *name, size_t len)
{
    struct p9_name result = {.dir = dir->ino, .hash = 0xcbf29ce484222325ull};

    for (size_t i = 0; i < len; i++) {
        result.hash = (result.hash ^ (u8)name[i]) * 0x100000001b3ull;
    }
    return result;
}

bool p9_name_goes_by(struct inode *dir, const char *name, size_t len, struct inode *inode)
{
    struct p9_name is = p9_name_of(dir, name, len);
    struct p9_inode *node = p9_inode_of(inode);
    bool same;

    mutex_lock(&node->lock);
    same = node->name.dir == is.dir && node->name.hash == is.hash;
    mutex_unlock(&node->lock);
    return same;
}

int p9_name_confirm(struct inode *dir, const char *name, size_t len, struct inode *inode,
                    bool opens)
{
    int err =
        p9_name_goes_by(dir, name, len, inode) ? p9_confirm(p9_inode_of(inode), opens) : -ESTALE;

    /* Was it by this name still that it was asked for? */
    return err == 0 && !p9_name_goes_by(dir, name, len, inode) ? -ESTALE : err;
}

/* Its inode, of the file that is open as `opened`; found by its name, as others are. */
static int find_created(struct inode *dir, const char *name, size_t len, struct p9_fid *opened,
                        struct inode **inode)
{
    struct p9_name known = p9_name_of(dir, name, len);
    struct p9_fid *from = p9_inode_fid(p9_inode_of(dir));
    struct p9_attributes attributes;
    nsec_t asked = clock_now();
    struct p9_fid *fid;
    struct p9_qid qid;
    int err = p9_walk_and_getattr(from, name, len, &fid, &qid, opened, &attributes);

    p9_fid_put(from);
    if (err != 0) {
        return err;
    }
    if (attributes.qid.path != qid.path) { /* another has replaced it already */
        return p9_inode_find(dir->super->priv, fid, &qid, known, inode);
    }
    return p9_inode_take(dir->super->priv, fid, &attributes, asked, known, inode);
}

/* The file that was created stays open until it is opened: its mode may forbid that. */
static int create_file(struct inode *dir, const char *name, size_t len, u32 mode,
                       struct inode **inode)
{
    struct p9_fid *from = p9_inode_fid(p9_inode_of(dir));
    struct p9_fid *fid;
    struct p9_qid qid;
    int err = p9_walk(from, NULL, 0, &fid, &qid);

    p9_fid_put(from);
    if (err != 0) {
        return err;
    }
    p9_alter_begin(p9_inode_of(dir));
    err = p9_lcreate(fid, name, len, mode & ~S_IFMT);
    p9_alter_end(p9_inode_of(dir), 0);
    if (err == 0) {
        err = find_created(dir, name, len, fid, inode);
    }
    if (err == 0) {
        p9_open_adopt(p9_inode_of(*inode), fid);
    } else {
        p9_fid_put(fid);
    }
    return err;
}

int p9_name_create(struct inode *dir, const char *name, size_t len, u32 mode, u64 rdev,
                   struct inode **inode)
{
    struct p9_fid *from;
    int err;

    if (p9_read_only(dir)) {
        return -EROFS;
    }
    if ((mode & S_IFMT) == S_IFREG) {
        return create_file(dir, name, len, mode, inode);
    }
    from = p9_inode_fid(p9_inode_of(dir));
    p9_alter_begin(p9_inode_of(dir));
    if ((mode & S_IFMT) == S_IFDIR) {
        err = p9_mkdir(from, name, len, mode & ~S_IFMT);
    } else {
        err = p9_mknod(from, name, len, mode, rdev);
    }
    p9_alter_end(p9_inode_of(dir), 0);
    p9_fid_put(from);
    return err != 0 ? err : p9_name_lookup(dir, name, len, inode);
}

int p9_name_symlink(struct inode *dir, const char *name, size_t len, const char *target,
                    struct inode **inode)
{
    struct p9_fid *from;
    int err;

    if (p9_read_only(dir)) {
        return -EROFS;
    }
    from = p9_inode_fid(p9_inode_of(dir));
    p9_alter_begin(p9_inode_of(dir));
    err = p9_symlink(from, name, len, target);
    p9_alter_end(p9_inode_of(dir), 0);
    p9_fid_put(from);
    return err != 0 ? err : p9_name_lookup(dir, name, len, inode);
}

void p9_alter_begin(struct p9_inode *node)
{
    mutex_lock(&node->lock);
    node->altering++;
    node->alterations++;
    node->unsure = true;
    mutex_unlock(&node->lock);
}

/* Has it lost its last name?  The lock is held. */
static bool names_change(struct p9_inode *node, int by)
{
    u32 links = node->seen.links + (u32)by;

    if ((node->inode.mode & S_IFMT) == S_IFDIR || (s32)links < 0) {
        links = 0;
    }
    node->seen.links = links;
    if (links == 0) {
        atomic_store_explicit(&node->unlinked, true, memory_order_relaxed);
    }
    return links == 0;
}

void p9_alter_end(struct p9_inode *node, int by)
{
    bool lost;

    mutex_lock(&node->lock);
    node->altering--;
    node->unsure = true;
    lost = by != 0 && names_change(node, by);
    if (by != 0) { /* `fid` may have gone by that name, or by one that it has no more */
        node->asked = 0;
        node->name = (struct p9_name){0};
    }
    mutex_unlock(&node->lock);
    if (lost) {
        p9_unkeep(node);
    }
}

int p9_name_link(struct inode *dir, const char *name, size_t len, struct inode *to)
{
    struct p9_fid *from;
    struct p9_fid *fid;
    int err;

    if (p9_read_only(dir)) {
        return -EROFS;
    }
    from = p9_inode_fid(p9_inode_of(dir));
    fid = p9_inode_fid(p9_inode_of(to));
    p9_alter_begin(p9_inode_of(to));
    p9_alter_begin(p9_inode_of(dir));
    err = p9_link(from, name, len, fid);
    p9_alter_end(p9_inode_of(dir), 0);
    p9_alter_end(p9_inode_of(to), err == 0 ? 1 : 0);
    p9_fid_put(fid);
    p9_fid_put(from);
    return err;
}

int p9_name_unlink(struct inode *dir, const char *name, size_t len, struct inode *inode)
{
    struct p9_inode *node = p9_inode_of(inode);
    bool directory = (inode->mode & S_IFMT) == S_IFDIR;
    struct p9_fid *from;
    int err;

    if (p9_read_only(dir)) {
        return -EROFS;
    }
    from = p9_inode_fid(p9_inode_of(dir));
    p9_alter_begin(node);
    p9_alter_begin(p9_inode_of(dir));
    err = p9_unlinkat(from, name, len, directory);
    p9_alter_end(p9_inode_of(dir), 0);
    p9_alter_end(node, err == 0 ? -1 : 0);
    p9_fid_put(from);
    return err;
}

/* What has the name that a rename is to take: counted, or NULL. */
static struct inode *find_replaced(struct inode *dir, const char *name, size_t len)
{
    struct inode *inode;

    return p9_name_lookup(dir, name, len, &inode) == 0 ? inode : NULL;
}

int p9_name_rename(struct inode *from, const char *name, size_t len, struct inode *to,
                   const char *new_name, size_t new_len, u32 flags)
{
    struct inode *replaced;
    struct p9_fid *old_dir;
    struct p9_fid *new_dir;
    int err;

    if (p9_read_only(from)) {
        return -EROFS;
    }
    if (flags != 0) {
        return -EINVAL; /* the protocol has no word for it */
    }
    replaced = find_replaced(to, new_name, new_len);
    if (replaced != NULL) {
        p9_alter_begin(p9_inode_of(replaced));
    }
    old_dir = p9_inode_fid(p9_inode_of(from));
    new_dir = p9_inode_fid(p9_inode_of(to));
    p9_alter_begin(p9_inode_of(from));
    p9_alter_begin(p9_inode_of(to));
    err = p9_renameat(old_dir, name, len, new_dir, new_name, new_len);
    p9_alter_end(p9_inode_of(to), 0);
    p9_alter_end(p9_inode_of(from), 0);
    p9_fid_put(new_dir);
    p9_fid_put(old_dir);
    if (replaced != NULL) {
        p9_alter_end(p9_inode_of(replaced), err == 0 ? -1 : 0);
        inode_put(replaced);
    }
    return err;
}

s64 p9_name_readlink(struct inode *inode, char *target, size_t size)
{
    struct p9_fid *fid = p9_inode_fid(p9_inode_of(inode));
    s64 result = p9_readlink(fid, target, size);

    p9_fid_put(fid);
    return result;
}
