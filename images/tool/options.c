/* SPDX-License-Identifier: MIT */
/*
 * The command line.  Options stand before the image, as docker's do, and mean
 * what docker's mean; all behind the program's path is the program's own.
 */
#include "tool.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEMORY_MIN (8ull << 20)
#define SEE_HELP "see: moka exec --help"

static const char help[] =
    "moka exec [OPTION]... IMAGE-or-FOLDER /PATH/OF/PROGRAM [ARGUMENT]...\n"
    "\n"
    "Runs a Linux program in a machine of its own.  Its root is a folder, or an\n"
    "image made of one (tools/mkimage.sh); what it writes there is gone at the\n"
    "end, but for the folders given with -v.  Standard input, output and error\n"
    "are the program's; so is the status: 128+N if signal N ended it, 125 if the\n"
    "machine failed, 126 and 127 if the program cannot be run or is not there.\n"
    "Ctrl-C goes to the program; twice within two seconds, it ends the machine.\n"
    "\n"
    "  -m, --memory SIZE        memory of the machine, as 512M or 4G (1G)\n"
    "  -c, --cpus NUMBER        its processors (2)\n"
    "  -e, --env NAME=VALUE     a variable for the program; NAME alone: the host's\n"
    "  -v, --volume HOST:GUEST[:ro]  a folder of the host, read-write or read-only\n"
    "  -w, --cwd FOLDER         where the program starts (/)\n"
    "      --accel kvm|tcg|auto how the CPU is made (auto: KVM if it is there)\n"
    "      --machine TYPE       microvm (default) or q35\n"
    "      --gdb PORT           a debugger may connect to 127.0.0.1:PORT\n"
    "      --cache FOLDER       where images of folders are kept\n"
    "      --verbose            the kernel's own log goes to standard error\n"
    "  -q, --quiet              only errors are reported\n"
    "      --dry-run            print the command of the machine instead\n"
    "      --help\n"
    "\n"
    "Examples:\n"
    "  moka exec rootfs /bin/hello\n"
    "  echo 'select 1+1;' | moka exec rootfs /usr/bin/sqlite3\n"
    "  moka exec -m 4G -c 4 -v ~/data:/data rootfs /usr/bin/gzip -k /data/big\n"
    "  moka exec -e LANG=C.UTF-8 --cwd /srv app.erofs /srv/app --fast\n";

static bool is_number(const char *word)
{
    size_t digits = strspn(word, "0123456789");

    return digits > 0 && digits < 7 && word[digits] == '\0';
}

static const char *check_memory(const char *value)
{
    size_t digits = strspn(value, "0123456789");
    unsigned long long unit = value[digits] == 'G'   ? 1ull << 30
                              : value[digits] == 'K' ? 1024
                                                     : 1 << 20;

    if (digits == 0 || digits > 9 || strchr("KMG", value[digits]) == NULL ||
        (value[digits] != '\0' && value[digits + 1] != '\0')) {
        fail("for example: -m 2G", "-m is a number with K, M or G behind it, not '%s'", value);
    }
    if (strtoull(value, NULL, 10) * unit < MEMORY_MIN) {
        fail("for example: -m 512M", "%s is less memory than any machine needs", value);
    }
    return value;
}

static const char *check_cpus(const char *value)
{
    if (!is_number(value) || atoi(value) < 1 || atoi(value) > 64) {
        fail("for example: -c 4", "-c is a number from 1 to 64, not '%s'", value);
    }
    return value;
}

static const char *check_accel(const char *value)
{
    if (strcmp(value, "kvm") != 0 && strcmp(value, "tcg") != 0 && strcmp(value, "auto") != 0) {
        fail(SEE_HELP, "--accel is kvm, tcg or auto, not '%s'", value);
    }
    return value;
}

static const char *check_machine(const char *value)
{
    size_t len = strcspn(value, ",");

    if (strncmp(value, "microvm", len) != 0 && strncmp(value, "q35", len) != 0) {
        fail(SEE_HELP, "--machine is microvm or q35, not '%s'", value);
    }
    return value;
}

static const char *check_gdb(const char *value)
{
    if (!is_number(value) || atoi(value) < 1 || atoi(value) > 65535) {
        fail("for example: --gdb 1234", "--gdb is a port from 1 to 65535, not '%s'", value);
    }
    return value;
}

static const char *check_guest_folder(const char *option, const char *value)
{
    if (value[0] != '/' || strlen(value) >= PATH_MAX) {
        fail("it is a folder of the guest, and starts with a slash",
             "%s wants an absolute path, not '%s'", option, value);
    }
    return value;
}

static void add_env(struct words *env, const char *value)
{
    size_t len = strcspn(value, "=");
    const char *ours;

    if (len == 0) {
        fail("for example: -e LANG=C.UTF-8", "-e wants NAME=VALUE, not '%s'", value);
    }
    if (value[len] == '=') {
        words_add(env, text("%s", value));
        return;
    }
    ours = getenv(value);
    if (ours == NULL) {
        fail(SEE_HELP, "-e %s: there is no such variable here to be handed on", value);
    }
    words_add(env, text("%s=%s", value, ours));
}

