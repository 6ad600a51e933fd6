/* SPDX-License-Identifier: MIT */
/* Files, folders, links, times, and the errors of calls on them. */
#include "tap.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static void test_bytes(void)
{
    char buf[64] = "";
    struct iovec vec[2] = {{(void *)"ab", 2}, {(void *)"cde", 3}};
    int fd = open("file", O_RDWR | O_CREAT | O_EXCL, 0640);

    OK(fd >= 3, "create a file");
    OK(write(fd, "0123456789", 10) == 10, "write");
    OK(lseek(fd, 0, SEEK_CUR) == 10, "the position advanced");
    OK(pread(fd, buf, 4, 3) == 4 && memcmp(buf, "3456", 4) == 0, "pread");
    OK(pwrite(fd, "XY", 2, 4) == 2, "pwrite");
    OK(lseek(fd, -8, SEEK_END) == 2, "lseek from the end");
    OK(read(fd, buf, sizeof(buf)) == 8 && memcmp(buf, "23XY6789", 8) == 0, "read");
    OK(read(fd, buf, 1) == 0, "read at the end");
    OK(writev(fd, vec, 2) == 5, "writev");
    OK(pread(fd, buf, sizeof(buf), 10) == 5 && memcmp(buf, "abcde", 5) == 0, "all of it is there");
    OK(lseek(fd, 100000, SEEK_SET) == 100000 && write(fd, "z", 1) == 1, "write beyond the end");
    OK(pread(fd, buf, 1, 50000) == 1 && buf[0] == 0, "a hole reads as zero");
    OK(ftruncate(fd, 5) == 0 && lseek(fd, 0, SEEK_END) == 5, "ftruncate");
    OK(ftruncate(fd, 9) == 0 && pread(fd, buf, 9, 0) == 9 && memcmp(buf, "0123X\0\0\0\0", 9) == 0,
       "grown by zeroes");
    FAILS(lseek(fd, -1, SEEK_SET), EINVAL, "a negative position");
    FAILS(ftruncate(fd, -1), EINVAL, "a negative size");
    OK(fsync(fd) == 0 && fdatasync(fd) == 0, "fsync");
    OK(close(fd) == 0, "close");
    FAILS(close(fd), EBADF, "close twice");
    FAILS(write(fd, "", 1), EBADF, "write to what is closed");
}

