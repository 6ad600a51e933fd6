/* SPDX-License-Identifier: MIT */
/*
 * What is left on the host for who wants to know why something ended as it did:
 * the kernel's log of a machine that failed, and a JVM's own reports.
 *
 * A JVM writes these (hs_err files, heap dumps) into its current folder.  If
 * that is one of the host's, they are there.  If it is the guest's, a folder
 * below the cache is shared for them, "reports/PID-TIME"; it goes again if it is
 * empty at the end.  Logs lie beside.  What is older than two weeks goes when
 * there is something new, and of the logs all but the last ones.
 */
#include "tool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define IN_GUEST "/var/reports"
#define KEPT_MAX (14 * 24 * 3600)
#define KEPT_COUNT 20

static char *reports_folder(const struct options *options)
{
    char *folder = text("%s/reports", cache_folder(options));

    if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        say("cannot make '%s': %s", folder, strerror(errno));
    }
    return folder;
}

/* Does the guest see this path of its own in a folder of the host? */
static bool is_hosts(const struct options *options, const char *path)
{
    for (unsigned i = 0; i < options->mount_count; i++) {
        const struct mount *mount = &options->mounts[i];
        size_t len = strlen(mount->guest);

        if (!mount->read_only && strncmp(path, mount->guest, len) == 0 &&
            (path[len] == '\0' || path[len] == '/') && access(mount->host, W_OK) == 0) {
            return true;
        }
    }
    return false;
}

static char *empty; /* perhaps, when the tool ends, however it does */

static void remove_empty(void)
{
    (void)rmdir(empty);
}

void reports_prepare(struct options *options, struct words *words)
{
    struct mount *mount = &options->mounts[options->mount_count];

    if (options->dry_run || is_hosts(options, options->cwd) || options->mount_count == MOUNTS_MAX) {
        return;
    }
    options->reports =
        text("%s/%d-%lld", reports_folder(options), (int)getpid(), (long long)time(NULL));
    if (mkdir(options->reports, 0777) != 0) {
        say("cannot make '%s': %s", options->reports, strerror(errno));
        options->reports = NULL;
        return;
    }
    empty = text("%s", options->reports);
    atexit(remove_empty);
    *mount = (struct mount){.host = text("%s", options->reports), .guest = text(IN_GUEST)};
    options->mount_count++;
    words_add(words, text("-XX:ErrorFile=" IN_GUEST "/hs_err_pid%%p.log"));
    words_add(words, text("-XX:HeapDumpPath=" IN_GUEST));
}

/* What a JVM calls them, if nobody says otherwise. */
static bool is_report(const char *name)
{
    size_t len = strlen(name);

    return strncmp(name, "hs_err_pid", strlen("hs_err_pid")) == 0 ||
           strncmp(name, "java_pid", strlen("java_pid")) == 0 ||
           strncmp(name, "replay_pid", strlen("replay_pid")) == 0 ||
           (len > 4 && strcmp(name + len - 4, ".jfr") == 0);
}

/* Is there one in this folder that was written since? */
static bool has_report(const char *folder, time_t since)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    struct stat stat_buf;
    bool found = false;

    while (dir != NULL && !found && (entry = readdir(dir)) != NULL) {
        found = is_report(entry->d_name) && fstatat(dirfd(dir), entry->d_name, &stat_buf, 0) == 0 &&
                stat_buf.st_mtime >= since;
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return found;
}

static void write_log(const char *path, const char *bytes, size_t size)
{
    FILE *file = fopen(path, "we");

    if (file == NULL || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) {
        say("cannot write '%s': %s", path, strerror(errno));
    }
}

struct old_file {
    char *path;
    time_t time;
};

static int newer_first(const void *a, const void *b)
{
    time_t first = ((const struct old_file *)a)->time, second = ((const struct old_file *)b)->time;

    return first < second ? 1 : first > second ? -1 : 0;
}

/* A folder for reports has the number of its tool in its name. */
static bool is_in_use(const char *name)
{
    int pid = atoi(name);

    return pid > 0 && (kill(pid, 0) == 0 || errno != ESRCH);
}

/* Logs beyond the last ones, and all that is old. */
static void clean_up(const char *folder)
{
    struct old_file *logs = NULL;
    size_t count = 0;
    struct dirent *entry;
    struct stat stat_buf;
    DIR *dir = opendir(folder);

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        char *path = text("%s/%s", folder, entry->d_name);

        if (entry->d_name[0] == '.' || lstat(path, &stat_buf) != 0) {
            free(path);
            continue;
        }
        if (strncmp(entry->d_name, "log-", 4) == 0) {
            logs = need_memory(realloc(logs, (count + 1) * sizeof(*logs)));
            logs[count++] = (struct old_file){path, stat_buf.st_mtime};
            continue;
        }
        if (time(NULL) - stat_buf.st_mtime > KEPT_MAX && !is_in_use(entry->d_name)) {
            stage_remove(path);
        }
        free(path);
    }
    if (count > 0) {
        qsort(logs, count, sizeof(*logs), newer_first);
    }
    for (size_t i = 0; i < count; i++) {
        if (i >= KEPT_COUNT || time(NULL) - logs[i].time > KEPT_MAX) {
            unlink(logs[i].path);
        }
        free(logs[i].path);
    }
    free(logs);
    if (dir != NULL) {
        closedir(dir);
    }
}

void reports_finish(const struct options *options, int status, time_t since, const char *log,
                    size_t size)
{
    const char *folder = options->reports != NULL ? options->reports : options->cwd;
    bool failed = status == STATUS_SIGNAL + SIGABRT || status == STATUS_SIGNAL + SIGKILL;
    /* java(1) is quiet, but what the JVM itself says of a path of the guest's helps nobody. */
    bool quiet = options->quiet && (options->verb != VERB_JAVA || options->reports == NULL);

    if ((options->verb & (VERB_RUN | VERB_JAVA)) == 0) {
        return;
    }
    if (failed && has_report(folder, since)) {
        write_log(text("%s/moka_pid%d.log", folder, (int)getpid()), log, size);
    }
    if (options->reports != NULL && rmdir(options->reports) == 0) {
        return;
    }
    if (!quiet && (options->reports != NULL || failed) && has_report(folder, since)) {
        say("the JVM's reports%s are in '%s'", failed ? " and the kernel's log" : "", folder);
    }
    if (options->reports != NULL) {
        clean_up(reports_folder(options));
    }
}

char *report_log(const struct options *options, const char *bytes, size_t size)
{
    char *folder = reports_folder(options);
    char *path = text("%s/log-%d", folder, (int)getpid());

    write_log(path, bytes, size);
    clean_up(folder);
    free(folder);
    return path;
}
