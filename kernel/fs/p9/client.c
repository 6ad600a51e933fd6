/* SPDX-License-Identifier: MIT */
/*
 * The requests of 9P2000.L that are about names and attributes, each packed
 * and its reply taken apart.  What moves data is in transfer.c.
 *
 * Everybody is root here, so owners are left to the server (gid 0 with each
 * request).  Locks are not passed on: the one process keeps its own, and
 * QEMU's server grants every one that it is asked for.  Extended attributes
 * are refused by the layers above.
 */
#include "client_priv.h"

#include "rpc_priv.h"
#include <kernel/errno.h>
#include <kernel/kmalloc.h>
#include <kernel/string.h>

#define VERSION "9P2000.L"
#define VERSION_SIZE (sizeof(VERSION) - 1)
#define MSIZE_MIN 4096u

#define GETATTR_BASIC 0x7ffull /* all that stat(2) tells */
#define GETATTR_SIZE 153u      /* of the reply */
#define SETATTR_MODE 0x1u
#define SETATTR_UID 0x2u
#define SETATTR_GID 0x4u
#define SETATTR_SIZE 0x8u
#define SETATTR_ATIME 0x90u /* with the time in the request */
#define SETATTR_MTIME 0x120u
#define KEEP_OWNER 0xffffffffu

#define LINUX_O_CREAT 0100u
#define UNLINK_DIRECTORY 0x200u /* AT_REMOVEDIR */
#define QID_SIZE 13u
#define NSEC_MAX 999999999u

static int agree(struct p9_client *client)
{
    struct p9_string version;
    struct p9_rpc rpc;
    u32 msize = 0;
    int err = p9_rpc_begin(&rpc, client, P9_VERSION, 32, 64);

    if (err != 0) {
        return err;
    }
    err = p9_rpc_run(&rpc, "4s", (u64)client->msize, VERSION, VERSION_SIZE);
    if (err == 0) {
        p9_unpack(&rpc.in, "4s", &msize, &version);
        err = p9_rpc_check(&rpc);
    }
    if (err == 0 &&
        (version.size != VERSION_SIZE || memcmp(version.at, VERSION, VERSION_SIZE) != 0 ||
         msize < MSIZE_MIN || msize > client->msize)) {
        err = -EPROTO;
    }
    p9_rpc_end(&rpc);
    client->msize = msize;
    return err;
}

static int attach(struct p9_client *client, struct p9_fid **root)
{
    struct p9_rpc rpc;
    int err = p9_fid_new(client, root);

    if (err != 0) {
        return err;
    }
    err = p9_rpc_begin(&rpc, client, P9_ATTACH, 32, QID_SIZE);
    if (err == 0) {
        err = p9_rpc_run(&rpc, "44ss4", (u64)(*root)->number, (u64)P9_NO_FID, "root", (size_t)4, "",
                         (size_t)0, 0ull);
        p9_rpc_end(&rpc);
    }
    if (err != 0) {
        p9_fid_drop(*root, err);
    }
    return err;
}

int p9_connect(struct p9_client *client, struct p9_transport *transport, struct p9_fid **root)
{
    int err;

    client->transport = transport;
    client->msize = (u32)MIN((u64)transport->size_max, P9_MSIZE);
    p9_numbers_init(&client->fids);
    p9_numbers_init(&client->tags);
    mutex_init(&client->posting, "p9 posted");
    err = agree(client);
    if (err == 0) {
        err = attach(client, root);
    }
    if (err != 0) {
        p9_disconnect(client);
    }
    return err;
}

void p9_disconnect(struct p9_client *client)
{
    p9_fids_settle(client);
    p9_numbers_free(&client->fids);
    p9_numbers_free(&client->tags);
}

/* The reply has a qid for each name that was found. */
static int walk_reply(struct p9_rpc *rpc, unsigned names, struct p9_qid *qid)
{
    u16 count;

    p9_unpack(&rpc->in, "2", &count);
    if (rpc->in.bad || count > names) {
        return -EIO;
    }
    if (count < names) {
        return -ENOENT;
    }
    if (names > 0) {
        p9_unpack(&rpc->in, "q", qid);
    }
    return p9_rpc_check(rpc);
}

struct walking {
    struct p9_rpc rpc;
    unsigned names;
    struct p9_fid *to;
};

static int walk_begin(struct walking *walking, struct p9_fid *from, size_t len)
{
    int err = p9_fid_new(from->client, &walking->to);

    if (err == 0) {
        err = p9_rpc_begin(&walking->rpc, from->client, P9_WALK, 12 + (u32)len, 2 + QID_SIZE);
        if (err != 0) {
            p9_fid_drop(walking->to, err);
        }
    }
    return err;
}

/* It was sent, and ended in `err`. */
static int walk_end(struct walking *walking, int err, struct p9_fid **to, struct p9_qid *qid)
{
    *to = walking->to;
    if (err == 0) {
        err = walk_reply(&walking->rpc, walking->names, qid);
    }
    p9_rpc_end(&walking->rpc);
    if (err != 0) {
        p9_fid_drop(*to, err);
        *to = NULL;
    }
    return err;
}

