/* SPDX-License-Identifier: MIT */
/*
 * The tool `moka`: parts and what they hand to each other.  A program of the
 * host: it uses its libc and ends by fail().
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#define MOKA_VERSION "0.4"

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
    bool shared; /* not asked for, but named by the command */
};

#define MOUNTS_MAX 16
/* Of two letters, which with their number are one word for the guest to read. */
#define MOUNT_TAG "m%c"

/* What is to be done: bits, for the table of options. */
enum verb { VERB_EXEC = 1, VERB_RUN = 2, VERB_JAVA = 4, VERB_BUILD = 8, VERB_DOCTOR = 16 };

enum network_kind { NETWORK_USER, NETWORK_TAP, NETWORK_BRIDGE, NETWORK_NONE };

struct published {       /* a port of the host that leads to one of the guest */
    const char *address; /* NULL: all of the host's */
    unsigned host, guest;
    bool udp;
};

struct fixed_ip {
    const char *address; /* NULL: not chosen */
    unsigned prefix;
    const char *gateway; /* NULL: none */
};

#define PORTS_MAX 64
struct network {
    enum network_kind kind;
    const char *interface; /* tap, bridge */
    struct published ports[PORTS_MAX];
    unsigned port_count;
    struct fixed_ip ip4, ip6;
    const char *hostname; /* NULL: the kernel's own */
};

struct disk;

struct options {
    enum verb verb;
    const char *memory, *cpus, *accel, *machine; /* NULL: tools/qemu.sh decides */
    const char *cwd;                             /* in the guest */
    const char *cache;                           /* NULL: the user's own */
    const char *gdb;                             /* a port */
    bool dry_run, quiet, verbose;
    bool no_roles;    /* names of threads give none, which a collector's have else */
    bool no_balloon;  /* what the program does not need stays with the machine */
    const char *qmp;  /* a socket for QEMU's own commands; NULL: none */
    const char *jdk;  /* of the host; NULL: Debian's */
    struct words env; /* NAME=VALUE */
    struct mount mounts[MOUNTS_MAX];
    unsigned mount_count;
    struct network network;
    const char *root;    /* image or folder */
    char **program;      /* path and arguments, NULL-terminated */
    const char *output;  /* build: what to make */
    const char *format;  /* raw, qcow2; NULL: by the output's name */
    struct disk *disk;   /* run: one that was built */
    const char *reports; /* of the host: where the JVM's own reports land; NULL: nowhere */
};

/* Where the parts of Moka are. */
struct places {
    char *qemu_sh, *mkimage_sh, *kernel, *rom, *libc, *boot, *java_root, *java_folder;
};

/* One line on stderr, a second with the remedy if it is not NULL; status 125. */
void fail(const char *remedy, const char *fmt, ...) __attribute__((noreturn, format(printf, 2, 3)));
/* Likewise, and goes on. */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * What a script of ours said: "NAME.sh: TEXT", with a remedy in the next line
 * behind two spaces; or any other program, without a remedy.  Changes `said`.
 */
struct message {
    char *text, *remedy; /* NULL: nothing */
};
struct message message_of(char *said);

void *need_memory(void *memory);
char *text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void words_add(struct words *words, char *word); /* keeps the pointer */
/* With each comma doubled, for a value in a list of QEMU's. */
char *comma_doubled(const char *value);

/* options.c: ends the tool on wrong use, --help and --version. */
void options_parse(struct options *options, int argc, char **argv);
/* Options up to the first word that is none, or one of java's: a pointer to it. */
char **options_take(struct options *options, char **argv);
const char *verb_name(enum verb verb);
/* The one of these that `word` was perhaps meant to be; NULL: none. */
const char *nearest(const char *word, const char *const *names);

/* help.c */
void help_print(enum verb verb);
void help_print_all(FILE *to); /* what there is */
void version_print(void);

/* values.c: an option's value, checked; or ends. */
const char *check_memory(const char *value);
const char *check_cpus(const char *value);
const char *check_accel(const char *value);
bool check_off(const char *option, const char *value); /* on or off: is it off? */
const char *check_qmp(const char *value);
const char *check_machine(const char *value);
const char *check_gdb(const char *value);
const char *check_format(const char *value);
const char *check_guest_folder(const char *option, const char *value);
void add_env(struct words *env, const char *value);
void add_mount(struct options *options, const char *value);
unsigned long mebibytes(const char *size); /* of one that was checked */

