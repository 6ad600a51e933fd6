/* SPDX-License-Identifier: MIT */
/*
 * From a folder to an image, which is kept: as long as no file of the folder
 * has changed, the next run takes it as it is.
 *
 * Its name is made of the folder's path and a sum over all files' names,
 * sizes, modes and times of change (of the contents and of the inode, so that
 * a copy with an old date counts as well); 500 files take 1 ms.  A new image
 * of a folder replaces the one before; images that nobody has used for 30 days
 * go when one is made.  Rejected: a checksum of the contents (a JDK is 300 MB,
 * and has to be read for that at each start).
 */
#include "disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EROFS_MAGIC_AT 1024
#define EROFS_MAGIC 0xe0f5e1e2u
#define UNUSED_MAX (30 * 24 * 3600)
/* Seconds after which an image is no longer somebody's who is about to open it. */
#define SETTLED 60
#define FOLDERS_OPEN 32
#define SAID_MAX 4096

#define HASH_START 0xcbf29ce484222325ull /* FNV-1a */
#define HASH_PRIME 0x100000001b3ull

/* nftw() hands nothing to its function. */
static uint64_t tree_sum, tree_size;

static uint64_t hash(uint64_t start, const void *data, size_t size)
{
    const unsigned char *byte = data;

    for (size_t i = 0; i < size; i++) {
        start = (start ^ byte[i]) * HASH_PRIME;
    }
    return start;
}

/* A sum, so that the order in which a folder lists its files does not matter. */
static int add_file(const char *path, const struct stat *stat, int type, struct FTW *where)
{
    uint64_t words[] = {
        (uint64_t)stat->st_size,
        stat->st_mode,
        (uint64_t)stat->st_mtim.tv_sec,
        (uint64_t)stat->st_mtim.tv_nsec,
        (uint64_t)stat->st_ctim.tv_sec,
        (uint64_t)stat->st_ctim.tv_nsec,
        stat->st_ino,
        (uint64_t)type,
    };

    if (type == FTW_DNR || type == FTW_NS) {
        fail("it must be readable: chmod -R u+rX", "cannot read '%s'", path);
    }
    tree_sum += hash(hash(HASH_START, path, strlen(path)), words, sizeof(words));
    return 0;
}

