/* SPDX-License-Identifier: MIT */
/*
 * Large files in memory: one mapped several times at once, as ZGC maps its
 * heap; MFD_HUGETLB; and what a large file is like after holes, cuts and copies.
 */
#include "tap.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)
#define SIZE (16 * MIB)
#define PAGE ((size_t)4096)
#define HUGETLBFS 0x958458f6

static uint64_t *word(char *map, size_t at)
{
    return (uint64_t *)(map + at);
}

/* Is there one word a page, which says where it was written? */
static bool is_stamped(char *map, size_t from, size_t to)
{
    for (size_t at = from; at < to; at += PAGE) {
        if (*word(map, at) != at + 1) {
            return false;
        }
    }
    return true;
}

static bool is_zero(const char *map, size_t from, size_t to)
{
    for (size_t at = from; at < to; at++) {
        if (map[at] != 0) {
            return false;
        }
    }
    return true;
}

static void use_views(int fd)
{
    char *view[3];

    for (unsigned i = 0; i < 3; i++) {
        view[i] = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (view[i] == MAP_FAILED) {
            OK(errno == ENOMEM, "no large pages on this system");
            return;
        }
    }
    for (size_t at = 0; at < SIZE; at += PAGE) {
        *word(view[at / PAGE % 3], at) = at + 1;
    }
    OK(is_stamped(view[0], 0, SIZE) && is_stamped(view[1], 0, SIZE) && is_stamped(view[2], 0, SIZE),
       "three views of one memory");
    OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4 * MIB, 2 * MIB) == 0,
       "a hole of 2 MiB");
    OK(is_zero(view[0], 4 * MIB, 6 * MIB) && is_zero(view[2], 4 * MIB, 6 * MIB),
       "it is zero in each view");
    OK(is_stamped(view[1], 0, 4 * MIB) && is_stamped(view[1], 6 * MIB, SIZE), "and nothing else");
    OK(munmap(view[0], 3 * MIB) == 0 && is_stamped(view[0], 6 * MIB, SIZE),
       "a view unmapped in part");
    munmap(view[0], SIZE);
    munmap(view[1], SIZE);
    munmap(view[2], SIZE);
}

static void small_pages(void)
{
    int fd = memfd_create("small", MFD_CLOEXEC);

    tap_need(fd >= 0 && ftruncate(fd, (off_t)SIZE) == 0, "memfd_create");
    use_views(fd);
    close(fd);
}

static void large_pages(void)
{
    int fd = memfd_create("large", MFD_CLOEXEC | MFD_HUGETLB);
    struct statfs fs;
    struct stat stat;

    if (!OK(fd >= 0 || errno == ENOSYS || errno == ENOENT, "MFD_HUGETLB") || fd < 0) {
        return;
    }
    OK(fstatfs(fd, &fs) == 0 && fs.f_type == HUGETLBFS && fs.f_bsize == 2 * MIB,
       "a file system of large pages");
    OK(fstat(fd, &stat) == 0 && stat.st_blksize == 2 * MIB, "of 2 MiB each");
    FAILS(ftruncate(fd, (off_t)MIB), EINVAL, "half a page is none");
    OK(ftruncate(fd, (off_t)SIZE) == 0, "whole pages are");
    use_views(fd);
    close(fd);
}

/* A private mapping of what was written by write(2) in large and in small parts. */
static void private_copies(void)
{
    char path[128];
    static char buffer[4 * MIB];
    char *map;
    int fd;

    snprintf(path, sizeof(path), "%s/f", tap_folder());
    fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
    tap_need(fd >= 0, "open");
    for (size_t at = 0; at < SIZE;) {
        size_t part = at < SIZE / 2 ? sizeof(buffer) : 3 * PAGE;

        part = part < SIZE - at ? part : SIZE - at;
        for (size_t i = 0; i < part; i += PAGE) {
            *word(buffer, i) = at + i + 1;
        }
        tap_need(write(fd, buffer, part) == (ssize_t)part, "write");
        at += part;
    }
    map = mmap(NULL, SIZE, PROT_READ, MAP_PRIVATE, fd, 0);
    OK(map != MAP_FAILED && is_stamped(map, 0, SIZE), "mapped as it was written");
    OK(mprotect(map, SIZE, PROT_READ | PROT_WRITE) == 0, "to be written to");
    *word(map, 5 * MIB) = 7;
    OK(*word(map, 5 * MIB) == 7 && is_stamped(map, 0, 5 * MIB) &&
           is_stamped(map, 5 * MIB + PAGE, SIZE),
       "one page is a copy");
    OK(pread(fd, buffer, 8, 5 * MIB) == 8 && *word(buffer, 0) == 5 * MIB + 1, "the file is not");
    OK(ftruncate(fd, 11 * MIB) == 0 && ftruncate(fd, (off_t)SIZE) == 0, "cut and grown again");
    OK(is_stamped(map, 6 * MIB, 11 * MIB) && is_zero(map, 11 * MIB, SIZE), "zero where it was cut");
    munmap(map, SIZE);
    close(fd);
    unlink(path);
}

int main(void)
{
    small_pages();
    large_pages();
    private_copies();
    return tap_end();
}
