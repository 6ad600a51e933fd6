/* SPDX-License-Identifier: MIT */
/*
 * folder FOLDER: what calls on files there say, one line each.  Run on Linux
 * and on a host's folder in Moka, the output must be the same, to the error
 * number; what is left in the folder is the file "kept".
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define FILES 300

static struct stat st;
static char buf[100];

static void say(const char *text, long result)
{
    printf("%s: %ld", text, result);
    if (result == -1) {
        printf(" error %d", errno);
    }
    printf("\n");
}
#define SAY(call) say(#call, (long)(call))

static void show(const char *what)
{
    printf("%s: mode %o, size %ld, links %ld, changed %ld.%ld\n", what, st.st_mode,
           S_ISDIR(st.st_mode) ? 0 : (long)st.st_size, S_ISDIR(st.st_mode) ? 0 : (long)st.st_nlink,
           st.st_mtim.tv_sec < 10000 ? (long)st.st_mtim.tv_sec : 0,
           st.st_mtim.tv_sec < 10000 ? st.st_mtim.tv_nsec : 0);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list(const char *path)
{
    char *names[FILES + 10];
    struct dirent *entry;
    DIR *dir = opendir(path);
    int count = 0;

    while (dir != NULL && count < FILES + 10 && (entry = readdir(dir)) != NULL) {
        names[count++] = strdup(entry->d_name);
    }
    if (dir != NULL) {
        closedir(dir);
    }
    qsort(names, (size_t)count, sizeof(*names), by_name);
    printf("%s:", path);
    for (int i = 0; i < count; i++) {
        printf(" %s", names[i]);
        free(names[i]);
    }
    printf("\n");
}

static void try_contents(int fd)
{
    int other = open("d/f", O_WRONLY | O_APPEND);

    SAY(write(fd, "hello world", 11));
    SAY(stat("d/f", &st));
    show("written");
    SAY(pread(fd, buf, sizeof(buf), 6));
    printf("%.5s\n", buf);
    SAY(lseek(fd, 0, SEEK_END));
    SAY(lseek(fd, -20, SEEK_CUR));
    SAY(ftruncate(fd, 5));
    SAY(ftruncate(fd, -1));
    SAY(ftruncate(fd, 10000));
    SAY(pread(fd, buf, sizeof(buf), 9990));
    SAY(pread(fd, buf, sizeof(buf), 10000));
    SAY(write(other, "append", 6));
    SAY(pread(fd, buf, sizeof(buf), 9998));
    SAY(read(other, buf, 1));
    SAY(close(other));
    SAY(fsync(fd));
    SAY(fdatasync(fd));
}

static void try_names(int fd)
{
    const struct timespec times[2] = {{1000, 5}, {2000, 7}};

    SAY(rename("d/f", "d/g"));
    SAY(stat("d/f", &st));
    SAY(link("d/g", "d/h"));
    SAY(fstat(fd, &st));
    show("linked");
    SAY(unlink("d/g"));
    SAY(fstat(fd, &st));
    show("one name less");
    SAY(symlink("h", "d/l"));
    SAY(readlink("d/l", buf, sizeof(buf)));
    SAY(lstat("d/l", &st));
    SAY(st.st_size);
    SAY(chmod("d/h", 0600));
    SAY(utimensat(AT_FDCWD, "d/h", times, 0));
    SAY(stat("d/l", &st));
    show("changed");
}

static void try_mapping(int fd)
{
    char *shared = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    char *own = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

    /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): bytes of a file */
    memcpy(shared + 4090, "mapped across", 13);
    SAY(msync(shared, 8192, MS_SYNC));
    SAY(pread(fd, buf, 13, 4090));
    printf("%.13s\n", buf);
    own[0] = 'X';
    SAY(pread(fd, buf, 1, 0));
    SAY(pwrite(fd, "Z", 1, 1));
    printf("%c %c %c %c\n", buf[0], own[0], shared[0], shared[1]);
    SAY(munmap(shared, 8192));
    SAY(munmap(own, 4096));
}

static void try_nameless(int fd)
{
    int other = open("d/h", O_RDWR | O_TRUNC);

    SAY(write(other, "abc", 3));
    SAY(close(other));
    SAY(unlink("d/h"));
    SAY(fstat(fd, &st));
    show("without a name");
    SAY(pwrite(fd, "more", 4, 3));
    SAY(pread(fd, buf, sizeof(buf), 0));
    printf("%.7s\n", buf);
    SAY(ftruncate(fd, 2));
    SAY(ftruncate(fd, 6));
    SAY(pread(fd, buf, sizeof(buf), 0));
    SAY(memcmp(buf, "ab\0\0\0\0", 6));
    SAY(close(fd));
}

static void try_folder(void)
{
    for (int i = 0; i < FILES; i++) {
        sprintf(buf, "d/n%03d", i);
        close(open(buf, O_CREAT | O_WRONLY, 0644));
    }
    list("d");
    SAY(rmdir("d"));
    SAY(unlink("d"));
    SAY(rename("d/n000", "d/n001"));
    SAY(rename("d", "d/sub"));
    SAY(rename("d/n001", "e"));
    SAY(rename("e", "d"));
    SAY(unlink("e"));
    for (int i = 0; i < FILES; i++) {
        sprintf(buf, "d/n%03d", i);
        unlink(buf);
    }
    SAY(unlink("d/l"));
    list("d");
    SAY(rmdir("d"));
}

static void try_limits(void)
{
    char name[257];
    struct statvfs fs;

    memset(name, 'n', 256);
    name[256] = '\0';
    SAY(open(name, O_CREAT | O_RDWR, 0600));
    name[255] = '\0';
    SAY(close(open(name, O_CREAT | O_RDWR, 0600)));
    SAY(unlink(name));
    SAY(statvfs(".", &fs));
    SAY(fs.f_blocks > 0);
}

int main(int argc, char **argv)
{
    FILE *kept;
    int fd;

    if (argc != 2 || chdir(argv[1]) != 0) {
        return 2;
    }
    SAY(mkdir("d", 0755));
    SAY(mkdir("d", 0755));
    SAY(mkdir("x/y", 0755));
    SAY(rmdir("none"));
    fd = open("d/f", O_RDWR | O_CREAT | O_EXCL, 0640);
    SAY(open("d/f", O_RDWR | O_CREAT | O_EXCL, 0640));
    SAY(open("d", O_RDWR));
    SAY(open("d/f/x", O_RDONLY));
    SAY(open("d/f", O_DIRECTORY));
    try_contents(fd);
    try_names(fd);
    try_mapping(fd);
    try_nameless(fd);
    try_folder();
    try_limits();
    kept = fopen("kept", "w");
    for (int i = 0; kept != NULL && i < 100000; i++) {
        fprintf(kept, "line %d\n", i);
    }
    SAY(fclose(kept));
    SAY(stat("kept", &st));
    show("kept");
    list(".");
    return 0;
}
