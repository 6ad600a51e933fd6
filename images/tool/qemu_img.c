/* SPDX-License-Identifier: MIT */
/*
 * Disks in other formats than raw, by QEMU's own program for them.  It writes to
 * files with a name only, which a descriptor has, too; and the count of its dd
 * (7.2) includes what it skips.
 */
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

void qemu_img_convert(const char *from, const char *to, const char *format)
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        execlp("qemu-img", "qemu-img", "convert", "-f", "raw", "-O", format, from, to,
               (char *)NULL);
        _exit(STATUS_NOT_FOUND);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_NOT_FOUND) {
        fail("make deps-disk installs it, or says how; or make a raw disk: -o app.img",
             "a disk in the format %s needs qemu-img, which is not here", format);
    }
    if (status != 0) {
        unlink(to);
        fail("make room there", "qemu-img could not write '%s'", to);
    }
}

int qemu_img_extract(const char *path, const char *format, unsigned long long sector,
                     unsigned long long count)
{
    int fd = memfd_create("moka-disk", 0), status = -1;
    pid_t pid = fd < 0 ? -1 : fork();

    if (pid == 0) {
        char *from = text("if=%s", path), *to = text("of=/proc/self/fd/%d", fd);
        char *skip = text("skip=%llu", sector);
        char *many = text("count=%llu", sector + count);

        dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
        execlp("qemu-img", "qemu-img", "dd", "-f", format, "-O", "raw", "bs=512", skip, many, from,
               to, (char *)NULL);
        _exit(STATUS_NOT_FOUND);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_NOT_FOUND) {
        fail("make deps-disk installs it, or says how", "reading '%s' needs qemu-img", path);
    }
    if (fd < 0 || status != 0) {
        fail(text("see: qemu-img check '%s'", path), "qemu-img cannot read the disk '%s'", path);
    }
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    return fd;
}
