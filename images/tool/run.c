/* SPDX-License-Identifier: MIT */
/*
 * moka run and moka java: Java programs, by Debian's JDK (jvm-support/jdk) or
 * one of the host's, in a machine whose root has nothing but that.
 *
 * `run` has docker's options and a jar; `java` is java(1), option for option,
 * and gets what a machine needs from the variable MOKA_OPTIONS.  Both become
 * what `moka exec` would do: the path of java, our defaults (java.c) ahead of
 * the user's options, and the folders that the command names (share.c).
 */
#include "tool.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define JAVA_HOME "/usr/lib/jvm/java-17-openjdk-amd64"
#define OTHER_JDK "/usr/lib/jvm/jdk" /* where the host's is seen */
#define MEMORY_LEAST 512ul           /* MiB, of a machine that nobody has given a size */
#define MEMORY_MOST 4096ul
#define CPUS_MOST 64l

extern char **environ;

const char run_help[] =
    "moka run [OPTION]... [JAVA-OPTION]... APP.jar [ARGUMENT]...\n"
    "\n"
    "Runs a Java program in a machine of its own.  The current folder, and the\n"
    "folders of files that the command names, are there at the same paths.\n"
    "Standard input, output and error are the program's; so is the status: 128+N\n"
    "if signal N ended it (134 if the JVM crashed), 125 if the machine failed.\n"
    "Ctrl-C ends the program as on Linux; twice within two seconds, the machine.\n"
    "\n"
    "  -m, --memory SIZE        memory of the machine, as 512M or 4G (a quarter of\n"
    "                           the host's, up to 4G); the heap is sized to it\n"
    "  -c, --cpus NUMBER        its processors (as many as the host has)\n"
    "  -e, --env NAME=VALUE     a variable for the program; NAME alone: the host's\n"
    "  -v, --volume HOST:GUEST[:ro]  a folder of the host, read-write or read-only\n"
    "      --jdk FOLDER         another JDK, of the host (Debian's OpenJDK 17)\n"
    "      --accel, --machine, --gdb, --verbose, --quiet, --dry-run: as moka exec\n"
    "\n"
    "JAVA-OPTION is what begins as -X, -D, -ea, -javaagent:, -agentlib: or --add-.\n"
    "\n"
    "Examples:\n"
    "  moka run app.jar\n"
    "  moka run -m 2G -c 4 -Dport=80 app.jar --verbose\n"
    "  moka run -e LANG=de_DE.UTF-8 --dry-run -Xmx1g -XX:+UseZGC app.jar\n"
    "  MOKA_OPTIONS='-m 2G' moka java -cp classes:lib/* org.example.Main\n";

bool run_is_java_option(const char *word)
{
    static const char *const prefixes[] = {"-X",          "-D",         "-ea",    "-da", "-esa",
                                           "-javaagent:", "-agentlib:", "--add-", NULL};

    for (const char *const *prefix = prefixes; *prefix != NULL; prefix++) {
        if (strncmp(word, *prefix, strlen(*prefix)) == 0) {
            return true;
        }
    }
    return false;
}

void run_parse(struct options *options, char **argv)
{
    struct words words = {0};

    options->java = true;
    for (argv = options_take(options, argv); argv[0] != NULL && run_is_java_option(argv[0]);
         argv = options_take(options, argv)) {
        words_add(&words, *argv++);
    }
    if (argv[0] == NULL) {
        fail("for example: moka run app.jar", "which jar?");
    }
    if (access(argv[0], R_OK) != 0) {
        fail("for example: moka run target/app.jar", "cannot read the jar '%s': %s", argv[0],
             strerror(errno));
    }
    if (!share_file(options, argv[0])) {
        fail("put it into a folder of its own",
             "the folder of '%s' cannot be shared: the guest "
             "has its own",
             argv[0]);
    }
    words_add(&words, text("-jar"));
    for (; *argv != NULL; argv++) {
        words_add(&words, *argv);
    }
    options->program = words.word;
}

/* Its environment is the host's, but for what would change which libraries are loaded. */
static void add_environment(struct options *options)
{
    for (char **variable = environ; *variable != NULL; variable++) {
        if (strncmp(*variable, "LD_", 3) != 0 && strncmp(*variable, "MOKA_", 5) != 0 &&
            strncmp(*variable, "JAVA_HOME=", 10) != 0) {
            words_add(&options->env, text("%s", *variable));
        }
    }
}

void run_parse_java(struct options *options, char **argv)
{
    const char *ours = getenv("MOKA_OPTIONS");
    char *rest = text("%s", ours != NULL ? ours : ""), *word;
    struct words words = {0};

    options->java = true;
    add_environment(options);
    words_add(&words, text("-q")); /* java(1) says nothing of its own */
    while ((word = strsep(&rest, " ")) != NULL) {
        if (*word != '\0') {
            words_add(&words, word);
        }
    }
    if (*options_take(options, words.word) != NULL) {
        fail("for example: MOKA_OPTIONS='-m 2G -c 4'",
             "MOKA_OPTIONS has words that are no options");
    }
    options->program = argv;
}

/* In the form of -m, which has been checked. */
static unsigned long mebibytes(const char *size)
{
    char *unit;
    unsigned long number = strtoul(size, &unit, 10);

    return *unit == 'G' ? number << 10 : *unit == 'K' ? number >> 10 : number;
}

static void choose_machine(struct options *options)
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

static void share_jdk(struct options *options)
{
    char *java = text("%s/bin/java", options->jdk), *host = realpath(options->jdk, NULL);

    if (access(java, X_OK) != 0 || host == NULL) {
        fail("it is the folder that JAVA_HOME would name", "--jdk: there is no '%s'", java);
    }
    if (options->mount_count == MOUNTS_MAX) {
        fail(NULL, "more than %d volumes", MOUNTS_MAX);
    }
    options->mounts[options->mount_count++] =
        (struct mount){.host = host, .guest = text(OTHER_JDK), .read_only = true};
    free(java);
}

static void share_folders(struct options *options)
{
    char *cwd = getcwd(NULL, 0);

    if (cwd != NULL && share_folder(options, cwd)) {
        options->cwd = cwd;
    }
    for (char **word = options->program; *word != NULL; word++) {
        share_named(options, *word);
    }
}

void run_prepare(struct options *options, const struct places *places)
{
    struct words words = {0};
    bool explain = options->dry_run || options->verbose;

    if (access(places->java_root, R_OK) != 0) {
        fail("make jdk", "there is no JDK for the guest yet, '%s'", places->java_root);
    }
    options->root = places->java_root;
    choose_machine(options);
    if (!has_time_zone(options)) {
        add_time_zone(options);
    }
    if (options->jdk != NULL) {
        share_jdk(options);
    }
    share_folders(options);
    words_add(&words, text("%s/bin/java", options->jdk != NULL ? OTHER_JDK : JAVA_HOME));
    if (options->jdk == NULL) {
        java_add_archive(&words, explain);
    }
    java_add_defaults(&words, options->program, &options->env, mebibytes(options->memory),
                      (unsigned)atoi(options->cpus), explain);
    for (char **word = options->program; *word != NULL; word++) {
        words_add(&words, *word);
    }
    options->program = words.word;
}
