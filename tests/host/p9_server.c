/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include "p9_server.h"

/* host.h's, which cannot be included beside the host's own headers. */
u64 rnd(void);
u64 rnd_below(u64 bound);

#define FIDS 256
#define MESSAGE (600 * 1024)
#define NAME 256

struct p9_server p9_server;

static struct {
    struct fid {
        bool used;
        unsigned number;
        char path[PATH_MAX];
        int fd;
        DIR *dir;
    } fid[FIDS];
    u8 in[MESSAGE], out[MESSAGE];
    u32 in_at, in_size, out_at;
} s;

static u64 get(unsigned size)
{
    u64 value = 0;

    if (s.in_at + size > s.in_size) {
        printf("# a request is cut short\n");
        abort();
    }
    memcpy(&value, s.in + s.in_at, size);
    s.in_at += size;
    return value;
}

static const char *get_name(char *name, size_t room)
{
    unsigned size = (unsigned)get(2);

    if (size >= room || s.in_at + size > s.in_size) {
        abort();
    }
    memcpy(name, s.in + s.in_at, size);
    name[size] = 0;
    s.in_at += size;
    return name;
}

static void put(u64 value, unsigned size)
{
    memcpy(s.out + s.out_at, &value, size);
    s.out_at += size;
}

static void put_text(const char *text)
{
    put(strlen(text), 2);
    memcpy(s.out + s.out_at, text, strlen(text));
    s.out_at += (u32)strlen(text);
}

static void put_qid(const struct stat *st)
{
    put(S_ISDIR(st->st_mode) ? 0x80 : S_ISLNK(st->st_mode) ? 2 : 0, 1);
    put((u32)st->st_mtime, 4);
    put(st->st_ino, 8);
}

static int put_qid_of(const char *path)
{
    struct stat st;

    if (lstat(path, &st) != 0) {
        return -errno;
    }
    put_qid(&st);
    return 0;
}

static struct fid lost; /* stands for one that a spoilt reply has made away with */

static struct fid *find(unsigned number)
{
    for (unsigned i = 0; i < FIDS; i++) {
        if (s.fid[i].used && s.fid[i].number == number) {
            return &s.fid[i];
        }
    }
    if (p9_server.spoil) {
        lost.fd = -1;
        snprintf(lost.path, PATH_MAX, "/nonexistent");
        return &lost;
    }
    printf("# no fid %u\n", number);
    abort();
}

static struct fid *new_fid(unsigned number, const char *path)
{
    for (unsigned i = 0; i < FIDS; i++) {
        if (s.fid[i].used && s.fid[i].number == number) {
            printf("# fid %u is used twice\n", number);
            abort();
        }
    }
    for (unsigned i = 0; i < FIDS; i++) {
        if (!s.fid[i].used) {
            s.fid[i] = (struct fid){.used = true, .number = number, .fd = -1};
            snprintf(s.fid[i].path, PATH_MAX, "%s", path);
            p9_server.fids++;
            return &s.fid[i];
        }
    }
    abort();
}

static void close_fid(struct fid *f)
{
    if (!f->used) {
        return;
    }
    if (f->dir != NULL) {
        closedir(f->dir);
        p9_server.opens--;
    } else if (f->fd >= 0) {
        close(f->fd);
        p9_server.opens--;
    }
    f->used = false;
    p9_server.fids--;
}

static struct fid *get_fid(void)
{
    return find((unsigned)get(4));
}

static void child(char *path, const struct fid *dir, const char *name)
{
    if (snprintf(path, PATH_MAX, "%s/%s", dir->path, name) >= PATH_MAX) {
        abort();
    }
}

static int result(int value)
{
    return value < 0 ? -errno : 0;
}

static int do_walk(void)
{
    struct fid *from = get_fid();
    unsigned number = (unsigned)get(4);
    unsigned names = (unsigned)get(2);
    char path[PATH_MAX], name[NAME];
    struct stat st;

    snprintf(path, sizeof(path), "%s", from->path);
    if (names == 1) {
        child(path, from, get_name(name, sizeof(name)));
        if (lstat(path, &st) != 0) {
            return -errno;
        }
    }
    put(names, 2);
    new_fid(number, path);
    return names == 1 ? put_qid_of(path) : 0;
}

