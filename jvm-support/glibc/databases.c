/* SPDX-License-Identifier: MIT */
/*
 * The _r forms of functions that walk through /etc/passwd and its like: the
 * plain form's answer copied into the caller's buffer, under one lock.  All
 * return 0, ERANGE if the buffer is too small, or ENOENT at the end.
 *
 * musl has no database of networks, and of hosts only the resolver.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <pthread.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "glibc.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* What is left of the caller's buffer. */
struct room {
    char *next;
    size_t left;
};

static void *take(struct room *room, size_t size, size_t alignment)
{
    size_t skip = -(uintptr_t)room->next & (alignment - 1);
    char *taken = room->next + skip;

    if (room->left < size + skip) {
        return NULL;
    }
    room->next = taken + size;
    room->left -= size + skip;
    return taken;
}

/* True, with a copy in *to, if it fits. */
static int keep_text(struct room *room, char **to, const char *text)
{
    size_t size = text ? strlen(text) + 1 : 0;

    if (!text) {
        *to = NULL;
        return 1;
    }
    *to = take(room, size, 1);
    return *to && memcpy(*to, text, size);
}

static int keep_list(struct room *room, char ***to, char **list)
{
    size_t n = 0;

    while (list && list[n]) {
        n++;
    }
    *to = take(room, (n + 1) * sizeof **to, sizeof **to);
    if (!*to) {
        return 0;
    }
    (*to)[n] = NULL;
    for (size_t i = 0; i < n; i++) {
        if (!keep_text(room, &(*to)[i], list[i])) {
            return 0;
        }
    }
    return 1;
}

/* The end of each function: answers, and lets the next one in. */
#define FINISH(found, fits, answer, result) \
    ({ \
        *(answer) = (found) && (fits) ? (result) : NULL; \
        pthread_mutex_unlock(&lock); \
        !(found) ? ENOENT : *(answer) ? 0 : ERANGE; \
    })

int getpwent_r(struct passwd *result, char *buf, size_t size, struct passwd **answer)
{
    struct room room = {buf, size};
    struct passwd *found;

    pthread_mutex_lock(&lock);
    found = getpwent();
    if (found) {
        *result = *found;
    }
    return FINISH(found,
                  keep_text(&room, &result->pw_name, found->pw_name) &&
                      keep_text(&room, &result->pw_passwd, found->pw_passwd) &&
                      keep_text(&room, &result->pw_gecos, found->pw_gecos) &&
                      keep_text(&room, &result->pw_dir, found->pw_dir) &&
                      keep_text(&room, &result->pw_shell, found->pw_shell),
                  answer, result);
}

int getgrent_r(struct group *result, char *buf, size_t size, struct group **answer)
{
    struct room room = {buf, size};
    struct group *found;

    pthread_mutex_lock(&lock);
    found = getgrent();
    if (found) {
        *result = *found;
    }
    return FINISH(found,
                  keep_list(&room, &result->gr_mem, found->gr_mem) &&
                      keep_text(&room, &result->gr_name, found->gr_name) &&
                      keep_text(&room, &result->gr_passwd, found->gr_passwd),
                  answer, result);
}

/* With the lock held. */
static int keep_protocol(struct protoent *found, struct protoent *result, struct room room,
                         struct protoent **answer)
{
    if (found) {
        *result = *found;
    }
    return FINISH(found,
                  keep_list(&room, &result->p_aliases, found->p_aliases) &&
                      keep_text(&room, &result->p_name, found->p_name),
                  answer, result);
}

int getprotoent_r(struct protoent *result, char *buf, size_t size, struct protoent **answer)
{
    pthread_mutex_lock(&lock);
    return keep_protocol(getprotoent(), result, (struct room){buf, size}, answer);
}

int getprotobyname_r(const char *name, struct protoent *result, char *buf, size_t size,
                     struct protoent **answer)
{
    pthread_mutex_lock(&lock);
    return keep_protocol(getprotobyname(name), result, (struct room){buf, size}, answer);
}

int getprotobynumber_r(int number, struct protoent *result, char *buf, size_t size,
                       struct protoent **answer)
{
    pthread_mutex_lock(&lock);
    return keep_protocol(getprotobynumber(number), result, (struct room){buf, size}, answer);
}

/* No list of services, hosts or networks can be walked through: the end at once. */
static int at_end(void **answer)
{
    *answer = NULL;
    return ENOENT;
}

int getservent_r(struct servent *result, char *buf, size_t size, struct servent **answer)
{
    return at_end((void **)answer);
}

int gethostent_r(struct hostent *result, char *buf, size_t size, struct hostent **answer,
                 int *error)
{
    *error = HOST_NOT_FOUND;
    return at_end((void **)answer);
}

int getnetent_r(struct netent *result, char *buf, size_t size, struct netent **answer, int *error)
{
    *error = HOST_NOT_FOUND;
    return at_end((void **)answer);
}

int getnetbyname_r(const char *name, struct netent *result, char *buf, size_t size,
                   struct netent **answer, int *error)
{
    *error = HOST_NOT_FOUND;
    return at_end((void **)answer);
}

int getnetbyaddr_r(uint32_t net, int type, struct netent *result, char *buf, size_t size,
                   struct netent **answer, int *error)
{
    *error = HOST_NOT_FOUND;
    return at_end((void **)answer);
}
