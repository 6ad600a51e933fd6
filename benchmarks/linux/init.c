/* SPDX-License-Identifier: MIT */
/*
 *   init COMMAND...
 *
 * The first program of a Linux guest that runs one command and ends: as little
 * as a Linux can do with to do what `moka run` does.
 *
 * Linux starts it from its first file system (archive.sh), with the words that
 * stand behind "--" on the kernel's command line.  The modules that the disk
 * needs are there as /0.ko, /1.ko and so on, in their order.  The command runs
 * with the disk as its root and /app, a folder of the first file system, on its
 * /mnt; its output goes to the serial port.  At its end QEMU ends with twice its
 * status and one more (isa-debug-exit), as it does for Moka.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define ROOT "/root"
#define EXIT_PORT 0xf4 /* guest.sh */
#define OUR_ERROR 125
#define MAX_MODULES 100

static void finish(int status)
{
    tcdrain(STDOUT_FILENO);
    iopl(3);
    outb((unsigned char)status, EXIT_PORT);
    pause();
}

static void check(int result, const char *what)
{
    if (result < 0) {
        fprintf(stderr, "init: %s: %s\n", what, strerror(errno));
        finish(OUR_ERROR);
    }
}

static void load_modules(void)
{
    char path[sizeof("/99.ko")];

    for (int i = 0; i < MAX_MODULES; i++) {
        int file;

        snprintf(path, sizeof(path), "/%d.ko", i);
        file = open(path, O_RDONLY | O_CLOEXEC);
        if (file < 0) {
            return;
        }
        check((int)syscall(SYS_finit_module, file, "", 0), path);
        close(file);
    }
}

static void mount_all(void)
{
    check(mount("dev", "/dev", "devtmpfs", 0, ""), "/dev");
    check(mount("/dev/vda", ROOT, "erofs", MS_RDONLY, ""), "the disk");
    check(mount("dev", ROOT "/dev", "devtmpfs", 0, ""), "the disk's /dev");
    check(mount("proc", ROOT "/proc", "proc", 0, ""), "/proc");
    check(mount("sys", ROOT "/sys", "sysfs", 0, ""), "/sys");
    check(mount("tmp", ROOT "/tmp", "tmpfs", 0, ""), "/tmp");
    check(mount("/app", ROOT "/mnt", NULL, MS_BIND, ""), "/mnt");
}

static void run(char **command)
{
    check(chroot(ROOT), "chroot");
    check(chdir("/mnt"), "chdir");
    setenv("LC_ALL", "C.UTF-8", 1);
    execv(command[0], command);
    check(-1, command[0]);
}

int main(int argc, char **argv)
{
    int status = 0;
    pid_t child;

    check(argc > 1 ? 0 : -1, "no command");
    load_modules();
    mount_all();
    child = fork();
    check(child, "fork");
    if (child == 0) {
        run(argv + 1);
    }
    check(waitpid(child, &status, 0), "waitpid");
    finish(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}
