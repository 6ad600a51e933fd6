/* SPDX-License-Identifier: MIT */
/*
 * moka doctor: what of this machine is ready, a line for each thing.  "ok";
 * "slow" or "none", what goes on without it; "MISSING", without which nothing
 * runs, and then the status is 1.  The line behind it is the remedy.
 */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define QEMU "qemu-system-x86_64"
#define QEMU_OLDEST 7          /* 6 has been tried by nobody */
#define DISK_WANTED_MIB 700ull /* the JDK as a folder and as an image, another to come */
#define MEMORY_WANTED_MIB 512ull
#define LINE 4096

static bool missing;

static void __attribute__((format(printf, 3, 4)))
tell(const char *state, const char *remedy, const char *fmt, ...)
{
    va_list ap;

    printf("%-8s", state);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
    if (remedy != NULL) {
        printf("        -> %s\n", remedy);
    }
    missing = missing || strcmp(state, "MISSING") == 0;
}

/* The first line that a command prints; NULL: it could not be run, or failed. */
static char *first_line(const char *command)
{
    FILE *pipe = popen(command, "re");
    char line[LINE];
    bool got = pipe != NULL && fgets(line, sizeof(line), pipe) != NULL;

    if (pipe == NULL || pclose(pipe) != 0 || !got) {
        return NULL;
    }
    line[strcspn(line, "\n")] = '\0';
    return text("%s", line);
}

static void look_at_qemu(void)
{
    char *line = first_line(QEMU " --version 2>/dev/null");
    const char *version = line != NULL ? strstr(line, "version ") : NULL;

    if (version == NULL) {
        tell("MISSING", "apt-get install qemu-system-x86", "QEMU: there is no " QEMU);
    } else if (atoi(version + strlen("version ")) < QEMU_OLDEST) {
        tell("MISSING", "a newer one: Debian 12 has 7.2", "QEMU: %s is too old, %d is wanted",
             version, QEMU_OLDEST);
    } else {
        tell("ok", NULL, "QEMU %s", version);
    }
    free(line);
}

static bool has_module(const char *name)
{
    char *path = text("/sys/module/%s", name);
    bool there = access(path, F_OK) == 0;

    free(path);
    return there;
}

static bool has_kvm(void)
{
    int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    int error = errno;

    if (fd >= 0) {
        close(fd);
        tell("ok", NULL, "KVM, %s",
             has_module("kvm_pvm")     ? "without hardware virtualisation (kvm_pvm)"
             : has_module("kvm_intel") ? "VT-x"
             : has_module("kvm_amd")   ? "SVM"
                                       : "of a kind that is not known");
        return true;
    }
    if (error == ENOENT) {
        tell("slow",
             "in the firmware, turn virtualisation on; modprobe kvm_intel, kvm_amd or kvm_pvm",
             "KVM: there is no /dev/kvm; the CPU is emulated (TCG), which is many times slower");
    } else {
        tell("slow", "sudo usermod -aG kvm $(id -un), then log in again",
             "KVM: /dev/kvm: %s; the CPU is emulated (TCG), which is many times slower",
             strerror(error));
    }
    return false;
}

/* Does /proc/cpuinfo name this flag? */
static bool has_flag(const char *flags, const char *flag)
{
    char *word = text(" %s ", flag);
    bool there = strstr(flags, word) != NULL;

    free(word);
    return there;
}

/* Those that the kernel does not start without (kernel/x86/cpu.c); TCG has them all. */
static void look_at_cpu(void)
{
    static const char *const needed[] = {"fsgsbase", "xsave", NULL};
    FILE *file = fopen("/proc/cpuinfo", "re");
    char line[LINE * 2] = "", *end;

    while (file != NULL && fgets(line, sizeof(line) - 1, file) != NULL &&
           strncmp(line, "flags", strlen("flags")) != 0) {
    }
    if (file != NULL) {
        fclose(file);
    }
    end = line + strcspn(line, "\n");
    end[0] = ' ';
    end[1] = '\0';
    for (const char *const *flag = needed; *flag != NULL; flag++) {
        if (!has_flag(line, *flag)) {
            tell("slow", "emulate it: --accel tcg", "CPU: it has no %s, which KVM's guest needs",
                 *flag);
            return;
        }
    }
    tell("ok", NULL, "CPU: it has fsgsbase and xsave");
}

