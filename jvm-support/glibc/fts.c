/* SPDX-License-Identifier: MIT */
/*
 * fts(3): walks through trees of files.  The structures and numbers are those
 * of glibc's <fts.h>.
 *
 * The process's folder is never changed, whatever FTS_NOCHDIR says: the path
 * to access a file by is its whole path, which a caller cannot tell from one
 * that is relative to where fts went.  Each entry holds its path, its stat
 * and its name.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "glibc.h"

enum { /* options */
       FTS_COMFOLLOW = 1,
       FTS_LOGICAL = 2,
       FTS_NOSTAT = 8,
       FTS_SEEDOT = 32,
       FTS_XDEV = 64,
       FTS_OPTIONMASK = 255,
       FTS_NAMEONLY = 256,
       FTS_STOP = 512
};
enum {
    FTS_D = 1,
    FTS_DC,
    FTS_DEFAULT,
    FTS_DNR,
    FTS_DOT,
    FTS_DP,
    FTS_ERR,
    FTS_F,
    FTS_INIT,
    FTS_NS,
    FTS_NSOK,
    FTS_SL,
    FTS_SLNONE
};
enum { FTS_AGAIN = 1, FTS_FOLLOW, FTS_NOINSTR, FTS_SKIP };
enum { FTS_SYMFOLLOW = 2 };

typedef struct entry {
    struct entry *cycle, *parent, *link;
    long number;
    void *pointer;
    char *access_path, *path;
    int error, link_fd;
    unsigned short path_length, name_length;
    ino_t ino;
    dev_t dev;
    nlink_t nlink;
    short level; /* 0: named by the caller; -1: the parent of those */
    unsigned short info, flags, instruction;
    struct stat *stat;
    char name[];
} FTSENT;

typedef struct {
    FTSENT *current, *child, **array;
    dev_t dev;
    char *path;
    int root_fd, path_length, items;
    int (*compare)(const void *, const void *);
    int options;
} FTS;

static FTSENT *make_entry(FTSENT *parent, const char *folder, const char *name)
{
    size_t name_length = strlen(name), folder_length = strlen(folder);
    size_t skip = (sizeof(FTSENT) + name_length + 1 + 15) & -16ul;
    FTSENT *p = calloc(1, skip + sizeof(struct stat) + folder_length + name_length + 2);

    if (!p) {
        return NULL;
    }
    p->stat = (struct stat *)((char *)p + skip);
    p->path = p->access_path = (char *)(p->stat + 1);
    if (folder_length) {
        memcpy(p->path, folder, folder_length);
        if (folder[folder_length - 1] != '/') {
            p->path[folder_length++] = '/';
        }
    }
    memcpy(p->path + folder_length, name, name_length);
    memcpy(p->name, name, name_length);
    p->path_length = folder_length + name_length;
    p->name_length = name_length;
    p->parent = parent;
    p->level = parent ? parent->level + 1 : -1;
    p->instruction = FTS_NOINSTR;
    return p;
}

static void free_list(FTSENT *p)
{
    while (p) {
        FTSENT *next = p->link;

        free(p);
        p = next;
    }
}

