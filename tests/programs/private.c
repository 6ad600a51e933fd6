/* SPDX-License-Identifier: MIT */
/*
 * Private mappings of a file: what is written is this mapping's alone, in
 * whatever order it is touched.  The kernel may copy pages ahead of a program
 * that writes in ascending order; nobody must see that, but by fewer faults.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tap.h"

#define PAGE 4096
#define PAGES 600
#define SIZE ((size_t)PAGES * PAGE)

static int file;

static unsigned char byte_of(size_t at)
{
    return (unsigned char)(at / PAGE * 7 + at % 251);
}

static void make_file(void)
{
    unsigned char *data = malloc(SIZE);

    for (size_t i = 0; i < SIZE; i++) {
        data[i] = byte_of(i);
    }
    file = fileno(tmpfile());
    OK(file >= 0 && write(file, data, SIZE) == (ssize_t)SIZE, "a file");
    free(data);
}

static unsigned char *map(int flags)
{
    unsigned char *at = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, flags, file, 0);

    tap_need(at != MAP_FAILED, "mmap");
    return at;
}

static int read_all(const volatile unsigned char *map)
{
    int sum = 0;

    for (size_t i = 0; i < SIZE; i += PAGE) {
        sum += map[i];
    }
    return sum;
}

/* Of each page, byte 100 is another if `written` says so, and nothing else. */
static bool is_right(const unsigned char *map, bool (*written)(size_t page))
{
    for (size_t i = 0; i < SIZE; i++) {
        bool changed = i % PAGE == 100 && written(i / PAGE);

        if (map[i] != (unsigned char)(byte_of(i) + (changed ? 1 : 0))) {
            printf("# byte %zu of page %zu is %d\n", i % PAGE, i / PAGE, map[i]);
            return false;
        }
    }
    return true;
}

static bool all(size_t page)
{
    return true;
}

static bool none(size_t page)
{
    return false;
}

static bool second(size_t page)
{
    return page % 2 == 0;
}

static bool runs(size_t page)
{
    return page % 40 < 13;
}

static void write_pages(unsigned char *map, bool (*which)(size_t page))
{
    for (size_t page = 0; page < PAGES; page++) {
        if (which(page)) {
            map[page * PAGE + 100]++;
        }
    }
}

static void write_backwards(unsigned char *map)
{
    for (size_t page = PAGES; page-- > 0;) {
        map[page * PAGE + 100]++;
    }
}

static void check_order(const char *how, bool read_first, bool (*which)(size_t page))
{
    unsigned char *mine = map(MAP_PRIVATE), *others = map(MAP_SHARED);

    if (read_first) {
        (void)read_all(mine);
    }
    write_pages(mine, which);
    printf("# %s%s\n", how, read_first ? ", read before" : "");
    OK(is_right(mine, which), "what was written, and nothing else");
    OK(is_right(others, none), "the file is as it was");
    munmap(mine, SIZE);
    munmap(others, SIZE);
}

static void check_backwards(void)
{
    unsigned char *mine = map(MAP_PRIVATE);

    write_backwards(mine);
    OK(is_right(mine, all), "backwards");
    munmap(mine, SIZE);
}

/* A page that was not written to shows what the file gets later: Linux's, and ours for what
 * nobody has written near.  Here only that the written ones do not. */
static void check_file_changes(void)
{
    unsigned char *mine = map(MAP_PRIVATE);
    unsigned char new = 0xee;

    write_pages(mine, all);
    OK(pwrite(file, &new, 1, 5 * PAGE) == 1 && mine[5 * PAGE] == byte_of(5 * PAGE),
       "a change of the file is not seen in a page that was written to");
    new = byte_of(5 * PAGE);
    OK(pwrite(file, &new, 1, 5 * PAGE) == 1, "changed back");
    munmap(mine, SIZE);
}

int main(void)
{
    make_file();
    check_order("ascending", false, all);
    check_order("ascending", true, all);
    check_order("each second page", false, second);
    check_order("each second page", true, second);
    check_order("runs", false, runs);
    check_order("runs", true, runs);
    check_backwards();
    check_file_changes();
    return tap_end();
}
