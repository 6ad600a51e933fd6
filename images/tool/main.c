/* SPDX-License-Identifier: MIT */
/*
 * moka: runs a Linux program in a machine of its own.
 *
 * In C, and not a shell script as our other tools, because of what a program
 * in a pipe or on a terminal needs: bytes that flow both ways at once, the
 * end of a file passed on, signals that reach the program instead of the
 * machine, an exact status, and nothing left behind however it ends.  The
 * script `moka` at the top of the tree builds it and starts it with
 * MOKA_ROOT (the tree) and MOKA_BUILD (what was built).
 */
#include "tool.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void print_line(const char *fmt, va_list ap)
{
    fputs("moka: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
}

void fail(const char *remedy, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    print_line(fmt, ap);
    va_end(ap);
    if (remedy != NULL) {
        fprintf(stderr, "  %s\n", remedy);
    }
    exit(STATUS_OURS);
}

void say(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    print_line(fmt, ap);
    va_end(ap);
}

struct message message_of(char *said)
{
    struct message message = {0};
    char *line, *end;

    while ((line = strsep(&said, "\r\n")) != NULL && message.remedy == NULL) {
        if (message.text != NULL && strncmp(line, "  ", 2) == 0) {
            message.remedy = line + 2;
        } else if (message.text == NULL && *line != '\0') {
            end = strstr(line, ": ");
            message.text =
                end != NULL && strcspn(line, " ") > (size_t)(end - line) ? end + 2 : line;
        }
    }
    return message;
}

void *need_memory(void *memory)
{
    if (memory == NULL) {
        fail(NULL, "out of memory");
    }
    return memory;
}

char *text(const char *fmt, ...)
{
    char *result;
    va_list ap;
    int len;

    va_start(ap, fmt);
    len = vasprintf(&result, fmt, ap);
    va_end(ap);
    return need_memory(len < 0 ? NULL : result);
}

void words_add(struct words *words, char *word)
{
    if (words->count + 1 >= words->room) {
        words->room = words->room == 0 ? 32 : words->room * 2;
        words->word = need_memory(realloc(words->word, words->room * sizeof(char *)));
    }
    words->word[words->count++] = word;
    words->word[words->count] = NULL;
}

char *comma_doubled(const char *value)
{
    char *result = need_memory(malloc(2 * strlen(value) + 1));
    char *at = result;

    for (; *value != '\0'; value++) {
        *at++ = *value;
        if (*value == ',') {
            *at++ = ',';
        }
    }
    *at = '\0';
    return result;
}

/* A program that was started without one of these sees nothing there. */
static void ensure_standard_files(void)
{
    int fd;

    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO) {
        close(fd);
    }
}

static const char *place(const char *variable)
{
    const char *value = getenv(variable);

    if (value == NULL || *value == '\0') {
        fail("start it by the script 'moka' at the top of the tree", "%s is not set", variable);
    }
    return value;
}

int main(int argc, char **argv)
{
    struct options options;
    struct places places;
    const char *root, *build;

    signal(SIGCHLD, SIG_DFL); /* ignored, it would take the statuses of those we start */
    ensure_standard_files();
    options_parse(&options, argc, argv);
    root = place("MOKA_ROOT");
    build = place("MOKA_BUILD");
    places = (struct places){
        .qemu_sh = text("%s/tools/qemu.sh", root),
        .mkimage_sh = text("%s/tools/mkimage.sh", root),
        .kernel = text("%s/release/moka.elf", build),
        .rom = text("%s/rom/moka.rom", build),
        .libc = text("%s/libc/lib/libc.so", build),
        .boot = text("%s/disk/boot.bin", build),
        .java_root = text("%s/jdk.erofs", build),
        .java_folder = text("%s/jdk", build),
    };
    if (options.verb == VERB_DOCTOR) {
        return doctor(&options, &places);
    }
    if (access(places.kernel, R_OK) != 0) {
        fail("build it first: make", "cannot read the kernel '%s'", places.kernel);
    }
    if (options.verb == VERB_BUILD) {
        return build_disk(&options, &places);
    }
    if ((options.verb & (VERB_RUN | VERB_JAVA)) != 0) {
        run_prepare(&options, &places);
    }
    return exec_program(&options, &places);
}