static int is_dot(const char *name)
{
    return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

static int kind_of_folder(FTSENT *p)
{
    p->dev = p->stat->st_dev;
    p->ino = p->stat->st_ino;
    p->nlink = p->stat->st_nlink;
    if (p->level > 0 && is_dot(p->name)) {
        return FTS_DOT;
    }
    for (FTSENT *t = p->parent; t && t->level >= 0; t = t->parent) {
        if (t->ino == p->ino && t->dev == p->dev) {
            p->cycle = t;
            return FTS_DC;
        }
    }
    return FTS_D;
}

/* Looks at the file: what is to be fts_info. */
static int look(FTS *fts, FTSENT *p, int follow)
{
    int old = errno;

    p->error = 0;
    if ((fts->options & FTS_LOGICAL) || follow) {
        if (stat(p->path, p->stat)) {
            p->error = errno;
            if (!lstat(p->path, p->stat)) {
                p->error = 0;
                errno = old;
                return FTS_SLNONE;
            }
        }
    } else if (lstat(p->path, p->stat)) {
        p->error = errno;
    }
    if (p->error) {
        memset(p->stat, 0, sizeof *p->stat);
        return FTS_NS;
    }
    if (S_ISDIR(p->stat->st_mode)) {
        return kind_of_folder(p);
    }
    return S_ISLNK(p->stat->st_mode) ? FTS_SL : S_ISREG(p->stat->st_mode) ? FTS_F : FTS_DEFAULT;
}

/* glibc's compare functions get pointers to pointers to entries. */
static FTSENT *sort(FTS *fts, FTSENT *head, int count)
{
    FTSENT **all, *p = head;

    if (!fts->compare || count < 2) {
        return head;
    }
    all = malloc(count * sizeof *all);
    if (!all) {
        return head;
    }
    for (int i = 0; i < count; i++, p = p->link) {
        all[i] = p;
    }
    qsort(all, count, sizeof *all, fts->compare);
    for (int i = 0; i < count; i++) {
        all[i]->link = i + 1 < count ? all[i + 1] : NULL;
    }
    head = all[0];
    free(all);
    return head;
}

static int need_stat(const FTS *fts, const struct dirent *d)
{
    return !(fts->options & FTS_NOSTAT) || d->d_type == DT_DIR || d->d_type == DT_UNKNOWN ||
           ((fts->options & FTS_LOGICAL) && d->d_type == DT_LNK);
}

/* What is in the folder `p`; NULL, and p->info says why, if nothing is to be seen. */
static FTSENT *read_folder(FTS *fts, FTSENT *p)
{
    FTSENT *head = NULL, **tail = &head;
    DIR *dir = opendir(p->path);
    struct dirent *d;
    int count = 0;

    if (!dir) {
        p->info = FTS_DNR;
        p->error = errno;
        return NULL;
    }
    while ((d = readdir(dir))) {
        FTSENT *e;

        if (is_dot(d->d_name) && !(fts->options & FTS_SEEDOT)) {
            continue;
        }
        e = make_entry(p, p->path, d->d_name);
        if (!e) {
            free_list(head);
            closedir(dir);
            p->info = FTS_ERR;
            p->error = ENOMEM;
            fts->options |= FTS_STOP;
            errno = ENOMEM;
            return NULL;
        }
        e->info = need_stat(fts, d) ? look(fts, e, 0) : FTS_NSOK;
        *tail = e;
        tail = &e->link;
        count++;
    }
    closedir(dir);
    return sort(fts, head, count);
}

FTS *fts_open(char *const *paths, int options, int (*compare)(const void *, const void *))
{
    FTSENT *head = NULL, **tail = &head, *above;
    FTS *fts;
    int count = 0;

    if ((options & ~FTS_OPTIONMASK) || !*paths) {
        errno = EINVAL;
        return NULL;
    }
    fts = calloc(1, sizeof *fts);
    above = make_entry(NULL, "", "");
    if (!fts || !above) {
        free(fts);
        free(above);
        return NULL;
    }
    fts->compare = compare;
    fts->options = options;
    above->info = FTS_INIT;
    for (; *paths; paths++, count++) {
        FTSENT *p = make_entry(above, "", *paths);

        if (!p) {
            free_list(head);
            free(above);
            free(fts);
            return NULL;
        }
        p->info = look(fts, p, options & FTS_COMFOLLOW);
        if (p->info == FTS_DOT) {
            p->info = FTS_D;
        }
        *tail = p;
        tail = &p->link;
    }
    above->link = sort(fts, head, count);
    fts->current = above;
    return fts;
}

static void obey(FTS *fts, FTSENT *p)
{
    p->info = look(fts, p, 1);
    if (p->info == FTS_D) {
        p->flags |= FTS_SYMFOLLOW;
    }
    p->instruction = FTS_NOINSTR;
}

/* Into the folder: its first entry, or itself again if there is none to be had. */
static FTSENT *descend(FTS *fts, FTSENT *p, int skip)
{
    FTSENT *first;

    if (skip || ((fts->options & FTS_XDEV) && p->dev != fts->dev)) {
        free_list(fts->child);
        fts->child = NULL;
        p->info = FTS_DP;
        return p;
    }
    first = fts->child ? fts->child : read_folder(fts, p);
    fts->child = NULL;
    if (fts->options & FTS_STOP) {
        return NULL;
    }
    if (!first && p->info == FTS_D) {
        p->info = FTS_DP;
    }
    return first ? first : p;
}

/* The one behind p, or the folder that is done with it; p is freed. */
static FTSENT *advance(FTS *fts, FTSENT *p)
{
    for (;;) {
        FTSENT *next = p->link, *parent = p->parent;

        free(p);
        if (!next) {
            if (parent->level < 0) {
                free(parent);
                errno = 0;
                return NULL;
            }
            parent->info = parent->error ? FTS_ERR : FTS_DP;
            return parent;
        }
        p = next;
        if (p->instruction == FTS_SKIP) {
            continue;
        }
        if (p->instruction == FTS_FOLLOW) {
            obey(fts, p);
        }
        return p;
    }
}

FTSENT *fts_read(FTS *fts)
{
    FTSENT *p = fts->current;
    int instruction;

    if (!p || (fts->options & FTS_STOP)) {
        return NULL;
    }
    instruction = p->instruction;
    p->instruction = FTS_NOINSTR;
    if (instruction == FTS_AGAIN) {
        p->info = look(fts, p, 0);
        return p;
    }
    if (instruction == FTS_FOLLOW && (p->info == FTS_SL || p->info == FTS_SLNONE)) {
        obey(fts, p);
        return p;
    }
    if (p->info == FTS_D) {
        p = descend(fts, p, instruction == FTS_SKIP);
    } else {
        p = advance(fts, p);
    }
    if (p) {
        if (p->level == 0 && p->info != FTS_DP) {
            fts->dev = p->dev;
        }
        fts->path = p->path;
    }
    fts->current = p;
    return p;
}

FTSENT *fts_children(FTS *fts, int instruction)
{
    FTSENT *p = fts->current;

    if (instruction && instruction != FTS_NAMEONLY) {
        errno = EINVAL;
        return NULL;
    }
    errno = 0;
    if (!p || (fts->options & FTS_STOP)) {
        return NULL;
    }
    if (p->info == FTS_INIT) {
        return p->link;
    }
    if (p->info != FTS_D) {
        return NULL;
    }
    free_list(fts->child);
    fts->child = read_folder(fts, p);
    return fts->child;
}

int fts_set(FTS *fts, FTSENT *p, int instruction)
{
    if (instruction < 0 || instruction > FTS_SKIP) {
        errno = EINVAL;
        return 1;
    }
    p->instruction = instruction;
    return 0;
}

int fts_close(FTS *fts)
{
    FTSENT *p = fts->current;

    while (p) {
        FTSENT *next = p->link ? p->link : p->parent;

        free(p);
        p = next;
    }
    free_list(fts->child);
    free(fts);
    return 0;
}

/* The same structures: a file's size and number have 64 bits. */
ALIAS(fts64_open, fts_open);
ALIAS(fts64_read, fts_read);
ALIAS(fts64_children, fts_children);
ALIAS(fts64_set, fts_set);
ALIAS(fts64_close, fts_close);
