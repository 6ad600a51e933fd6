/* SPDX-License-Identifier: MIT */
/*
 * Folders of the host that a command line names, shared with the guest at the
 * same paths, so that a command means in Moka what it means on the host.
 *
 * A word names a path if what is there, or the folder that it is to be put
 * into, exists: app.jar, -cp a.jar:classes, -Dlog=/var/log/app, @file.  The
 * folder of a file is shared, not the file alone, because programs look for
 * what lies beside.  A link's target is shared as well.  What the guest has
 * itself (/proc, /usr/lib, ...) is not.
 */
#include "tool.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_below(const char *path, const char *folder)
{
    size_t len = strlen(folder);

    return strncmp(path, folder, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

/* What a folder of the host would hide, or a path that means the guest's own. */
static bool is_guests_own(const char *path)
{
    static const char *const exactly[] = {
        "/",    "/usr",  "/usr/lib", "/usr/bin", "/usr/share", "/lib", "/etc",         "/lib64",
        "/bin", "/sbin", "/var",     "/boot",    "/run",       "/opt", "/usr/lib/jvm", NULL};
    static const char *const below[] = {
        "/proc", "/sys", "/dev", "/usr/lib/x86_64-linux-gnu", "/lib/x86_64-linux-gnu", NULL};

    for (const char *const *name = exactly; *name != NULL; name++) {
        if (strcmp(path, *name) == 0) {
            return true;
        }
    }
    for (const char *const *name = below; *name != NULL; name++) {
        if (is_below(path, *name)) {
            return true;
        }
    }
    return false;
}

/* A link's ".." is the shell's, too. */
char *normal_path(const char *base, const char *path)
{
    char *joined = path[0] == '/' ? text("%s", path) : text("%s/%s", base, path);
    char *result = text("%s/", joined), *end = result, *rest = joined, *part;

    while ((part = strsep(&rest, "/")) != NULL) {
        if (strcmp(part, "..") == 0) {
            while (end > result && *--end != '/') {
            }
        } else if (*part != '\0' && strcmp(part, ".") != 0) {
            *end++ = '/';
            memmove(end, part, strlen(part));
            end += strlen(part);
        }
    }
    *end = '\0';
    free(joined);
    if (*result == '\0') {
        strcpy(result, "/");
    }
    return result;
}

static bool is_folder(const char *path)
{
    struct stat stat_buf;

    return stat(path, &stat_buf) == 0 && S_ISDIR(stat_buf.st_mode);
}

/* Those below a new one are in it. */
static void forget_below(struct options *options, const char *folder)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < options->mount_count; i++) {
        struct mount *mount = &options->mounts[i];

        if (!mount->shared || !is_below(mount->guest, folder)) {
            options->mounts[kept++] = *mount;
        }
    }
    options->mount_count = kept;
}

/* QEMU opens folders for reading.  Where that is not allowed, the one above is shared, so that
 * the path at least is there: as the current folder, say. */
static char *readable_folder(const char *path)
{
    char *folder = text("%s", path), *slash;

    while (access(folder, R_OK | X_OK) != 0) {
        slash = strrchr(folder, '/');
        if (slash == NULL || slash == folder) {
            free(folder);
            return NULL;
        }
        *slash = '\0';
    }
    return folder;
}

static bool share_readable(struct options *options, const char *path)
{
    char *host = realpath(path, NULL);
    struct mount *mount;

    if (host == NULL || is_guests_own(path) || is_guests_own(host)) {
        free(host);
        return false;
    }
    for (unsigned i = 0; i < options->mount_count; i++) {
        if (is_below(path, options->mounts[i].guest)) { /* the user's own volume, perhaps */
            free(host);
            return true;
        }
    }
    forget_below(options, path);
    if (options->mount_count == MOUNTS_MAX) {
        fail("put the files into fewer folders", "the command names files in more than %d folders",
             MOUNTS_MAX);
    }
    mount = &options->mounts[options->mount_count++];
    *mount = (struct mount){.host = host, .guest = text("%s", path), .shared = true};
    return true;
}

bool share_folder(struct options *options, const char *path)
{
    char *folder = readable_folder(path);
    bool shared = folder != NULL && share_readable(options, folder);

    free(folder);
    return shared;
}

/* The folder of a file; of what is not there yet, the one it is to be in. */
static bool share_path(struct options *options, const char *path)
{
    char *folder = text("%s", path), *slash;
    bool shared;

    if (!is_folder(folder)) {
        slash = strrchr(folder, '/');
        *(slash == folder ? slash + 1 : slash) = '\0';
    }
    shared = is_folder(folder) && share_folder(options, folder) && access(folder, R_OK) == 0;
    free(folder);
    return shared;
}

bool share_file(struct options *options, const char *path)
{
    char cwd[PATH_MAX], *named, *target;
    bool shared;

    if (getcwd(cwd, sizeof(cwd)) == NULL) {
        fail("cd to a folder that is there", "cannot tell the current folder: %s", strerror(errno));
    }
    named = normal_path(cwd, path);
    target = realpath(named, NULL);
    shared = share_path(options, named);
    if (shared && target != NULL && strcmp(target, named) != 0) {
        shared = share_path(options, target);
    }
    free(named);
    free(target);
    return shared;
}

static void share_found(void *arg, const char *path)
{
    (void)share_file(arg, path);
}

static bool is_jar(const char *path)
{
    size_t len = strlen(path);

    return len > 4 && strcmp(path + len - 4, ".jar") == 0;
}

void share_words_of(void *options, char **words)
{
    for (; *words != NULL; words++) {
        share_named(options, *words);
    }
}

void share_named(struct options *options, const char *word)
{
    char *copy = text("%s", word), *rest = copy, *piece;

    while ((piece = strsep(&rest, ":=,;@")) != NULL) {
        if (strchr(piece, '/') != NULL || (*piece != '\0' && access(piece, F_OK) == 0)) {
            (void)share_file(options, piece);
            if (is_jar(piece)) {
                jar_for_each_needed(piece, share_found, options);
            }
        }
    }
    free(copy);
}
