/* SPDX-License-Identifier: MIT */
/*
 * All that a Java command line leaves open: the size of the machine, the path
 * of java, our defaults (java.c) ahead of the user's options, the time zone,
 * and the folders that the command names (share.c, classpath.c).
 */
#include "disk.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MEMORY_LEAST 512ul /* MiB, of a machine that nobody has given a size */
#define MEMORY_MOST 4096ul
#define JVM_LEAST 32ul /* MiB in which a JVM says hello and ends */
#define CPUS_MOST 64l

void prepare_machine(struct options *options)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned long quarter =
        ((unsigned long)sysconf(_SC_PHYS_PAGES) >> 10) * (unsigned long)sysconf(_SC_PAGESIZE) >> 12;

    if (options->memory == NULL) {
        quarter = quarter < MEMORY_LEAST ? MEMORY_LEAST : quarter;
        options->memory = text("%luM", quarter > MEMORY_MOST ? MEMORY_MOST : quarter);
    }
    if (options->cpus == NULL) {
        options->cpus = text("%ld", cpus < 1 ? 1 : cpus > CPUS_MOST ? CPUS_MOST : cpus);
    }
    if (mebibytes(options->memory) < JVM_LEAST) {
        fail(text("give it at least -m %luM, and what the program needs", 2 * JVM_LEAST),
             "-m %s is too little memory: a JVM alone needs %lu MiB", options->memory, JVM_LEAST);
    }
}

/* The zone of the host, by name: the guest has no /etc/localtime. */
static void add_time_zone(struct options *options)
{
    char target[PATH_MAX], *zone;
    ssize_t len = readlink("/etc/localtime", target, sizeof(target) - 1);

    target[len < 0 ? 0 : len] = '\0';
    zone = strstr(target, "zoneinfo/");
    if (getenv("TZ") != NULL) {
        words_add(&options->env, text("TZ=%s", getenv("TZ")));
    } else if (zone != NULL) {
        words_add(&options->env, text("TZ=%s", zone + strlen("zoneinfo/")));
    }
}

static bool has_time_zone(const struct options *options)
{
    for (size_t i = 0; i < options->env.count; i++) {
        if (strncmp(options->env.word[i], "TZ=", 3) == 0) {
            return true;
        }
    }
    return false;
}

static void share_read_only(void *arg, const char *path)
{
    struct options *options = arg;
    unsigned before = options->mount_count;

    if (share_folder(options, path) && options->mount_count > before) {
        options->mounts[options->mount_count - 1].read_only = true;
    }
}

static void share_jdk(struct options *options)
{
    char *host = jdk_check(options->jdk);

    if (options->mount_count == MOUNTS_MAX) {
        fail("put the folders into one", "more than %d volumes", MOUNTS_MAX);
    }
    options->mounts[options->mount_count++] =
        (struct mount){.host = host, .guest = text(OTHER_JDK), .read_only = true};
    jdk_for_each_folder(host, share_read_only, options);
}

static void share_folders(struct options *options)
{
    char *cwd = getcwd(NULL, 0);

    if (cwd != NULL && share_folder(options, cwd) && strcmp(options->cwd, "/") == 0) {
        options->cwd = cwd;
    }
    for (char **word = options->program; *word != NULL; word++) {
        share_named(options, *word);
    }
    java_for_each_list(options->program, &options->env, share_words_of, options);
}

void prepare_defaults(const struct options *options, struct words *words, bool archive)
{
    bool explain = options->dry_run || options->verbose;

    if (explain) {
        say("the machine has %s of memory and %s processors", options->memory, options->cpus);
    }
    if (archive) {
        java_add_archive(words, explain);
    }
    java_add_defaults(words, options->program, &options->env, mebibytes(options->memory),
                      (unsigned)atoi(options->cpus), explain);
}

/* The disk's own words, with the user's options behind its options, and so with arguments. */
static void merge_recipe(struct options *options)
{
    const struct disk *disk = options->disk;
    struct words words = {0}, env = {0};
    char **user = options->program;
    const char *value;

    for (value = NULL; (value = disk_recipe_next(disk, value, "option")) != NULL;) {
        words_add(&words, text("%s", value));
    }
    for (; strcmp(*user, "-jar") != 0; user++) {
        words_add(&words, *user);
    }
    words_add(&words, *user++);
    words_add(&words, text("%s", disk_recipe_next(disk, NULL, "jar")));
    for (value = NULL; (value = disk_recipe_next(disk, value, "argument")) != NULL;) {
        words_add(&words, text("%s", value));
    }
    for (; *user != NULL; user++) {
        words_add(&words, *user);
    }
    options->program = words.word;
    for (value = NULL; (value = disk_recipe_next(disk, value, "env")) != NULL;) {
        words_add(&env, text("%s", value));
    }
    for (size_t i = 0; i < options->env.count; i++) {
        words_add(&env, options->env.word[i]);
    }
    options->env = env;
}

static void prepare_disk(struct options *options)
{
    const struct disk *disk = options->disk;
    const char *archive = disk_recipe_next(disk, NULL, "archive"), *cwd;
    struct words words = {0};

    if (options->jdk != NULL) {
        fail("build it again: moka build --jdk FOLDER",
             "a disk has its own JDK: --jdk is for jars");
    }
    if (options->memory == NULL) {
        options->memory = disk_recipe_next(disk, NULL, "memory");
    }
    if (options->cpus == NULL) {
        options->cpus = disk_recipe_next(disk, NULL, "cpus");
    }
    cwd = disk_recipe_next(disk, NULL, "cwd");
    if (cwd != NULL && strcmp(options->cwd, "/") == 0) {
        options->cwd = cwd;
    }
    prepare_machine(options);
    merge_recipe(options);
    words_add(&words, text("%s", disk_recipe_next(disk, NULL, "java")));
    prepare_defaults(options, &words, archive != NULL && strcmp(archive, "yes") == 0);
    reports_prepare(options, &words);
    for (char **word = options->program; *word != NULL; word++) {
        words_add(&words, *word);
    }
    options->program = words.word;
}

void run_prepare(struct options *options, const struct places *places)
{
    struct words words = {0};

    if (!has_time_zone(options)) {
        add_time_zone(options);
    }
    if (options->disk != NULL) {
        prepare_disk(options);
        return;
    }
    if (access(places->java_root, R_OK) != 0) {
        fail("make jdk", "there is no JDK for the guest yet, '%s'", places->java_root);
    }
    options->root = places->java_root;
    prepare_machine(options);
    if (options->jdk != NULL) {
        share_jdk(options);
    }
    share_folders(options);
    words_add(&words, text("%s/bin/java", options->jdk != NULL ? OTHER_JDK : JAVA_HOME));
    prepare_defaults(options, &words, options->jdk == NULL);
    reports_prepare(options, &words);
    for (char **word = options->program; *word != NULL; word++) {
        words_add(&words, *word);
    }
    options->program = words.word;
}
