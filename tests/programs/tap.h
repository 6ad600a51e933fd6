/* SPDX-License-Identifier: MIT */
/*
 * TAP for the test programs.  They are ordinary Linux programs of one file,
 * which pass on Linux first; a test is one claim.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int tap_tests, tap_failed;

static inline bool tap_ok(bool good, const char *name, const char *file, int line)
{
    int saved = errno;

    tap_tests++;
    printf("%sok %d - %s\n", good ? "" : "not ", tap_tests, name);
    if (!good) {
        printf("# %s:%d, errno %d (%s)\n", file, line, saved, strerror(saved));
        tap_failed++;
    }
    fflush(stdout);
    return good;
}

#define OK(cond, name) tap_ok((cond), (name), __FILE__, __LINE__)
/* The call fails with this error. */
#define FAILS(call, error, name) (errno = 0, OK((call) == -1 && errno == (error), name))

static inline int tap_end(void)
{
    printf("1..%d\n", tap_tests);
    return tap_failed != 0;
}

/* For what must work before anything can be tested. */
static inline void tap_need(bool good, const char *what)
{
    if (!good) {
        printf("Bail out! %s: %s\n", what, strerror(errno));
        exit(99);
    }
}

/* A new folder below the place for temporary files. */
static inline const char *tap_folder(void)
{
    static char path[64];

    snprintf(path, sizeof(path), "%s/test.XXXXXX", P_tmpdir);
    tap_need(mkdtemp(path) != NULL, "mkdtemp");
    return path;
}

/*
 * Until the thread of that number sleeps, which is all that the outside sees of a call that
 * waits; or has ended.
 */
static inline void tap_until_asleep(int tid)
{
    char path[64], text[512], *state;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
    while ((file = fopen(path, "r")) != NULL) {
        text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
        fclose(file);
        state = strrchr(text, ')');
        if (state != NULL && state[2] == 'S') {
            return;
        }
        usleep(1000);
    }
}
