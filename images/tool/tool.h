/* SPDX-License-Identifier: MIT */
/*
 * The tool `moka`: parts and what they hand to each other.  A program of the
 * host: it uses its libc and ends by fail().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define STATUS_OURS 125    /* as docker's: the tool or the machine failed */
#define STATUS_NOT_RUN 126 /* the program is there and cannot be run */
#define STATUS_NOT_FOUND 127
#define STATUS_SIGNAL 128 /* + its number: ended by a signal */

/* Words to come, NULL-terminated. */
struct words {
    char **word;
    size_t count, room;
};

struct mount {
    char *host, *guest; /* absolute folders */
    bool read_only;
};

#define MOUNTS_MAX 16

struct options {
    const char *memory, *cpus, *accel, *machine; /* NULL: tools/qemu.sh decides */
    const char *cwd;                             /* in the guest */
    const char *cache;                           /* NULL: the user's own */
    const char *gdb;                             /* a port */
    bool dry_run, quiet, verbose;
    struct words env; /* NAME=VALUE */
    struct mount mounts[MOUNTS_MAX];
    unsigned mount_count;
    const char *root; /* image or folder */
    char **program;   /* path and arguments, NULL-terminated */
};

/* Where the parts of Moka are. */
struct places {
    char *qemu_sh, *mkimage_sh, *kernel, *libc;
};

/* One line on stderr, a second with the remedy if it is not NULL; status 125. */
void fail(const char *remedy, const char *fmt, ...) __attribute__((noreturn, format(printf, 2, 3)));
/* Likewise, and goes on. */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

void *need_memory(void *memory);
char *text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void words_add(struct words *words, char *word); /* keeps the pointer */
/* With each comma doubled, for a value in a list of QEMU's. */
char *comma_doubled(const char *value);

/* options.c: ends the tool on wrong use, --help and --version. */
void options_parse(struct options *options, int argc, char **argv);

/* image.c: an open EROFS image of options->root, made and cached if that is a folder. */
int image_open(const struct options *options, const struct places *places);
/* The folder for what is kept between runs; it exists. */
char *cache_folder(const struct options *options);

/* spec.c: a file in memory that tells the guest what to run (images/exec_spec.h). */
int spec_make(const struct options *options);

/* relay.c: bytes between the machine's ports and our own descriptors. */
struct log {
    char *bytes;
    size_t size;
};
void relay_in(int from, int to);  /* stdin; its own thread, never waited for */
void relay_out(int from, int to); /* stdout, stderr */
void relay_log(int from, struct log *log, bool show);
void relay_wait(void); /* until all that goes out has gone */

/* exec.c */
int exec_program(const struct options *options, const struct places *places);
