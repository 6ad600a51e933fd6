/* SPDX-License-Identifier: MIT */
/*
 * A folder with all that a disk is to have, for mkfs.erofs.  Files of the host
 * are linked into it where they lie on the same file system, and copied
 * elsewhere: a JDK has 200 MB.
 */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDERS_OPEN 32
#define COPY_CHUNK (1u << 30)

/* nftw() hands nothing to its function. */
static struct {
    size_t from_len;
    const char *to, *without;
} copying;

static void fail_at(const char *path)
{
    fail(errno == ENOSPC ? "make room there, or name another folder: moka build --cache FOLDER"
                         : NULL,
         "cannot write '%s': %s", path, strerror(errno));
}

static void make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0755) != 0 && errno != EEXIST) {
            fail_at(path);
        }
        *slash = '/';
    }
}

/* A place in the stage, with the folders that lead there. */
static char *place_of(const char *stage, const char *guest)
{
    char *path = text("%s%s", stage, guest);

    make_folders(path);
    return path;
}

char *stage_new(const struct options *options, const struct places *places)
{
    char *stage = text("%s.stage-%d", places->java_folder, (int)getpid());

    if (mkdir(stage, 0755) != 0) {
        free(stage);
        stage = text("%s/stage-%d", cache_folder(options), (int)getpid());
        if (mkdir(stage, 0755) != 0) {
            fail_at(stage);
        }
    }
    return stage;
}

static void copy_file(const char *from, const char *to, mode_t mode)
{
    int in, out;
    ssize_t done = -1;

    if (link(from, to) == 0) {
        return;
    }
    in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0) {
        fail(text("it must be readable: chmod u+r '%s'", from), "cannot read '%s': %s", from,
             strerror(errno));
    }
    unlink(to);
    out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode & 07777);
    while (out >= 0 && (done = sendfile(out, in, NULL, COPY_CHUNK)) > 0) {
    }
    if (done < 0 || close(out) != 0) {
        fail_at(to);
    }
    close(in);
}

static void copy_link(const char *from, const char *to)
{
    char target[PATH_MAX];
    ssize_t len = readlink(from, target, sizeof(target) - 1);

    target[len < 0 ? 0 : len] = '\0';
    unlink(to);
    if (len < 0 || symlink(target, to) != 0) {
        fail_at(to);
    }
}

static int copy_one(const char *path, const struct stat *stat_buf, int type, struct FTW *where)
{
    char *to = text("%s%s", copying.to, path + copying.from_len);

    (void)where;
    if (type == FTW_DNR || type == FTW_NS) {
        fail("it must be readable: chmod -R u+rX", "cannot read '%s'", path);
    }
    if (copying.without != NULL && strncmp(path, copying.without, strlen(copying.without)) == 0) {
        free(to);
        return 0;
    }
    if (S_ISDIR(stat_buf->st_mode)) {
        if (mkdir(to, (stat_buf->st_mode & 07777) | S_IRWXU) != 0 && errno != EEXIST) {
            fail_at(to);
        }
    } else if (S_ISLNK(stat_buf->st_mode)) {
        copy_link(path, to);
    } else if (S_ISREG(stat_buf->st_mode)) {
        copy_file(path, to, stat_buf->st_mode);
    }
    free(to);
    return 0;
}

void stage_add(const char *stage, const char *host, const char *guest, const char *without)
{
    char *to = place_of(stage, guest), *from = realpath(host, NULL);
    char *last = to + strlen(to) - 1;

    if (*last == '/') {
        *last = '\0';
    }
    copying.to = to;
    copying.without = without;
    copying.from_len = from != NULL ? strlen(from) : 0;
    if (from == NULL || nftw(from, copy_one, FOLDERS_OPEN, FTW_PHYS) != 0) {
        fail(NULL, "cannot read '%s': %s", host, strerror(errno));
    }
    free(to);
    free(from);
}

void stage_write(const char *stage, const char *guest, const void *bytes, size_t size)
{
    char *path = place_of(stage, guest);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

    if (fd < 0 || !write_all(fd, bytes, size) || close(fd) != 0) {
        fail_at(path);
    }
    free(path);
}

void stage_link(const char *stage, const char *guest, const char *target)
{
    char *path = place_of(stage, guest);

    unlink(path);
    if (symlink(target, path) != 0) {
        fail_at(path);
    }
    free(path);
}

static int remove_one(const char *path, const struct stat *stat_buf, int type, struct FTW *where)
{
    (void)stat_buf;
    (void)type;
    (void)where;
    (void)remove(path);
    return 0;
}

void stage_remove(const char *stage)
{
    (void)nftw(stage, remove_one, FOLDERS_OPEN, FTW_DEPTH | FTW_PHYS);
}