static int do_getattr(void)
{
    struct fid *f = get_fid();
    struct stat st;

    if (lstat(f->path, &st) != 0) {
        return -errno;
    }
    put(0x7ff, 8);
    put_qid(&st);
    put(st.st_mode, 4), put(st.st_uid, 4), put(st.st_gid, 4), put(st.st_nlink, 8);
    put(st.st_rdev, 8), put((u64)st.st_size, 8), put((u64)st.st_blksize, 8);
    put((u64)st.st_blocks, 8);
    put((u64)st.st_atim.tv_sec, 8), put((u64)st.st_atim.tv_nsec, 8);
    put((u64)st.st_mtim.tv_sec, 8), put((u64)st.st_mtim.tv_nsec, 8);
    put((u64)st.st_ctim.tv_sec, 8), put((u64)st.st_ctim.tv_nsec, 8);
    for (int i = 0; i < 4; i++) {
        put(0, 8);
    }
    return 0;
}

static int do_setattr(void)
{
    struct fid *f = get_fid();
    unsigned valid = (unsigned)get(4), mode = (unsigned)get(4);
    u64 size, t[4];

    get(4), get(4);
    size = get(8);
    for (int i = 0; i < 4; i++) {
        t[i] = get(8);
    }
    if ((valid & 1) != 0 && chmod(f->path, mode) != 0) {
        return -errno;
    }
    if ((valid & 8) != 0 && truncate(f->path, (off_t)size) != 0) {
        return -errno;
    }
    if ((valid & 0x30) != 0) {
        struct timespec when[2] = {
            {(time_t)t[0], (valid & 0x80) ? (long)t[1] : UTIME_NOW},
            {(time_t)t[2], (valid & 0x100) ? (long)t[3] : UTIME_NOW},
        };
        when[0].tv_nsec = (valid & 0x10) ? when[0].tv_nsec : UTIME_OMIT;
        when[1].tv_nsec = (valid & 0x20) ? when[1].tv_nsec : UTIME_OMIT;
        return result(utimensat(AT_FDCWD, f->path, when, AT_SYMLINK_NOFOLLOW));
    }
    return 0;
}

static int do_lopen(void)
{
    struct fid *f = get_fid();
    unsigned flags = (unsigned)get(4);
    struct stat st;

    if (lstat(f->path, &st) != 0) {
        return -errno;
    }
    f->fd = open(f->path, (int)(flags & 3) | O_NOFOLLOW);
    if (f->fd < 0) {
        return -errno;
    }
    if (S_ISDIR(st.st_mode)) {
        f->dir = fdopendir(f->fd);
    }
    p9_server.opens++;
    put_qid(&st);
    put(0, 4);
    return 0;
}

static int do_lcreate(void)
{
    struct fid *f = get_fid();
    char name[NAME], path[PATH_MAX];
    unsigned flags, mode;

    child(path, f, get_name(name, sizeof(name)));
    flags = (unsigned)get(4);
    mode = (unsigned)get(4);
    get(4);
    f->fd = open(path, (int)(flags & (3 | O_EXCL)) | O_CREAT, mode);
    if (f->fd < 0) {
        return -errno;
    }
    p9_server.opens++;
    snprintf(f->path, PATH_MAX, "%s", path);
    put_qid_of(path);
    put(0, 4);
    return 0;
}

static int do_make(u8 type)
{
    struct fid *f = get_fid();
    char name[NAME], path[PATH_MAX], target[PATH_MAX];
    int err;

    child(path, f, get_name(name, sizeof(name)));
    if (type == 72) {
        err = result(mkdir(path, (mode_t)get(4)));
    } else if (type == 16) {
        err = result(symlink(get_name(target, sizeof(target)), path));
    } else {
        unsigned mode = (unsigned)get(4);

        get(4), get(4);
        err = result(mknod(path, mode, 0));
    }
    get(4);
    return err != 0 ? err : put_qid_of(path);
}

static int do_readlink(void)
{
    struct fid *f = get_fid();
    char target[PATH_MAX];
    ssize_t size = readlink(f->path, target, sizeof(target) - 1);

    if (size < 0) {
        return -errno;
    }
    target[size] = 0;
    put_text(target);
    return 0;
}

static int do_link(void)
{
    struct fid *dir = get_fid();
    struct fid *to = get_fid();
    char name[NAME], path[PATH_MAX];

    child(path, dir, get_name(name, sizeof(name)));
    return result(link(to->path, path));
}

static int do_unlinkat(void)
{
    struct fid *dir = get_fid();
    char name[NAME], path[PATH_MAX];

    child(path, dir, get_name(name, sizeof(name)));
    return result((get(4) & 0x200) != 0 ? rmdir(path) : unlink(path));
}