static unsigned long long available_mib(void)
{
    FILE *file = fopen("/proc/meminfo", "re");
    unsigned long long kib = 0;
    char line[256];

    while (file != NULL && fgets(line, sizeof(line), file) != NULL &&
           sscanf(line, "MemAvailable: %llu", &kib) != 1) {
    }
    if (file != NULL) {
        fclose(file);
    }
    return kib >> 10;
}

static void look_at_memory(void)
{
    struct options options = {.verb = VERB_RUN};
    unsigned long long mib = available_mib();

    prepare_machine(&options);
    if (mib < MEMORY_WANTED_MIB) {
        tell("slow", "end something, or give machines less: -m 128M",
             "memory: %llu MiB are free, a machine that is given no size has %s", mib,
             options.memory);
    } else {
        tell("ok", NULL,
             "memory: %llu MiB are free; a machine that is given no size has %s, and %s processors",
             mib, options.memory, options.cpus);
    }
}

static void look_at_disk(const char *what, const char *folder)
{
    struct statvfs fs;
    unsigned long long mib =
        statvfs(folder, &fs) == 0 ? (unsigned long long)fs.f_bavail * fs.f_frsize >> 20 : 0;

    if (access(folder, W_OK | X_OK) != 0) {
        tell("MISSING", "name another one: --cache FOLDER, or the variable XDG_CACHE_HOME",
             "%s '%s': %s", what, folder, strerror(errno));
    } else if (mib < DISK_WANTED_MIB) {
        tell("slow", "make room there", "%s '%s': %llu MiB are free, of %llu that may be wanted",
             what, folder, mib, DISK_WANTED_MIB);
    } else {
        tell("ok", NULL, "%s '%s': %llu MiB are free", what, folder, mib);
    }
}

static void look_at_program(const char *name, const char *state, const char *remedy,
                            const char *what)
{
    char *command = text("command -v %s", name), *path = first_line(command);

    if (path != NULL) {
        tell("ok", NULL, "%s: %s", name, path);
    } else {
        tell(state, remedy, "%s: %s", name, what);
    }
    free(path);
    free(command);
}

static void look_at_file(const char *what, const char *path, const char *remedy)
{
    struct stat stat_buf;

    if (stat(path, &stat_buf) != 0 || access(path, R_OK) != 0) {
        tell("MISSING", remedy, "%s: '%s': %s", what, path, strerror(errno));
    } else {
        tell("ok", NULL, "%s: '%s'", what, path);
    }
}

static void look_at_jdk(const char *folder)
{
    char *java = text("%s/bin/java", folder), *line, *command;

    if (access(java, X_OK) != 0) {
        tell("MISSING", "it is the folder that JAVA_HOME would name, with bin/java in it",
             "--jdk: there is no JDK in '%s'", folder);
    } else {
        command = text("'%s' -version 2>&1", java);
        line = first_line(command);
        tell("ok", NULL, "--jdk '%s': %s", folder, line != NULL ? line : "does not run here");
        free(line);
        free(command);
    }
    free(java);
}

int doctor(const struct options *options, const struct places *places)
{
    look_at_qemu();
    if (has_kvm()) {
        look_at_cpu();
    }
    look_at_memory();
    look_at_program("mkfs.erofs", "MISSING", "apt-get install erofs-utils", "it is not installed");
    look_at_program("qemu-img", "none", "apt-get install qemu-utils",
                    "it is not installed; only disks in the format qcow2 want it");
    look_at_file("kernel", places->kernel, "make programs");
    look_at_file("C library", places->libc, "make programs");
    look_at_file("JDK", places->java_root, "make jdk");
    if (options->jdk != NULL) {
        look_at_jdk(options->jdk);
    }
    look_at_disk("cache", cache_folder(options));
    if (missing) {
        puts("\nSomething is missing: moka cannot run a jar yet.");
    } else {
        puts("\nAll that is needed is there: moka run app.jar");
    }
    return missing ? 1 : 0;
}
