/* SPDX-License-Identifier: MIT */
/*
 * moka build: a disk of a jar.  All that a run needs is put into a folder
 * (stage.c), of which mkfs.erofs makes the root, behind which the loader, the
 * kernel and the recipe are written (disk.c).
 *
 * What is to be run stands on the disk twice: as a file of the root, complete
 * with our defaults, for a machine that boots the disk by itself; and as the
 * recipe, the user's words alone, for `moka run`, which may be given another
 * size of machine.
 */
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define APP "/app"
#define SPEC_FILE "/.moka/exec"
#define LIBC "/lib/ld-musl-x86_64.so.1"
#define GLIBC_LOADER "/lib64/ld-linux-x86-64.so.2"
#define JVMS "/usr/lib/jvm"

static const char *stage, *partial; /* to be removed when the tool ends, however it does */

static void clean_up(void)
{
    if (stage != NULL) {
        stage_remove(stage);
    }
    if (partial != NULL) {
        unlink(partial);
    }
}

static volatile sig_atomic_t interrupted;

static void note_signal(int number)
{
    interrupted = number;
}

/* -o may stand behind the jar, too, as compilers have it; -- ends that. */
static void take_output(struct options *options, char **argv)
{
    char **to = argv;

    for (; *argv != NULL && strcmp(*argv, "--") != 0; argv++) {
        if (strcmp(*argv, "-o") == 0 || strcmp(*argv, "--output") == 0) {
            if (*++argv == NULL) {
                fail("for example: -o app.img", "-o needs a value");
            }
            options->output = *argv;
        } else {
            *to++ = *argv;
        }
    }
    if (*argv != NULL) {
        argv++;
    }
    do {
        *to++ = *argv;
    } while (*argv++ != NULL);
}

static bool ends_with(const char *word, const char *end)
{
    size_t len = strlen(word), end_len = strlen(end);

    return len > end_len && strcmp(word + len - end_len, end) == 0;
}

/* A name that promises what the disk would not be. */
static void refuse_other_formats(const char *output)
{
    static const char *const other[] = {".vmdk", ".vdi", ".vhd", ".vhdx", ".ova", ".iso", NULL};

    for (const char *const *end = other; *end != NULL; end++) {
        if (ends_with(output, *end)) {
            fail("name it .img or .qcow2, or say which with --format",
                 "a disk is made raw or as qcow2, not as '%s'", *end);
        }
    }
}

void build_parse(struct options *options, char **argv)
{
    struct words words = {0};
    struct stat stat_buf;

    argv = run_take_java_words(options, argv, &words);
    if (argv[0] == NULL) {
        fail("for example: moka build app.jar -o app.img", "which jar?");
    }
    take_output(options, argv + 1);
    if (options->output == NULL) {
        fail("for example: moka build app.jar -o app.img", "what is the disk to be called?");
    }
    jar_check(argv[0]);
    if (stat(options->output, &stat_buf) == 0 && !S_ISREG(stat_buf.st_mode)) {
        fail("name a file: -o app.img", "'%s' is there, and no file", options->output);
    }
    if (options->format == NULL) {
        refuse_other_formats(options->output);
        options->format = ends_with(options->output, ".qcow2") ? "qcow2" : "raw";
    }
    options->memory = options->memory != NULL ? options->memory : "512M";
    options->cpus = options->cpus != NULL ? options->cpus : "2";
    words_add(&words, text("-jar"));
    for (; *argv != NULL; argv++) {
        words_add(&words, *argv);
    }
    options->program = words.word;
}

/* Where a file that the jar names is on the disk: seen from the jar as on the host. */
static char *guest_path(const char *jar, const char *path)
{
    const char *slash = strrchr(jar, '/');
    size_t folder = slash != NULL ? (size_t)(slash + 1 - jar) : 0;

    if (path[0] == '/' && (folder == 0 || strncmp(path, jar, folder) != 0)) {
        return normal_path("/", path);
    }
    return normal_path(APP, path + folder);
}

static const char *jar_of_build;

static void add_needed(void *arg, const char *path)
{
    char *guest = guest_path(jar_of_build, path);

    stage_add(arg, path, guest, NULL);
    free(guest);
}

static void add_linked(void *arg, const char *path)
{
    stage_add(arg, path, path, NULL);
}

static void add_jdk(const struct options *options, const struct places *places)
{
    char *own = realpath(places->java_folder, NULL), *other;

    if (own == NULL) {
        fail("make jdk", "there is no JDK for the guest yet, '%s'", places->java_folder);
    }
    stage_add(stage, own, "/", options->jdk != NULL ? text("%s" JVMS "/", own) : NULL);
    if (options->jdk != NULL) {
        other = jdk_check(options->jdk);
        stage_add(stage, other, OTHER_JDK, NULL);
        jdk_for_each_folder(other, add_linked, (void *)stage);
    }
    stage_add(stage, places->libc, LIBC, NULL);
    stage_link(stage, GLIBC_LOADER, LIBC);
}

static void add_app(const struct options *options, const char *jar, const char *jar_on_disk)
{
    stage_add(stage, jar, jar_on_disk, NULL);
    jar_of_build = jar;
    jar_for_each_needed(jar, add_needed, (void *)stage);
    for (unsigned i = 0; i < options->mount_count; i++) {
        stage_add(stage, options->mounts[i].host, options->mounts[i].guest, NULL);
    }
}

