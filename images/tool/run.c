/* SPDX-License-Identifier: MIT */
/*
 * The words of moka run and moka java.
 *
 * `run` has docker's options and a jar, or a disk that was made of one; `java`
 * is java(1), option for option, and gets what a machine needs from the
 * variable MOKA_OPTIONS.  prepare.c makes of both what `moka exec` would do.
 */
#include "disk.h"
#include "jar.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

/* What a user of java(1) may type from habit. */
static bool is_of_java_alone(const char *word)
{
    static const char *const names[] = {
        "-cp", "-classpath", "--class-path", "-version", "--version", "--module-path", NULL};

    for (const char *const *name = names; *name != NULL; name++) {
        if (strcmp(word, *name) == 0) {
            return true;
        }
    }
    return false;
}

bool run_is_java_option(const char *word)
{
    static const char *const prefixes[] = {"-X",
                                           "-D",
                                           "-ea",
                                           "-da",
                                           "-esa",
                                           "-dsa",
                                           "@",
                                           "-javaagent:",
                                           "-agentlib:",
                                           "-agentpath:",
                                           "-verbose:",
                                           "--add-",
                                           "-server",
                                           "--enable-",
                                           "-showversion",
                                           "--show-version",
                                           "-jar",
                                           NULL};

    for (const char *const *prefix = prefixes; *prefix != NULL; prefix++) {
        if (strncmp(word, *prefix, strlen(*prefix)) == 0) {
            return true;
        }
    }
    return is_of_java_alone(word);
}

char **run_take_java_words(struct options *options, char **argv, struct words *words)
{
    for (argv = options_take(options, argv); *argv != NULL && run_is_java_option(*argv);
         argv = options_take(options, argv)) {
        if (is_of_java_alone(*argv)) {
            fail(text("moka java has all of java's options: moka java %s ...", *argv),
                 "moka %s runs a jar, and has no option %s", verb_name(options->verb), *argv);
        }
        if (strcmp(*argv, "-jar") != 0) {
            words_add(words, *argv);
        }
        argv++;
    }
    return argv;
}

static bool take_disk(struct options *options, const char *path)
{
    struct disk disk;

    if (!disk_open(path, &disk)) {
        return false;
    }
    options->disk = need_memory(malloc(sizeof(disk)));
    *options->disk = disk;
    return true;
}

void run_parse(struct options *options, char **argv)
{
    struct words words = {0};

    argv = run_take_java_words(options, argv, &words);
    if (argv[0] == NULL) {
        fail("for example: moka run app.jar", "which jar?");
    }
    if (take_disk(options, argv[0])) {
        options->root = *argv++;
        words_add(&words, text("-jar")); /* its own, which prepare.c knows */
    } else {
        jar_check(argv[0]);
        if (!share_file(options, argv[0])) {
            fail(
                "put it into a folder of its own that may be read",
                "the folder of '%s' cannot be shared: the guest has its own, or it may not be read",
                argv[0]);
        }
        words_add(&words, text("-jar"));
    }
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
