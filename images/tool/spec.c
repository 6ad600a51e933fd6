/* SPDX-License-Identifier: MIT */
/*
 * What the guest is to run, in the form of images/exec_spec.h, in a file that
 * has no name and so leaves none behind.
 */
#include "tool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SPEC_MAX (1u << 20)

static void add(FILE *file, const char *key, const char *value)
{
    fprintf(file, "%s=%s", key, value);
    fputc('\0', file);
}

static bool has_variable(const struct words *env, const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < env->count; i++) {
        if (strncmp(env->word[i], name, len) == 0 && env->word[i][len] == '=') {
            return true;
        }
    }
    return false;
}

/* What a program may rely on, and nothing else of the host's. */
static void add_default_env(FILE *file, const struct words *env)
{
    static const char path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    const char *term = getenv("TERM"), *lang = getenv("LANG");
    const char *const name[] = {"PATH", "HOME", "TERM", "LANG"};
    const char *const value[] = {path, "/root", term != NULL ? term : "dumb",
                                 lang != NULL ? lang : "C.UTF-8"};

    for (unsigned i = 0; i < 4; i++) {
        if (!has_variable(env, name[i])) {
            char *word = text("%s=%s", name[i], value[i]);

            add(file, "env", word);
            free(word);
        }
    }
}

/* Of two with one name the later counts, as in docker. */
static bool is_replaced(const struct words *env, size_t at)
{
    size_t len = strcspn(env->word[at], "=") + 1;

    for (size_t i = at + 1; i < env->count; i++) {
        if (strncmp(env->word[i], env->word[at], len) == 0) {
            return true;
        }
    }
    return false;
}

static void add_given(FILE *file, const char *key, char *value)
{
    if (value != NULL) {
        add(file, key, value);
        free(value);
    }
}

static void add_terminals(FILE *file)
{
    static const char *const name[] = {"stdin", "stdout", "stderr"};

    for (int fd = 0; fd < 3; fd++) {
        if (isatty(fd)) {
            add(file, "terminal", name[fd]);
        }
    }
    if (terminal_find()) {
        add_given(file, "settings", terminal_settings());
        add_given(file, "size", terminal_size());
    }
    add(file, "input", "frames"); /* input.c */
}

/* A folder before those in it, which it would hide; of equal ones the first first. */
static void order_mounts(const struct options *options, unsigned *order)
{
    for (unsigned i = 0; i < options->mount_count; i++) {
        unsigned at = i;

        while (at > 0 &&
               strcmp(options->mounts[order[at - 1]].guest, options->mounts[i].guest) > 0) {
            order[at] = order[at - 1];
            at--;
        }
        order[at] = i;
    }
}

/* The tags have the numbers that command.c gives them. */
static void add_mounts(FILE *file, const struct options *options)
{
    unsigned order[MOUNTS_MAX];

    order_mounts(options, order);
    for (unsigned i = 0; i < options->mount_count; i++) {
        const struct mount *mount = &options->mounts[order[i]];
        char *word =
            text(MOUNT_TAG ":%s:%s", 'a' + order[i], mount->read_only ? "ro" : "rw", mount->guest);

        add(file, "mount", word);
        free(word);
    }
}

static void add_ahead(FILE *file, const struct options *options)
{
    bool java = options->verb == VERB_RUN || options->verb == VERB_JAVA;

    if (java && options->jdk == NULL && options->disk == NULL) {
        for (const char *const *value = java_read_ahead; *value != NULL; value++) {
            add(file, "ahead", *value);
        }
    }
}

int spec_make(const struct options *options)
{
    int fd = memfd_create("moka-exec", MFD_CLOEXEC);
    FILE *file = fd < 0 ? NULL : fdopen(dup(fd), "w");

    if (file == NULL) {
        fail(NULL, "cannot make a file in memory: %s", strerror(errno));
    }
    add(file, "path", options->program[0]);
    for (char **arg = options->program; *arg != NULL; arg++) {
        add(file, "arg", *arg);
    }
    add_default_env(file, &options->env);
    for (size_t i = 0; i < options->env.count; i++) {
        if (!is_replaced(&options->env, i)) {
            add(file, "env", options->env.word[i]);
        }
    }
    add(file, "cwd", options->cwd);
    add_mounts(file, options);
    add_ahead(file, options);
    add_terminals(file);
    if (ftell(file) > (long)SPEC_MAX) {
        fail("hand them over in a file of a folder given with -v",
             "the arguments and the environment are larger than 1 MiB");
    }
    if (fclose(file) != 0) {
        fail(NULL, "cannot write a file in memory: %s", strerror(errno));
    }
    return fd;
}