static void test_open(void)
{
    int fd;
    char buf[4];

    FAILS(open("file", O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST, "O_EXCL");
    FAILS(open("none", O_RDONLY), ENOENT, "open what is not there");
    FAILS(open("none/file", O_RDONLY | O_CREAT, 0600), ENOENT, "in no folder");
    FAILS(open("file/file", O_RDONLY), ENOTDIR, "in a file");
    FAILS(open(".", O_WRONLY), EISDIR, "a folder for writing");
    FAILS(open("file", O_RDONLY | O_DIRECTORY), ENOTDIR, "O_DIRECTORY");
    FAILS(open((char *)8, O_RDONLY), EFAULT, "a path that is not there");
    fd = open("file", O_WRONLY | O_APPEND);
    OK(pwrite(fd, "", 0, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0 && write(fd, "!", 1) == 1 &&
           lseek(fd, 0, SEEK_CUR) == 10,
       "O_APPEND");
    FAILS(read(fd, buf, 1), EBADF, "read what is open for writing");
    close(fd);
    fd = open("file", O_RDONLY | O_TRUNC | O_WRONLY);
    OK(fd >= 0 && lseek(fd, 0, SEEK_END) == 0, "O_TRUNC");
    close(fd);
    fd = open("file", O_RDONLY | O_CLOEXEC);
    OK(fcntl(fd, F_GETFD) == FD_CLOEXEC, "O_CLOEXEC");
    OK(fcntl(fd, F_DUPFD, 100) == 100 && fcntl(100, F_GETFD) == 0, "F_DUPFD");
    OK(dup2(fd, 101) == 101 && close(100) == 0 && close(101) == 0, "dup2");
    FAILS(write(fd, "a", 1), EBADF, "write what is open for reading");
    close(fd);
}

static void test_names(void)
{
    char buf[PATH_MAX], long_name[300];
    struct stat a = {0}, b = {0};

    OK(mkdir("dir", 0755) == 0, "mkdir");
    FAILS(mkdir("dir", 0755), EEXIST, "mkdir again");
    OK(rename("file", "dir/moved") == 0, "rename into a folder");
    OK(link("dir/moved", "again") == 0 && stat("again", &a) == 0 && a.st_nlink == 2, "link");
    OK(symlink("dir/moved", "sym") == 0, "symlink");
    OK(readlink("sym", buf, sizeof(buf)) == 9 && memcmp(buf, "dir/moved", 9) == 0, "readlink");
    OK(stat("sym", &b) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev, "stat follows it");
    OK(lstat("sym", &b) == 0 && S_ISLNK(b.st_mode) && b.st_size == 9, "lstat does not");
    FAILS(open("sym", O_RDONLY | O_NOFOLLOW), ELOOP, "O_NOFOLLOW");
    OK(symlink("loop", "loop") == 0, "a link to itself");
    FAILS(stat("loop", &b), ELOOP, "is a loop");
    FAILS(rmdir("dir"), ENOTEMPTY, "rmdir of a full folder");
    FAILS(unlink("dir"), EISDIR, "unlink of a folder");
    FAILS(rmdir("again"), ENOTDIR, "rmdir of a file");
    memset(long_name, 'n', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    FAILS(open(long_name, O_CREAT | O_RDWR, 0600), ENAMETOOLONG, "a name too long");
    OK(unlink("dir/moved") == 0 && stat("again", &a) == 0 && a.st_nlink == 1, "unlink of one name");
    OK(realpath("again", buf) != NULL && strstr(buf, "/again") != NULL, "realpath");
    OK(access("again", R_OK) == 0, "access");
    FAILS(access("sym", F_OK), ENOENT, "a link to nothing");
    OK(unlink("loop") == 0 && unlink("sym") == 0 && rmdir("dir") == 0, "all gone");
}

static void test_attributes(void)
{
    struct timespec times[2] = {{1000000000, 5}, {1234567890, 123456789}};
    struct stat st;
    struct statvfs vfs;

    OK(chmod("again", 0604) == 0 && stat("again", &st) == 0 && (st.st_mode & 07777) == 0604,
       "chmod");
    OK(utimensat(AT_FDCWD, "again", times, 0) == 0 && stat("again", &st) == 0 &&
           st.st_mtim.tv_sec == 1234567890 && st.st_atim.tv_sec == 1000000000,
       "utimensat");
    OK(umask(077) != (mode_t)-1 && mkdir("private", 0777) == 0 && stat("private", &st) == 0 &&
           (st.st_mode & 0777) == 0700,
       "umask");
    OK(rmdir("private") == 0, "rmdir");
    OK(statvfs(".", &vfs) == 0 && vfs.f_bsize > 0 && vfs.f_namemax == 255, "statvfs");
    FAILS(chmod("none", 0600), ENOENT, "chmod of nothing");
}

static void test_folder(void)
{
    char name[32];
    unsigned found = 0, dots = 0;
    struct dirent *entry;
    DIR *dir;

    tap_need(mkdir("many", 0755) == 0, "mkdir");
    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof(name), "many/%d", i);
        close(open(name, O_CREAT | O_WRONLY, 0600));
    }
    dir = opendir("many");
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        dots += entry->d_name[0] == '.';
        found += entry->d_name[0] != '.' && entry->d_type == DT_REG;
    }
    OK(found == 500 && dots == 2, "readdir of 500 files");
    if (dir != NULL) {
        rewinddir(dir);
        OK(readdir(dir) != NULL, "rewinddir");
        closedir(dir);
    }
    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof(name), "many/%d", i);
        unlink(name);
    }
    OK(rmdir("many") == 0, "empty again");
}

static void test_unnamed(void)
{
    int fd = open("gone", O_RDWR | O_CREAT, 0600), lock;
    struct stat st;
    char buf[4];

    OK(unlink("gone") == 0 && write(fd, "text", 4) == 4 && pread(fd, buf, 4, 0) == 4 &&
           memcmp(buf, "text", 4) == 0,
       "a file without a name lives on");
    OK(fstat(fd, &st) == 0 && st.st_nlink == 0 && st.st_size == 4, "with no links");
    close(fd);
    fd = open("again", O_RDWR);
    lock = open("again", O_RDWR);
    OK(flock(fd, LOCK_EX | LOCK_NB) == 0, "flock");
    FAILS(flock(lock, LOCK_EX | LOCK_NB), EWOULDBLOCK, "held by another open file");
    OK(flock(fd, LOCK_UN) == 0 && flock(lock, LOCK_EX | LOCK_NB) == 0, "and then not");
    close(fd);
    close(lock);
}

int main(void)
{
    const char *folder = tap_folder();

    tap_need(chdir(folder) == 0, "chdir");
    umask(022);
    test_bytes();
    test_open();
    test_names();
    test_attributes();
    test_folder();
    test_unnamed();
    unlink("again");
    OK(chdir("/") == 0 && rmdir(folder) == 0, "the folder is empty in the end");
    return tap_end();
}
