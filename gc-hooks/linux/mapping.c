/* SPDX-License-Identifier: MIT */
/*
 * What is mapped at an address: by an ioctl of /proc/self/maps (Linux 6.11), and
 * before that by its text.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "linux_priv.h"

struct procmap_query {
    uint64_t size, query_flags, query_addr, vma_start, vma_end, vma_flags;
    uint64_t vma_page_size, vma_offset, inode;
    uint32_t dev_major, dev_minor, vma_name_size, build_id_size;
    uint64_t vma_name_addr, build_id_addr;
};
#define IOCTL_PROCMAP_QUERY _IOWR('f', 17, struct procmap_query)

enum { VMA_SHARED = 8, OR_NEXT = 16, NAME_MOST = 256 };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int maps;

static void open_maps(void)
{
    maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
}

static bool is_memory(const char *name)
{
    return strncmp(name, "/memfd:" LINUX_ALIAS_NAME " ", sizeof("/memfd:" LINUX_ALIAS_NAME)) == 0 ||
           strncmp(name, "/dev/zero (", 11) == 0;
}

/* Shared memory has an inode too; so have aliases, which alias.c makes of a file of its own. */
static bool is_file(uint64_t inode, bool shared, const char *name)
{
    return inode != 0 && !(shared && is_memory(name));
}

/* "start-end rwxp offset device inode name" */
static bool parse(const char *line, struct linux_mapping *mapping)
{
    char right[5], name[NAME_MOST] = "";
    unsigned long inode;

    if (sscanf(line, "%lx-%lx %4s %*x %*x:%*x %lu %255[^\n]", &mapping->start, &mapping->end, right,
               &inode, name) < 4) {
        return false;
    }
    mapping->prot = (right[0] == 'r' ? PROT_READ : 0) | (right[1] == 'w' ? PROT_WRITE : 0) |
                    (right[2] == 'x' ? PROT_EXEC : 0);
    mapping->shared = right[3] == 's';
    mapping->file = is_file(inode, mapping->shared, name);
    return true;
}

static int read_mappings(uintptr_t address, struct linux_mapping *mapping)
{
    FILE *text = fopen("/proc/self/maps", "re");
    char line[NAME_MOST * 2];
    int error = -ENOMEM;

    while (text != NULL && error != 0 && fgets(line, sizeof(line), text) != NULL) {
        error = parse(line, mapping) && address < mapping->end ? 0 : -ENOMEM;
    }
    if (text != NULL) {
        fclose(text);
    }
    return error;
}

int linux_mapping_from(uintptr_t address, struct linux_mapping *mapping)
{
    char name[NAME_MOST] = "";
    struct procmap_query query = {.size = sizeof(query),
                                  .query_flags = OR_NEXT,
                                  .query_addr = address,
                                  .vma_name_size = sizeof(name),
                                  .vma_name_addr = (uintptr_t)name};

    pthread_once(&once, open_maps);
    if (ioctl(maps, IOCTL_PROCMAP_QUERY, &query) != 0) {
        return errno == ENOENT ? -ENOMEM : read_mappings(address, mapping);
    }
    mapping->start = query.vma_start;
    mapping->end = query.vma_end;
    mapping->prot = (int)query.vma_flags & (PROT_READ | PROT_WRITE | PROT_EXEC);
    mapping->shared = (query.vma_flags & VMA_SHARED) != 0;
    mapping->file = is_file(query.inode, mapping->shared, name);
    return 0;
}

int linux_mapping_at(uintptr_t address, struct linux_mapping *mapping)
{
    int error = linux_mapping_from(address, mapping);

    return error == 0 && mapping->start > address ? -ENOMEM : error;
}