static void make_folder(const char *path)
{
    char *copy = text("%s", path);

    for (char *slash = strchr(copy + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(copy, 0777); /* what matters is whether the last one is there */
        *slash = '/';
    }
    mkdir(copy, 0777);
    free(copy);
    if (access(path, W_OK | X_OK) != 0) {
        fail("name another one: moka exec --cache FOLDER", "cannot keep images in '%s': %s", path,
             strerror(errno));
    }
}

char *cache_folder(const struct options *options)
{
    const char *user = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char *path;

    if (options->cache != NULL) {
        path = text("%s", options->cache);
    } else if (user != NULL && user[0] == '/') {
        path = text("%s/moka", user);
    } else if (home != NULL && home[0] == '/') {
        path = text("%s/.cache/moka", home);
    } else {
        fail("name one: moka exec --cache FOLDER", "no folder for images: HOME is not set");
    }
    make_folder(path);
    return path;
}

/*
 * Removes this folder's older images, and what is long unused.  What is a
 * minute young, or unfinished ("NAME.erofs.PID"), may be another moka's that
 * makes or opens it at this moment.
 */
static void clean_cache(const char *cache, const char *keep)
{
    size_t same_folder = strcspn(keep, "-") + 1;
    time_t now = time(NULL);
    struct dirent *entry;
    DIR *dir = opendir(cache);

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        const char *end = strstr(entry->d_name, ".erofs");
        struct stat stat;
        bool older;

        if (end == NULL || strcmp(entry->d_name, keep) == 0 ||
            fstatat(dirfd(dir), entry->d_name, &stat, 0) != 0) {
            continue;
        }
        older = strncmp(entry->d_name, keep, same_folder) == 0 && strcmp(end, ".erofs") == 0 &&
                now - stat.st_mtime > SETTLED;
        if (older || now - stat.st_mtime > UNUSED_MAX) {
            unlinkat(dirfd(dir), entry->d_name, 0);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
}

/* What it says on standard error, which is small; its status. */
static char *run_and_listen(const struct places *places, const char *folder, const char *image,
                            int *status)
{
    char *said = need_memory(calloc(1, SAID_MAX + 1));
    size_t size = 0;
    ssize_t got;
    int pipe[2];
    pid_t pid;

    if (pipe2(pipe, O_CLOEXEC) != 0 || (pid = fork()) < 0) {
        fail(NULL, "cannot start a process: %s", strerror(errno));
    }
    if (pid == 0) {
        dup2(pipe[1], STDERR_FILENO);
        execl(places->mkimage_sh, places->mkimage_sh, folder, image, (char *)NULL);
        _exit(STATUS_OURS);
    }
    close(pipe[1]);
    while ((got = read(pipe[0], said + size, SAID_MAX - size)) > 0 || (got < 0 && errno == EINTR)) {
        size += got > 0 ? (size_t)got : 0;
    }
    close(pipe[0]);
    while (waitpid(pid, status, 0) < 0 && errno == EINTR) {
    }
    return said;
}

/* mkfs.erofs does not say which one it was; and how much there is. */
static int check_readable(const char *path, const struct stat *stat, int type, struct FTW *where)
{
    if (type == FTW_F && S_ISREG(stat->st_mode) && access(path, R_OK) != 0) {
        fail("it must be readable: chmod -R u+rX", "cannot read '%s'", path);
    }
    tree_size += S_ISREG(stat->st_mode) ? (uint64_t)stat->st_size : 0;
    return 0;
}

/* Would the files fit there?  What was written of the image is gone again by now. */
static bool has_room(const char *image)
{
    const char *slash = strrchr(image, '/');
    char *folder = slash != NULL ? text("%.*s", (int)(slash + 1 - image), image) : text(".");
    struct statvfs fs;
    bool room = statvfs(folder, &fs) != 0 || fs.f_bavail * fs.f_frsize > tree_size;

    free(folder);
    return room;
}

void image_make(const struct places *places, const char *folder, const char *image)
{
    int status = -1;
    char *said = run_and_listen(places, folder, image, &status);
    struct message message = message_of(said);

    if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_SIGNAL + SIGINT) {
        exit(STATUS_SIGNAL + SIGINT);
    }
    if (status != 0) {
        tree_size = 0;
        (void)nftw(folder, check_readable, FOLDERS_OPEN, FTW_PHYS);
    }
    if (status != 0 && !has_room(image)) {
        fail("make room there, or name another place: --cache FOLDER, or for a disk -o FILE",
             "cannot make an image of '%s': no space left for '%s'", folder, image);
    }
    if (status != 0) {
        fail(message.remedy, "cannot make an image of '%s': %s", folder,
             message.text != NULL ? message.text : "mkfs.erofs failed");
    }
    free(said);
}

static int open_folder(const struct options *options, const struct places *places)
{
    char *folder = realpath(options->root, NULL), *cache, *name, *path;
    int fd;

    tree_sum = HASH_START;
    if (folder == NULL || nftw(folder, add_file, FOLDERS_OPEN, FTW_PHYS) != 0) {
        fail(NULL, "cannot read '%s': %s", options->root, strerror(errno));
    }
    cache = cache_folder(options);
    name =
        text("%016llx-%016llx.erofs", (unsigned long long)hash(HASH_START, folder, strlen(folder)),
             (unsigned long long)tree_sum);
    path = text("%s/%s", cache, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        if (!options->quiet) {
            say("making an image of '%s'", options->root);
        }
        image_make(places, folder, path);
        clean_cache(cache, name);
        fd = open(path, O_RDONLY | O_CLOEXEC);
    }
    if (fd < 0) {
        fail(NULL, "cannot open '%s': %s", path, strerror(errno));
    }
    (void)futimens(fd, NULL); /* used now; a cache that is read-only cannot say so */
    free(folder);
    free(cache);
    free(name);
    free(path);
    return fd;
}

int image_open(const struct options *options, const struct places *places)
{
    struct stat stat_buf;
    uint32_t magic = 0;
    int fd;

    if (options->disk != NULL) {
        return options->disk->fd;
    }
    if (stat(options->root, &stat_buf) != 0) {
        fail("it is a folder, or an image made by tools/mkimage.sh", "no image or folder '%s': %s",
             options->root, strerror(errno));
    }
    if (S_ISDIR(stat_buf.st_mode)) {
        return open_folder(options, places);
    }
    fd = open(options->root, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        fail(NULL, "cannot open '%s': %s", options->root, strerror(errno));
    }
    if (pread(fd, &magic, sizeof(magic), EROFS_MAGIC_AT) != sizeof(magic) || magic != EROFS_MAGIC) {
        fail("make one of a folder: tools/mkimage.sh FOLDER IMAGE", "'%s' is no EROFS image",
             options->root);
    }
    return fd;
}