int p9_walk(struct p9_fid *from, const char *name, size_t len, struct p9_fid **to,
            struct p9_qid *qid)
{
    struct walking walking = {.names = name == NULL ? 0 : 1};
    int err = walk_begin(&walking, from, len);

    if (err != 0) {
        *to = NULL;
        return err;
    }
    err = p9_rpc_run(&walking.rpc, name == NULL ? "442" : "442s", (u64)from->number,
                     (u64)walking.to->number, (u64)walking.names, name, len);
    return walk_end(&walking, err, to, qid);
}

int p9_walk_and_getattr(struct p9_fid *from, const char *name, size_t len, struct p9_fid **to,
                        struct p9_qid *qid, struct p9_fid *of, struct p9_attributes *attributes)
{
    struct walking walking = {.names = name == NULL ? 0 : 1};
    const char *shape = name == NULL ? "442" : "442s";
    int err = walk_begin(&walking, from, len);
    int walked;

    if (err != 0) {
        return err;
    }
    walked = p9_rpc_start(&walking.rpc, shape, (u64)from->number, (u64)walking.to->number,
                          (u64)walking.names, name, len);
    err = p9_getattr(of, attributes);
    walked = walked == 0 ? p9_rpc_finish(&walking.rpc)
                         : p9_rpc_run(&walking.rpc, shape, (u64)from->number,
                                      (u64)walking.to->number, (u64)walking.names, name, len);
    walked = walk_end(&walking, walked, to, qid);
    if (err != 0) {
        p9_fid_put(*to);
    }
    return err != 0 ? err : walked;
}

static void get_time(struct p9_rpc *rpc, struct timespec *time)
{
    u64 sec;
    u64 nsec;

    p9_unpack(&rpc->in, "88", &sec, &nsec);
    *time = (struct timespec){(s64)sec, (s64)MIN(nsec, (u64)NSEC_MAX)};
}

static void getattr_reply(struct p9_rpc *rpc, struct p9_attributes *attributes)
{
    struct file_stat *stat = &attributes->stat;
    u64 links;
    u64 block_size;
    u64 valid;

    *stat = (struct file_stat){0};
    p9_unpack(&rpc->in, "8q44488888", &valid, &attributes->qid, &stat->mode, &stat->uid, &stat->gid,
              &links, &stat->rdev, &stat->size, &block_size, &stat->blocks);
    get_time(rpc, &stat->atime);
    get_time(rpc, &stat->mtime);
    get_time(rpc, &stat->ctime);
    stat->ino = attributes->qid.path;
    stat->links = (u32)MIN(links, 0xffffffffull);
    stat->block_size = (u32)MIN(MAX(block_size, 512ull), (u64)MIB);
}

int p9_getattr(struct p9_fid *fid, struct p9_attributes *attributes)
{
    struct p9_rpc rpc;
    int err = p9_rpc_begin(&rpc, fid->client, P9_GETATTR, 12, GETATTR_SIZE);

    if (err != 0) {
        return err;
    }
    err = p9_rpc_run(&rpc, "48", (u64)fid->number, GETATTR_BASIC);
    if (err == 0) {
        getattr_reply(&rpc, attributes);
        err = p9_rpc_check(&rpc);
    }
    /* A size beyond what off_t holds is none. */
    if (err == 0 && attributes->stat.size >> 63 != 0) {
        err = -EIO;
    }
    p9_rpc_end(&rpc);
    return err;
}

/* A request whose reply says no more than that it was done. */
#define SIMPLE(client, type, room, ...) \
    ({ \
        struct p9_rpc rpc_; \
        int err_ = p9_rpc_begin(&rpc_, (client), (type), (room), QID_SIZE + 4); \
        if (err_ == 0) { \
            err_ = p9_rpc_run(&rpc_, __VA_ARGS__); \
            p9_rpc_end(&rpc_); \
        } \
        err_; \
    })

int p9_setattr(struct p9_fid *fid, const struct file_change *change)
{
    u32 owner = change->what & SET_OWNER;
    u64 valid = 0;

    valid |= change->what & SET_MODE ? SETATTR_MODE : 0;
    valid |= owner != 0 && change->uid != KEEP_OWNER ? SETATTR_UID : 0;
    valid |= owner != 0 && change->gid != KEEP_OWNER ? SETATTR_GID : 0;
    valid |= change->what & SET_SIZE ? SETATTR_SIZE : 0;
    valid |= change->what & SET_ATIME ? SETATTR_ATIME : 0;
    valid |= change->what & SET_MTIME ? SETATTR_MTIME : 0;
    if (valid == 0) {
        return 0;
    }
    return SIMPLE(fid->client, P9_SETATTR, 64, "4444488888", (u64)fid->number, valid,
                  (u64)change->mode, (u64)change->uid, (u64)change->gid, change->size,
                  (u64)change->atime.sec, (u64)change->atime.nsec, (u64)change->mtime.sec,
                  (u64)change->mtime.nsec);
}