static int do_renameat(void)
{
    struct fid *from = get_fid();
    char name[NAME], old[PATH_MAX], new[PATH_MAX];
    size_t len;

    child(old, from, get_name(name, sizeof(name)));
    from = get_fid();
    child(new, from, get_name(name, sizeof(name)));
    if (rename(old, new) != 0) {
        return -errno;
    }
    len = strlen(old);
    for (unsigned i = 0; i < FIDS; i++) {
        char *path = s.fid[i].path, rest[PATH_MAX];

        if (s.fid[i].used && strncmp(path, old, len) == 0 && (path[len] == 0 || path[len] == '/')) {
            snprintf(rest, sizeof(rest), "%s", path + len);
            if (snprintf(path, PATH_MAX, "%s%s", new, rest) >= PATH_MAX) {
                abort();
            }
        }
    }
    return 0;
}

static int do_readdir(void)
{
    struct fid *f = get_fid();
    u64 offset = get(8);
    u32 room = (u32)get(4), start;
    struct dirent *entry;

    if (f->dir == NULL) {
        return -EBADF;
    }
    put(0, 4);
    start = s.out_at;
    if (offset == 0) {
        rewinddir(f->dir);
    } else {
        seekdir(f->dir, (long)offset);
    }
    while ((entry = readdir(f->dir)) != NULL) {
        if (s.out_at - start + 24 + strlen(entry->d_name) > room) {
            break;
        }
        put(entry->d_type == DT_DIR ? 0x80 : 0, 1), put(0, 4), put(entry->d_ino, 8);
        put((u64)entry->d_off, 8), put(entry->d_type, 1);
        put_text(entry->d_name);
    }
    room = s.out_at - start;
    memcpy(s.out + start - 4, &room, 4);
    return 0;
}

static int do_transfer(bool write)
{
    struct fid *f = get_fid();
    u64 offset = get(8);
    u32 count = (u32)get(4);
    ssize_t done;

    if (p9_server.most != 0 && count > p9_server.most) {
        count = p9_server.most;
    }
    if (write && p9_server.disk != 0 && offset + count > p9_server.disk) {
        return -ENOSPC;
    }
    if (write && offset + count > p9_server.used) {
        p9_server.used = offset + count;
    }
    if (write) {
        done = pwrite(f->fd, s.in + s.in_at, count, (off_t)offset);
    } else {
        done = pread(f->fd, s.out + s.out_at + 4, count, (off_t)offset);
    }
    if (done < 0) {
        return -errno;
    }
    put((u64)done, 4);
    s.out_at += write ? 0 : (u32)done;
    return 0;
}

static int do_statfs(void)
{
    struct statfs st;

    if (statfs(get_fid()->path, &st) != 0) {
        return -errno;
    }
    if (p9_server.disk != 0) {
        st.f_bavail = (p9_server.disk - p9_server.used) / (u64)st.f_bsize;
    }
    put((u64)st.f_type, 4), put((u64)st.f_bsize, 4), put(st.f_blocks, 8), put(st.f_bfree, 8);
    put(st.f_bavail, 8), put(st.f_files, 8), put(st.f_ffree, 8), put(7, 8);
    put((u64)st.f_namelen, 4);
    return 0;
}

static int do_start(u8 type)
{
    char name[PATH_MAX];

    if (type == 100) {
        put(get(4), 4);
        put_text(get_name(name, sizeof(name)));
        return 0;
    }
    new_fid((unsigned)get(4), p9_server.folder);
    return put_qid_of(p9_server.folder);
}

static int serve(u8 type)
{
    switch (type) {
    case 8:
        return do_statfs();
    case 12:
        return do_lopen();
    case 14:
        return do_lcreate();
    case 16:
    case 18:
    case 72:
        return do_make(type);
    case 22:
        return do_readlink();
    case 24:
        return do_getattr();
    case 26:
        return do_setattr();
    case 40:
        return do_readdir();
    case 50:
        return result(fsync(get_fid()->fd));
    case 70:
        return do_link();
    case 74:
        return do_renameat();
    case 76:
        return do_unlinkat();
    case 100:
    case 104:
        return do_start(type);
    case 110:
        return do_walk();
    case 116:
    case 118:
        return do_transfer(type == 118);
    case 120:
        close_fid(get_fid());
        return 0;
    default:
        printf("# request %u?\n", type);
        abort();
    }
}