/* run.c: the words behind `moka run` and `moka java`. */
void run_parse(struct options *options, char **argv);
void run_parse_java(struct options *options, char **argv);
bool run_is_java_option(const char *word);
/* Up to the jar, which is checked; all go to `words`, with -jar in front of it. */
char **run_take_java_words(struct options *options, char **argv, struct words *words);
/* jdk.c: a JDK of the host. */
#define JAVA_HOME "/usr/lib/jvm/java-17-openjdk-amd64" /* Debian's, which comes with Moka */
#define OTHER_JDK "/usr/lib/jvm/jdk"                   /* where the guest sees it */
char *jdk_check(const char *folder);                   /* absolute; or ends */
/* Folders elsewhere that links in it lead to. */
void jdk_for_each_folder(const char *jdk, void (*found)(void *arg, const char *path), void *arg);
/* prepare.c: all that they leave open. */
void run_prepare(struct options *options, const struct places *places);
void prepare_machine(struct options *options);
void prepare_defaults(const struct options *options, struct words *words, bool archive);

/* attach.c: the host's jcmd reaches the JVM; what the guest answers, "" at the end. */
void attach_start(int control);
void attach_take(const char *hex);

/* build.c, doctor.c: all of it; the tool's status. */
void build_parse(struct options *options, char **argv);
int build_disk(struct options *options, const struct places *places);
int doctor(const struct options *options, const struct places *places);

/* stage.c: what a disk is to have, as a folder: of links to the host's files where that can be. */
char *stage_new(const struct options *options, const struct places *places);
void stage_add(const char *stage, const char *host, const char *guest, const char *without);
void stage_write(const char *stage, const char *guest, const void *bytes, size_t size);
void stage_link(const char *stage, const char *guest, const char *target);
void stage_remove(const char *stage);

/* classpath.c: what a jar needs, checked and handed to `found`, each an absolute path. */
void jar_check(const char *path);
void jar_for_each_needed(const char *jar, void (*found)(void *arg, const char *path), void *arg);
/* argfile.c: the words of java's option file, which is read as java does; NULL: it cannot be. */
char **argfile_read(const char *path);

/* report.c: logs of machines that failed, and what a JVM leaves. */
/* If the current folder is not the host's: a folder of the host that is, and java's options for it.
 */
void reports_prepare(struct options *options, struct words *words);
/* What was written since; with the kernel's log beside it, if the JVM was killed. */
void reports_finish(const struct options *options, int status, time_t since, const char *log,
                    size_t size);
char *report_log(const struct options *options, const char *bytes, size_t size);

/* java.c: the words of a java command line that are its own options. */
size_t java_option_count(char **args);
/* Of the JDK that comes with Moka; others may not know the option. */
void java_add_archive(struct words *to, bool explain);
/* Values of exec_spec.h's "ahead": what each start of our JDK reads.  Ends with NULL. */
extern const char *const java_read_ahead[];
/* argfile.c: lists of options that stand in variables, and in files that any of these name. */
void java_for_each_list(char **args, const struct words *env,
                        void (*found)(void *arg, char **words), void *arg);
/* What fits the machine and has not been chosen by args or env; says why, if asked. */
void java_add_defaults(struct words *to, char **args, const struct words *env,
                       unsigned long memory_mib, unsigned cpus, bool explain);

/* share.c: with the guest at the same paths; false: the guest has its own there. */
bool share_folder(struct options *options, const char *path);
bool share_file(struct options *options, const char *path);  /* with its folder */
void share_named(struct options *options, const char *word); /* what a word names, if it does */
void share_words_of(void *options, char **words);

/* Without "." and "..", by the words alone, seen from a folder. */
char *normal_path(const char *base, const char *path);

/* image.c: mkfs.erofs; or ends. */
void image_make(const struct places *places, const char *folder, const char *image);
/* An open EROFS image of options->root, made and cached if that is a folder. */
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
void relay_out(int from, int to); /* stdout, stderr */
void relay_log(int from, struct log *log, bool show);
/* Until all that goes out has gone; false: some of it could not be written. */
bool relay_wait(void);
bool write_all(int fd, const char *bytes, size_t size);
/* Of one that cannot be started, says so and ends. */
pthread_t start_thread(void *(*run)(void *), void *arg, bool detached);

/* input.c: our standard input, as the guest asks for it. */
void input_start(int to);
void input_want(size_t size);
/* It has ended and took so many bytes: what is behind them is left to others. */
void input_finish(unsigned long long taken);

/* terminal.c */
bool terminal_in_background(int fd);
/* False: there is none, and the next two have nothing to tell. */
bool terminal_find(void);
char *terminal_settings(void);         /* images/exec_spec.h has the form */
char *terminal_size(void);             /* "24x80"; NULL: not known */
void terminal_apply(const char *line); /* "settings ..." of the guest */
void terminal_leave(void);
void terminal_enter(void);

/* messages.c: what the guest says; waits for the end, and how it was. */
void messages_start(int port);
const char *messages_wait(unsigned long long *taken);

/* exec.c */
int exec_program(const struct options *options, const struct places *places);
