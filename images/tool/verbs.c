/* SPDX-License-Identifier: MIT */
/* The first word of the command line: what is to be done. */
#include "tool.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    enum verb verb;
} verbs[] = {
    {"run", VERB_RUN},     {"java", VERB_JAVA},     {"exec", VERB_EXEC},
    {"build", VERB_BUILD}, {"doctor", VERB_DOCTOR},
};
#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

const char *verb_name(enum verb verb)
{
    for (size_t i = 0; i < VERBS; i++) {
        if (verbs[i].verb == verb) {
            return verbs[i].name;
        }
    }
    return "";
}

static void parse_exec(struct options *options, char **argv)
{
    argv = options_take(options, argv);
    if (argv[0] == NULL) {
        fail("see: moka exec --help", "which image or folder?");
    }
    options->root = *argv++;
    if (argv[0] == NULL) {
        fail("for example: moka exec rootfs /bin/hello", "which program of '%s'?", options->root);
    }
    options->program = argv;
}

static void parse_doctor(struct options *options, char **argv)
{
    if (*options_take(options, argv) != NULL) {
        fail("see: moka doctor --help", "moka doctor looks at this machine, and wants no names");
    }
}

static enum verb find_verb(const char *word)
{
    const char *names[VERBS + 1] = {NULL}, *meant;
    size_t len = strlen(word);

    for (size_t i = 0; i < VERBS; i++) {
        names[i] = verbs[i].name;
        if (strcmp(word, names[i]) == 0) {
            return verbs[i].verb;
        }
    }
    meant = nearest(word, names);
    if (len > 4 && strcmp(word + len - 4, ".jar") == 0) {
        fail(text("run it: moka run %s", word), "'%s' is no command", word);
    }
    fail(meant != NULL ? text("did you mean moka %s?", meant)
                       : "there are: moka run, java, build, doctor, exec",
         "unknown command '%s'", word);
}

void options_parse(struct options *options, int argc, char **argv)
{
    *options = (struct options){.cwd = "/"};
    if (argc < 2) {
        help_print_all(stdout);
        exit(0);
    }
    if (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0 ||
        (strcmp(argv[1], "help") == 0 && argv[2] == NULL)) {
        help_print_all(stdout);
        exit(0);
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0) {
        version_print();
        exit(0);
    }
    if (strcmp(argv[1], "help") == 0) {
        help_print(find_verb(argv[2]));
        exit(0);
    }
    options->verb = find_verb(argv[1]);
    switch (options->verb) {
    case VERB_EXEC:
        parse_exec(options, argv + 2);
        break;
    case VERB_RUN:
        run_parse(options, argv + 2);
        break;
    case VERB_JAVA:
        run_parse_java(options, argv + 2);
        break;
    case VERB_BUILD:
        build_parse(options, argv + 2);
        break;
    case VERB_DOCTOR:
        parse_doctor(options, argv + 2);
        break;
    }
}