/* HOST:GUEST[:ro]; the host's folder may not hold a colon, as in docker. */
static void add_mount(struct options *options, const char *value)
{
    struct mount *mount = &options->mounts[options->mount_count];
    char *copy = text("%s", value), *guest = strchr(copy, ':'), *mode;
    struct stat stat_buf;

    if (options->mount_count == MOUNTS_MAX) {
        fail(NULL, "more than %d volumes", MOUNTS_MAX);
    }
    if (guest == NULL || guest == copy) {
        fail("for example: -v ~/data:/data:ro", "-v wants HOST:GUEST[:ro], not '%s'", value);
    }
    *guest++ = '\0';
    mode = strchr(guest, ':');
    if (mode != NULL) {
        *mode++ = '\0';
        if (strcmp(mode, "ro") != 0 && strcmp(mode, "rw") != 0) {
            fail("for example: -v ~/data:/data:ro", "-v %s: '%s' is neither ro nor rw", value,
                 mode);
        }
        mount->read_only = strcmp(mode, "ro") == 0;
    }
    check_guest_folder("-v HOST:GUEST", guest);
    mount->guest = guest;
    mount->host = realpath(copy, NULL);
    if (mount->host == NULL || stat(mount->host, &stat_buf) != 0 || !S_ISDIR(stat_buf.st_mode)) {
        fail("make it first: mkdir -p", "-v: there is no folder '%s' here", copy);
    }
    options->mount_count++;
}

static bool is_option(const char *word, const char *letter, const char *name)
{
    return (letter != NULL && strcmp(word, letter) == 0) || strcmp(word, name) == 0;
}

/* A flag: true if `word` was one. */
static bool take_flag(struct options *options, const char *word)
{
    if (is_option(word, "-h", "--help")) {
        fputs(options->java ? run_help : help, stdout);
        exit(0);
    } else if (is_option(word, NULL, "--verbose")) {
        options->verbose = true;
    } else if (is_option(word, "-q", "--quiet")) {
        options->quiet = true;
    } else if (is_option(word, NULL, "--dry-run")) {
        options->dry_run = true;
    } else if (!is_option(word, NULL, "--rm")) { /* docker's: what is written is gone anyway */
        return false;
    }
    return true;
}

static bool take_value(struct options *options, const char *word, const char *value)
{
    if (is_option(word, "-m", "--memory")) {
        options->memory = check_memory(value);
    } else if (is_option(word, "-c", "--cpus")) {
        options->cpus = check_cpus(value);
    } else if (is_option(word, "-e", "--env")) {
        add_env(&options->env, value);
    } else if (is_option(word, "-v", "--volume")) {
        add_mount(options, value);
    } else if (is_option(word, "-w", "--cwd")) {
        options->cwd = check_guest_folder("--cwd", value);
    } else if (is_option(word, NULL, "--accel")) {
        options->accel = check_accel(value);
    } else if (is_option(word, NULL, "--machine")) {
        options->machine = check_machine(value);
    } else if (is_option(word, NULL, "--gdb")) {
        options->gdb = check_gdb(value);
    } else if (is_option(word, NULL, "--cache")) {
        options->cache = value;
    } else if (options->java && is_option(word, NULL, "--jdk")) {
        options->jdk = value;
    } else {
        return false;
    }
    return true;
}

static bool wants_value(const char *word)
{
    static const char *const names[] = {
        "-m", "--memory", "-c",    "--cpus",  "-e",        "--env",   "-v",    "--volume",
        "-w", "--cwd",    "--gdb", "--accel", "--machine", "--cache", "--jdk", NULL};

    for (const char *const *name = names; *name != NULL; name++) {
        if (strcmp(word, *name) == 0) {
            return true;
        }
    }
    return false;
}

/* Options up to the first other word, which is returned.  --name=value is two words. */
char **options_take(struct options *options, char **argv)
{
    while (*argv != NULL && (*argv)[0] == '-' && (*argv)[1] != '\0' &&
           !(options->java && run_is_java_option(*argv))) {
        char *word = *argv++, *value = NULL, *equals = strchr(word, '=');

        if (strcmp(word, "--") == 0) {
            break;
        }
        if (take_flag(options, word)) {
            continue;
        }
        if (strncmp(word, "--", 2) == 0 && equals != NULL) {
            *equals = '\0';
            value = equals + 1;
        }
        if (!wants_value(word)) {
            fail(SEE_HELP, "unknown option '%s'", word);
        }
        if (value == NULL && *argv == NULL) {
            fail(SEE_HELP, "%s needs a value", word);
        }
        if (!take_value(options, word, value != NULL ? value : *argv++)) {
            fail(SEE_HELP, "unknown option '%s'", word);
        }
    }
    return argv;
}

void options_parse(struct options *options, int argc, char **argv)
{
    *options = (struct options){.cwd = "/"};
    if (argc < 2) {
        fail("for example: moka run app.jar", "what is to be done?");
    }
    if (is_option(argv[1], "-h", "--help") || strcmp(argv[1], "help") == 0) {
        fputs(help, stdout);
        exit(0);
    }
    if (strcmp(argv[1], "run") == 0) {
        run_parse(options, argv + 2);
        return;
    }
    if (strcmp(argv[1], "java") == 0) {
        run_parse_java(options, argv + 2);
        return;
    }
    if (strcmp(argv[1], "exec") != 0) {
        fail("there are: moka run, moka java, moka exec", "unknown command '%s'", argv[1]);
    }
    argv = options_take(options, argv + 2);
    if (argv[0] == NULL) {
        fail(SEE_HELP, "which image or folder?");
    }
    options->root = *argv++;
    if (argv[0] == NULL) {
        fail("for example: moka exec rootfs /bin/hello", "which program of '%s'?", options->root);
    }
    options->program = argv;
}