int p9_statfs(struct p9_fid *fid, struct fs_stat *stat)
{
    u32 type;
    u32 block_size;
    struct p9_rpc rpc;
    int err = p9_rpc_begin(&rpc, fid->client, P9_STATFS, 4, 60);

    if (err != 0) {
        return err;
    }
    err = p9_rpc_run(&rpc, "4", (u64)fid->number);
    if (err == 0) {
        p9_unpack(&rpc.in, "448888884", &type, &block_size, &stat->blocks, &stat->free,
                  &stat->available, &stat->files, &stat->files_free, &stat->fsid, &stat->name_max);
        stat->block_size = block_size;
        err = p9_rpc_check(&rpc);
    }
    p9_rpc_end(&rpc);
    return err;
}

int p9_lopen(struct p9_fid *fid, u32 access, struct p9_qid *qid)
{
    struct p9_rpc rpc;
    u32 unit;
    int err = p9_rpc_begin(&rpc, fid->client, P9_LOPEN, 8, QID_SIZE + 4);

    if (err != 0) {
        return err;
    }
    err = p9_rpc_run(&rpc, "44", (u64)fid->number, (u64)(access | O_LARGEFILE));
    if (err == 0) {
        fid->opened = true;
        fid->written = access != O_RDONLY;
        p9_unpack(&rpc.in, "q4", qid, &unit);
        err = p9_rpc_check(&rpc);
    }
    p9_rpc_end(&rpc);
    return err;
}

int p9_lcreate(struct p9_fid *fid, const char *name, size_t len, u32 mode)
{
    int err = SIMPLE(fid->client, P9_LCREATE, 18 + (u32)len, "4s444", (u64)fid->number, name, len,
                     (u64)(O_RDWR | LINUX_O_CREAT | O_EXCL | O_LARGEFILE), (u64)mode, 0ull);

    fid->opened = fid->written = err == 0;
    return err;
}

int p9_mkdir(struct p9_fid *dir, const char *name, size_t len, u32 mode)
{
    return SIMPLE(dir->client, P9_MKDIR, 14 + (u32)len, "4s44", (u64)dir->number, name, len,
                  (u64)mode, 0ull);
}

int p9_mknod(struct p9_fid *dir, const char *name, size_t len, u32 mode, u64 rdev)
{
    u64 major = (rdev >> 8 & 0xfff) | (rdev >> 32 & ~0xfffull); /* as in makedev(3) */
    u64 minor = (rdev & 0xff) | (rdev >> 12 & ~0xffull);

    return SIMPLE(dir->client, P9_MKNOD, 22 + (u32)len, "4s4444", (u64)dir->number, name, len,
                  (u64)mode, major, minor, 0ull);
}

int p9_symlink(struct p9_fid *dir, const char *name, size_t len, const char *target)
{
    size_t size = strlen(target);

    return SIMPLE(dir->client, P9_SYMLINK, 12 + (u32)(len + size), "4ss4", (u64)dir->number, name,
                  len, target, size, 0ull);
}

int p9_link(struct p9_fid *dir, const char *name, size_t len, struct p9_fid *to)
{
    return SIMPLE(dir->client, P9_LINK, 10 + (u32)len, "44s", (u64)dir->number, (u64)to->number,
                  name, len);
}

int p9_unlinkat(struct p9_fid *dir, const char *name, size_t len, bool directory)
{
    return SIMPLE(dir->client, P9_UNLINKAT, 10 + (u32)len, "4s4", (u64)dir->number, name, len,
                  (u64)(directory ? UNLINK_DIRECTORY : 0));
}

int p9_renameat(struct p9_fid *from, const char *name, size_t len, struct p9_fid *to,
                const char *new_name, size_t new_len)
{
    return SIMPLE(from->client, P9_RENAMEAT, 12 + (u32)(len + new_len), "4s4s", (u64)from->number,
                  name, len, (u64)to->number, new_name, new_len);
}

s64 p9_readlink(struct p9_fid *fid, char *target, size_t size)
{
    struct p9_string text;
    struct p9_rpc rpc;
    int err = p9_rpc_begin(&rpc, fid->client, P9_READLINK, 4, 2 + PATH_MAX);

    if (err != 0) {
        return err;
    }
    err = p9_rpc_run(&rpc, "4", (u64)fid->number);
    if (err == 0) {
        p9_unpack(&rpc.in, "s", &text);
        err = p9_rpc_check(&rpc);
    }
    if (err == 0) {
        size = MIN(size, (size_t)text.size);
        memcpy(target, text.at, size);
    }
    p9_rpc_end(&rpc);
    return err != 0 ? err : (s64)size;
}

int p9_fsync(struct p9_fid *fid, bool data_only)
{
    return SIMPLE(fid->client, P9_FSYNC, 8, "44", (u64)fid->number, (u64)data_only);
}
