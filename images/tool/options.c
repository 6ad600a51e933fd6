/* SPDX-License-Identifier: MIT */
/*
 * The command line.  Options stand before the image or the jar, as docker's
 * do, and mean what docker's mean; all behind is the program's own.  One table
 * says which there are and for which command.
 */
#include "network.h"

#include <stdlib.h>
#include <string.h>

#define MACHINE (VERB_EXEC | VERB_RUN | VERB_JAVA)
#define JVM (VERB_RUN | VERB_JAVA | VERB_BUILD)
#define ALL (MACHINE | JVM | VERB_DOCTOR)

static void take_memory(struct options *options, const char *value)
{
    options->memory = check_memory(value);
}

static void take_cpus(struct options *options, const char *value)
{
    options->cpus = check_cpus(value);
}

static void take_env(struct options *options, const char *value)
{
    add_env(&options->env, value);
}

static void take_volume(struct options *options, const char *value)
{
    add_mount(options, value);
}

static void take_cwd(struct options *options, const char *value)
{
    options->cwd = check_guest_folder("--cwd", value);
}

static void take_accel(struct options *options, const char *value)
{
    options->accel = check_accel(value);
}

static void take_machine(struct options *options, const char *value)
{
    options->machine = check_machine(value);
}

static void take_roles(struct options *options, const char *value)
{
    options->no_roles = check_off("--roles", value);
}

static void take_balloon(struct options *options, const char *value)
{
    options->no_balloon = check_off("--balloon", value);
}

static void take_qmp(struct options *options, const char *value)
{
    options->qmp = check_qmp(value);
}

static void take_gdb(struct options *options, const char *value)
{
    options->gdb = check_gdb(value);
}

static void take_cache(struct options *options, const char *value)
{
    options->cache = value;
}

static void take_jdk(struct options *options, const char *value)
{
    options->jdk = value;
}

static void take_output(struct options *options, const char *value)
{
    options->output = value;
}

static void take_format(struct options *options, const char *value)
{
    options->format = check_format(value);
}

static void take_port(struct options *options, const char *value)
{
    add_port(&options->network, value);
}

static void take_network(struct options *options, const char *value)
{
    check_network(&options->network, value);
}

static void take_ip(struct options *options, const char *value)
{
    add_ip(&options->network, value);
}

static void take_hostname(struct options *options, const char *value)
{
    options->network.hostname = check_hostname(value);
}

static void set_verbose(struct options *options, const char *value)
{
    options->verbose = value == NULL;
}

static void set_quiet(struct options *options, const char *value)
{
    options->quiet = value == NULL;
}

static void set_dry_run(struct options *options, const char *value)
{
    options->dry_run = value == NULL;
}

static void set_nothing(struct options *options, const char *value)
{
    (void)options;
    (void)value;
}

static void show_help(struct options *options, const char *value)
{
    (void)value;
    help_print(options->verb);
    exit(0);
}

static const struct option {
    const char *letter, *name;
    unsigned verbs;
    bool value;
    void (*take)(struct options *options, const char *value);
} table[] = {
    {"-m", "--memory", MACHINE | VERB_BUILD, true, take_memory},
    {"-c", "--cpus", MACHINE | VERB_BUILD, true, take_cpus},
    {"-e", "--env", MACHINE | VERB_BUILD, true, take_env},
    {"-v", "--volume", MACHINE | VERB_BUILD, true, take_volume},
    {"-w", "--cwd", MACHINE, true, take_cwd},
    {"-p", "--publish", MACHINE, true, take_port},
    {NULL, "--network", MACHINE, true, take_network},
    {NULL, "--ip", MACHINE, true, take_ip},
    {NULL, "--hostname", MACHINE, true, take_hostname},
    {"-o", "--output", VERB_BUILD, true, take_output},
    {NULL, "--format", VERB_BUILD, true, take_format},
    {NULL, "--jdk", JVM | VERB_DOCTOR, true, take_jdk},
    {NULL, "--accel", MACHINE, true, take_accel},
    {NULL, "--machine", MACHINE, true, take_machine},
    {NULL, "--gdb", MACHINE, true, take_gdb},
    {NULL, "--roles", MACHINE, true, take_roles},
    {NULL, "--balloon", MACHINE, true, take_balloon},
    {NULL, "--qmp", MACHINE, true, take_qmp},
    {NULL, "--cache", ALL, true, take_cache},
    {NULL, "--verbose", ALL, false, set_verbose},
    {"-q", "--quiet", ALL, false, set_quiet},
    {NULL, "--dry-run", MACHINE, false, set_dry_run},
    {NULL, "--rm", MACHINE, false, set_nothing}, /* docker's: what is written is gone anyway */
    {"-h", "--help", ALL, false, show_help},
};
#define OPTIONS (sizeof(table) / sizeof(table[0]))

static const struct option *find_option(enum verb verb, const char *word)
{
    for (size_t i = 0; i < OPTIONS; i++) {
        const struct option *option = &table[i];

        if ((option->verbs & verb) != 0 &&
            ((option->letter != NULL && strcmp(word, option->letter) == 0) ||
             strcmp(word, option->name) == 0)) {
            return option;
        }
    }
    return NULL;
}

static void __attribute__((noreturn)) fail_unknown(enum verb verb, const char *word)
{
    const char *names[OPTIONS + 1] = {NULL}, *meant;
    size_t count = 0;

    for (size_t i = 0; i < OPTIONS; i++) {
        if ((table[i].verbs & verb) != 0) {
            names[count++] = table[i].name;
        }
    }
    meant = nearest(word, names);
    if (verb == VERB_JAVA) { /* whose --help is java(1)'s own */
        fail(meant != NULL ? text("did you mean %s?  see: moka help java", meant)
                           : "see: moka help java",
             "unknown option '%s' in MOKA_OPTIONS", word);
    }
    fail(meant != NULL ? text("did you mean %s?  see: moka %s --help", meant, verb_name(verb))
                       : text("see: moka %s --help", verb_name(verb)),
         "unknown option '%s'", word);
}

/* Options up to the first other word, which is returned.  --name=value is two words. */
char **options_take(struct options *options, char **argv)
{
    bool jvm = (options->verb & (VERB_RUN | VERB_BUILD)) != 0;

    while (*argv != NULL && (*argv)[0] == '-' && (*argv)[1] != '\0' &&
           !(jvm && run_is_java_option(*argv))) {
        char *word = *argv++, *value = NULL, *equals = strchr(word, '=');
        const struct option *option;

        if (strcmp(word, "--") == 0) {
            break;
        }
        if (strncmp(word, "--", 2) == 0 && equals != NULL) {
            *equals = '\0';
            value = equals + 1;
        }
        option = find_option(options->verb, word);
        if (option == NULL) {
            fail_unknown(options->verb, word);
        }
        if (value != NULL && !option->value) {
            fail(NULL, "%s has no value", word);
        }
        if (option->value && value == NULL && (value = *argv++) == NULL) {
            fail(text("see: moka %s --help", verb_name(options->verb)), "%s needs a value", word);
        }
        option->take(options, value);
    }
    return argv;
}
