/* SPDX-License-Identifier: MIT */
/*
 * A JDK of the host, as --jdk names it.  Distributions keep parts of it
 * elsewhere, behind links (Debian: its settings in /etc): the guest needs
 * these folders at their places, too.
 */
#include "tool.h"

#include <ftw.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDERS_OPEN 32

/* nftw() hands nothing to its function. */
static struct words targets;

char *jdk_check(const char *folder)
{
    char *java = text("%s/bin/java", folder), *host = realpath(folder, NULL);

    if (access(java, F_OK) != 0 || host == NULL) {
        fail("it is the folder that JAVA_HOME would name, with bin/java in it",
             "--jdk: there is no JDK in '%s'", folder);
    }
    if (access(java, X_OK) != 0) {
        fail(text("chmod +x '%s'", java), "--jdk: '%s' cannot be run", java);
    }
    free(java);
    return host;
}

static bool is_known(const char *folder)
{
    for (size_t i = 0; i < targets.count; i++) {
        size_t len = strlen(targets.word[i]);

        if (strncmp(folder, targets.word[i], len) == 0 &&
            (folder[len] == '\0' || folder[len] == '/')) {
            return true;
        }
    }
    return false;
}

static int look_at_link(const char *path, const struct stat *stat_of, int type, struct FTW *where)
{
    char target[PATH_MAX];
    ssize_t len = S_ISLNK(stat_of->st_mode) ? readlink(path, target, sizeof(target) - 1) : -1;
    struct stat stat_buf;
    char *slash;

    (void)type;
    (void)where;
    if (len <= 0 || target[0] != '/') {
        return 0;
    }
    target[len] = '\0';
    if (stat(target, &stat_buf) != 0) {
        return 0;
    }
    slash = strrchr(target, '/');
    if (!S_ISDIR(stat_buf.st_mode)) {
        *slash = '\0';
    }
    if (!is_known(target)) {
        words_add(&targets, text("%s", target));
    }
    return 0;
}

void jdk_for_each_folder(const char *jdk, void (*found)(void *arg, const char *path), void *arg)
{
    targets.count = 0;
    (void)nftw(jdk, look_at_link, FOLDERS_OPEN, FTW_PHYS);
    for (size_t i = 0; i < targets.count; i++) {
        found(arg, targets.word[i]);
    }
}