/* Records as images/exec_spec.h has them. */
struct records {
    char *bytes;
    size_t size;
};

static void add_record(struct records *records, const char *key, const char *value)
{
    size_t size = strlen(key) + 2;

    if (value == NULL) { /* nothing is known */
        return;
    }
    size += strlen(value);
    records->bytes = need_memory(realloc(records->bytes, records->size + size + 1));
    snprintf(records->bytes + records->size, size + 1, "%s=%s", key, value);
    records->size += size;
}

/* For a machine that boots the disk by itself. */
static struct records make_spec(const struct options *options, const char *java)
{
    struct records spec = {0};
    struct words words = {0};

    prepare_defaults(options, &words, options->jdk == NULL);
    add_record(&spec, "path", java);
    add_record(&spec, "arg", java);
    for (size_t i = 0; i < words.count; i++) {
        add_record(&spec, "arg", words.word[i]);
    }
    for (char **word = options->program; *word != NULL; word++) {
        add_record(&spec, "arg", *word);
    }
    add_record(&spec, "env", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    add_record(&spec, "env", "HOME=/root");
    add_record(&spec, "env", "LANG=C.UTF-8");
    for (size_t i = 0; i < options->env.count; i++) {
        add_record(&spec, "env", options->env.word[i]);
    }
    add_record(&spec, "cwd", APP);
    for (const char *const *value = java_read_ahead; options->jdk == NULL && *value != NULL;
         value++) {
        add_record(&spec, "ahead", *value);
    }
    return spec;
}

static struct records make_recipe(const struct options *options, const char *java)
{
    struct records recipe = {0};
    char **word = options->program;

    add_record(&recipe, "version", MOKA_VERSION);
    add_record(&recipe, "memory", options->memory);
    add_record(&recipe, "cpus", options->cpus);
    add_record(&recipe, "java", java);
    add_record(&recipe, "archive", options->jdk == NULL ? "yes" : "no");
    add_record(&recipe, "cwd", APP);
    for (; *word != NULL && strcmp(*word, "-jar") != 0; word++) {
        add_record(&recipe, "option", *word);
    }
    for (bool first = true; *word != NULL && *++word != NULL; first = false) {
        add_record(&recipe, first ? "jar" : "argument", *word);
    }
    for (size_t i = 0; i < options->env.count; i++) {
        add_record(&recipe, "env", options->env.word[i]);
    }
    return recipe;
}

/* -jar FILE becomes where the jar is on the disk; what it was is returned. */
static char *place_jar(struct options *options)
{
    char **word = options->program, *jar, *slash;

    while (strcmp(*word, "-jar") != 0) {
        word++;
    }
    jar = *++word;
    slash = strrchr(jar, '/');
    *word = text(APP "/%s", slash != NULL ? slash + 1 : jar);
    return jar;
}

/* QEMU's words for the CPU, as it can be had here. */
static const char *cpu_options(void)
{
    if (access("/dev/kvm", R_OK | W_OK) != 0) {
        return "-accel tcg -cpu max";
    }
    return access("/sys/module/kvm_pvm", F_OK) == 0 ? "-accel kvm -cpu host,-arch-capabilities"
                                                    : "-accel kvm -cpu host";
}

/* The disk's name until it is whole.  Made first: whether it can be is known at once. */
static const char *partial_new(const char *output)
{
    const char *name = text("%s.part-%d", output, (int)getpid());
    int file = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

    if (file < 0) {
        fail("name a file in a folder that is there and may be written: -o app.img",
             "cannot write '%s': %s", output, strerror(errno));
    }
    close(file);
    return name;
}

static void tell(const struct options *options)
{
    struct stat stat_buf;

    if (options->quiet || stat(options->output, &stat_buf) != 0) {
        return;
    }
    say("'%s' has %lld MB; it runs with: moka run %s", options->output,
        (long long)stat_buf.st_size / 1000000, options->output);
    say("or without moka: qemu-system-x86_64 %s -m %s -smp %s -nographic "
        "-drive file=%s,format=%s,if=virtio",
        cpu_options(), options->memory, options->cpus, options->output, options->format);
}

int build_disk(struct options *options, const struct places *places)
{
    const char *java = options->jdk != NULL ? OTHER_JDK "/bin/java" : JAVA_HOME "/bin/java";
    struct records spec, recipe;
    char *jar;

    prepare_machine(options);
    atexit(clean_up);
    signal(SIGINT, note_signal);
    signal(SIGTERM, note_signal);
    partial = partial_new(options->output);
    jar = place_jar(options);
    stage = stage_new(options, places);
    add_jdk(options, places);
    add_app(options, jar, options->program[java_option_count(options->program) + 1]);
    spec = make_spec(options, java);
    recipe = make_recipe(options, java);
    stage_write(stage, SPEC_FILE, spec.bytes, spec.size);
    image_make(places, stage, partial);
    if (interrupted != 0) { /* Ctrl-C; nothing is to be left */
        exit(STATUS_SIGNAL + interrupted);
    }
    disk_make(partial, places, recipe.bytes, recipe.size);
    if (strcmp(options->format, "raw") == 0) {
        if (rename(partial, options->output) != 0) {
            fail(NULL, "cannot write '%s': %s", options->output, strerror(errno));
        }
    } else {
        qemu_img_convert(partial, options->output, options->format);
    }
    tell(options);
    return 0;
}