/* What a broken or hostile server may do to a reply. */
static void spoil(void)
{
    switch (rnd_below(6)) {
    case 0: /* cut, honestly or not */
        s.out_at = (u32)rnd_below(s.out_at + 1);
        break;
    case 1:
        s.out_at = (u32)rnd_below(s.out_at + 1);
        memcpy(s.out, &s.out_at, 4);
        break;
    case 2:
    case 3:
        for (unsigned i = 0; i <= rnd_below(4); i++) {
            s.out[rnd_below(s.out_at)] = (u8)rnd();
        }
        break;
    case 4: /* a count in the body that is too large */
        memset(s.out + 7, 0xff, s.out_at - 7 < 4 ? s.out_at - 7 : 4);
        break;
    default:
        break;
    }
}

/* What was started: served in its turn, once somebody shows or waits. */
struct queued {
    struct queued *next;
    struct p9_segment out, in;
    bool done;
    int err;
    u32 length;
};
static struct queued *queue;

static int serve_message(struct p9_transport *transport, const struct p9_segment *out,
                         unsigned outs, const struct p9_segment *in, unsigned ins, u32 *length)
{
    u32 size = 0, at = 0;
    u16 tag;
    int err;

    (void)transport;
    if (p9_server.vanished) {
        return -EIO;
    }
    for (unsigned i = 0; i < outs; i++) {
        memcpy(s.in + size, (const void *)(uintptr_t)out[i].address, out[i].size);
        size += out[i].size;
    }
    s.in_size = size;
    s.in_at = s.out_at = 0;
    if (get(4) != size) {
        printf("# a request's size is wrong\n");
        abort();
    }
    u8 type = (u8)get(1);
    tag = (u16)get(2);
    p9_server.requests++;
    p9_server.count[type]++;
    put(0, 4), put(type + 1u, 1), put(tag, 2);
    err = serve(type);
    if (err != 0) {
        s.out_at = 0;
        put(0, 4), put(7, 1), put(tag, 2), put((u64)-err, 4);
    }
    memcpy(s.out, &s.out_at, 4);
    if (p9_server.spoil && type != 120) {
        spoil();
    }
    for (unsigned i = 0; i < ins && at < s.out_at; i++) {
        u32 part = s.out_at - at < in[i].size ? s.out_at - at : in[i].size;

        memcpy((void *)(uintptr_t)in[i].address, s.out + at, part);
        at += part;
    }
    if (at < s.out_at && !p9_server.spoil) {
        printf("# no room for the reply to %u\n", type);
        abort();
    }
    *length = s.out_at;
    if (p9_server.answered != NULL) {
        p9_server.answered(type);
    }
    return 0;
}

static void show(struct p9_transport *transport)
{
    p9_server.shown++;
    while (queue != NULL) {
        struct queued *first = queue;

        queue = first->next;
        first->err = serve_message(transport, &first->out, 1, &first->in, 1, &first->length);
        first->done = true;
    }
}

static int request(struct p9_transport *transport, const struct p9_segment *out, unsigned outs,
                   const struct p9_segment *in, unsigned ins, u32 *length)
{
    show(transport);
    return serve_message(transport, out, outs, in, ins, length);
}

static void *start(struct p9_transport *transport, const struct p9_segment *out, unsigned outs,
                   const struct p9_segment *in, unsigned ins)
{
    struct queued *new = p9_server.busy ? NULL : calloc(1, sizeof(*new)), **end = &queue;

    (void)transport, (void)outs, (void)ins;
    if (new == NULL) {
        return NULL;
    }
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = new;
    new->out = out[0];
    new->in = in[0];
    p9_server.started++;
    return new;
}

static bool is_done(struct p9_transport *transport, void *started)
{
    (void)transport;
    return ((struct queued *)started)->done;
}

static int finish_started(struct p9_transport *transport, void *started, u32 *length)
{
    struct queued *queued = started;
    int err;

    if (!queued->done) {
        show(transport);
    }
    err = queued->err;
    *length = queued->length;
    free(queued);
    return err;
}

struct p9_transport p9_server_transport = {
    .tag = "test",
    .size_max = MESSAGE,
    .segments_max = 128,
    .request = request,
    .start = start,
    .show = show,
    .is_done = is_done,
    .finish = finish_started,
};

void p9_server_start(const char *folder)
{
    p9_server_stop();
    memset(&p9_server, 0, sizeof(p9_server));
    p9_server.folder = folder;
}

void p9_server_stop(void)
{
    for (unsigned i = 0; i < FIDS; i++) {
        if (s.fid[i].used) {
            close_fid(&s.fid[i]);
        }
    }
}
