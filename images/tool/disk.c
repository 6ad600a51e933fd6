/* SPDX-License-Identifier: MIT */
/*
 * A disk that boots by itself (images/disk/layout.h): made of an EROFS image,
 * and taken apart again for `moka run`, which starts its kernel without a
 * BIOS.  Raw disks are ours; QEMU's own qemu-img makes others of them, and
 * gives us the parts of them that we want.
 */
#include "disk.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define ALIGNMENT 4096
#define EROFS_MAGIC_AT 1024
#define EROFS_MAGIC 0xe0f5e1e2u
#define KERNEL_MAX (16u << 20)
#define RECIPE_MAX (8u << 20)
#define PARTS_MAX (KERNEL_MAX + RECIPE_MAX)
#define START_SIZE 2048

/* What is made: where the next part goes. */
struct making {
    const char *path;
    int fd;
    uint64_t end;
};

static void write_at(const struct making *making, const void *bytes, size_t size, uint64_t at)
{
    ssize_t done = pwrite(making->fd, bytes, size, (off_t)at);

    if (done != (ssize_t)size) {
        fail(done >= 0 || errno == ENOSPC ? "make room there" : NULL, "cannot write '%s': %s",
             making->path, strerror(done < 0 ? errno : ENOSPC));
    }
}

/* The next part; its first sector. */
static uint32_t append(struct making *making, const void *bytes, size_t size)
{
    uint64_t at = making->end;

    write_at(making, bytes, size, at);
    making->end = (at + size + ALIGNMENT - 1) & ~(uint64_t)(ALIGNMENT - 1);
    return (uint32_t)(at / DISK_SECTOR);
}

static char *read_whole(const char *path, size_t *size)
{
    struct stat stat_buf;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *bytes;

    if (fd < 0 || fstat(fd, &stat_buf) != 0) {
        fail("build it first: make programs", "cannot read '%s': %s", path, strerror(errno));
    }
    *size = (size_t)stat_buf.st_size;
    bytes = need_memory(malloc(*size + 1));
    if (read(fd, bytes, *size) != (ssize_t)*size) {
        fail(NULL, "cannot read '%s': %s", path, strerror(errno));
    }
    close(fd);
    return bytes;
}

/* What is loaded of the kernel, and what it wants cleared; its size without the rest. */
static size_t plan_kernel(char *bytes, size_t size, struct disk_header *header, const char *path)
{
    Elf64_Ehdr *elf = (Elf64_Ehdr *)bytes;
    const Elf64_Phdr *segment = (const Elf64_Phdr *)(bytes + elf->e_phoff);
    size_t end = 0;
    unsigned pieces = 0;

    for (unsigned i = 0; i < elf->e_phnum; i++, segment++) {
        if (segment->p_type != PT_LOAD) {
            continue;
        }
        if (pieces == DISK_PIECES || segment->p_offset % DISK_SECTOR != 0 ||
            segment->p_offset + segment->p_filesz > size) {
            fail("build it again: make", "'%s' is not a kernel that can be put on a disk", path);
        }
        header->piece[pieces] = (struct disk_piece){
            .sector = header->kernel_sector + (uint32_t)(segment->p_offset / DISK_SECTOR),
            .count = (uint32_t)((segment->p_filesz + DISK_SECTOR - 1) / DISK_SECTOR),
            .address = (uint32_t)segment->p_paddr,
        };
        if (pieces++ == 0) {
            header->entry = (uint32_t)segment->p_paddr; /* as images/rom/rom.S has it */
        }
        if (segment->p_memsz > segment->p_filesz) {
            header->clear = (uint32_t)(segment->p_paddr + segment->p_filesz);
            header->clear_end = (uint32_t)(segment->p_paddr + segment->p_memsz);
        }
        end = segment->p_offset + segment->p_filesz;
    }
    elf->e_shoff = 0;
    elf->e_shnum = 0;
    elf->e_shstrndx = 0;
    return end;
}

void disk_make(const char *image, const struct places *places, const char *recipe,
               size_t recipe_size)
{
    struct making making = {.path = image, .fd = open(image, O_RDWR | O_CLOEXEC)};
    size_t boot_size, kernel_size;
    char *boot = read_whole(places->boot, &boot_size);
    char *kernel = read_whole(places->kernel, &kernel_size);
    struct disk_header *header = (struct disk_header *)(boot + DISK_SECTOR + DISK_HEADER_AT);
    uint64_t loader_sector, size;

    if (making.fd < 0 || boot_size != DISK_SECTOR + DISK_LOADER_SIZE) {
        fail("build it again: make programs", "cannot put '%s' on the disk", places->boot);
    }
    size = (uint64_t)lseek(making.fd, 0, SEEK_END);
    making.end = (size + ALIGNMENT - 1) & ~(uint64_t)(ALIGNMENT - 1);
    loader_sector = append(&making, boot + DISK_SECTOR, DISK_LOADER_SIZE);
    header->kernel_sector = (uint32_t)(making.end / DISK_SECTOR);
    header->kernel_size = (uint32_t)plan_kernel(kernel, kernel_size, header, places->kernel);
    (void)append(&making, kernel, header->kernel_size);
    header->recipe_sector = append(&making, recipe, recipe_size);
    header->recipe_size = (uint32_t)recipe_size;
    snprintf(header->cmdline, sizeof(header->cmdline), "exec quiet");
    memcpy(boot + DISK_LOADER_SECTOR_AT, &loader_sector, sizeof(loader_sector));
    write_at(&making, boot, DISK_SECTOR, 0);
    write_at(&making, boot + DISK_SECTOR, DISK_LOADER_SIZE, loader_sector * DISK_SECTOR);
    if (ftruncate(making.fd, (off_t)making.end) != 0 || fsync(making.fd) != 0 ||
        close(making.fd) != 0) {
        fail("make room there", "cannot write '%s': %s", image, strerror(errno));
    }
    free(boot);
    free(kernel);
}

static int in_memory(int from, uint64_t at, size_t size)
{
    char *bytes = need_memory(malloc(size));
    int fd = memfd_create("moka-kernel", 0); /* for QEMU */
    bool done = fd >= 0 && pread(from, bytes, size, (off_t)at) == (ssize_t)size &&
                write(fd, bytes, size) == (ssize_t)size;

    free(bytes);
    if (!done && fd >= 0) {
        close(fd);
    }
    return done ? fd : -1;
}

static bool looks_right(const struct disk_header *header)
{
    return header->magic == DISK_MAGIC && header->kernel_size < KERNEL_MAX &&
           header->recipe_size < RECIPE_MAX;
}

/* What is behind the root, which begins at a place of the file `from`: kernel and recipe. */
static void take_parts(const char *path, struct disk *disk, int from, uint64_t at,
                       uint64_t loader_sector)
{
    char loader[DISK_LOADER_SIZE];
    const struct disk_header *header = (const struct disk_header *)(loader + DISK_HEADER_AT);
    uint64_t start = loader_sector * DISK_SECTOR - at;

    if (pread(from, loader, sizeof(loader), (off_t)at) == sizeof(loader) && looks_right(header)) {
        disk->recipe = need_memory(calloc(1, header->recipe_size + 1u));
        disk->recipe_size = header->recipe_size;
        disk->kernel = in_memory(from, header->kernel_sector * (uint64_t)DISK_SECTOR - start,
                                 header->kernel_size);
    }
    if (disk->kernel < 0 ||
        pread(from, disk->recipe, disk->recipe_size,
              (off_t)(header->recipe_sector * (uint64_t)DISK_SECTOR - start)) !=
            (ssize_t)disk->recipe_size ||
        disk_recipe_next(disk, NULL, "jar") == NULL) {
        fail("build it again: moka build", "the disk '%s' is cut short", path);
    }
}

/* Its format, and its first sectors; false: it has not so many. */
static bool read_start(const char *path, struct disk *disk, unsigned char *start)
{
    bool done = pread(disk->fd, start, START_SIZE, 0) == START_SIZE;
    int part;

    if (done && memcmp(start, "QFI\xfb", 4) == 0) {
        disk->format = "qcow2";
        part = qemu_img_extract(path, disk->format, 0, START_SIZE / DISK_SECTOR);
        done = pread(part, start, START_SIZE, 0) == START_SIZE;
        close(part);
    }
    return done;
}

/* Does a disk of ours begin so? */
static bool is_start(const unsigned char *start)
{
    uint32_t magic;

    memcpy(&magic, start + EROFS_MAGIC_AT, sizeof(magic));
    return magic == EROFS_MAGIC && start[510] == 0x55 && start[511] == 0xaa;
}

bool disk_open(const char *path, struct disk *disk)
{
    unsigned char start[START_SIZE];
    uint64_t loader_sector;
    int part;

    *disk = (struct disk){.fd = open(path, O_RDONLY | O_CLOEXEC), .kernel = -1, .format = "raw"};
    if (disk->fd < 0) {
        return false;
    }
    if (!read_start(path, disk, start) || !is_start(start)) {
        close(disk->fd);
        return false;
    }
    memcpy(&loader_sector, start + DISK_LOADER_SECTOR_AT, sizeof(loader_sector));
    if (strcmp(disk->format, "raw") == 0) {
        take_parts(path, disk, disk->fd, loader_sector * DISK_SECTOR, loader_sector);
    } else {
        part = qemu_img_extract(path, disk->format, loader_sector, PARTS_MAX / DISK_SECTOR);
        take_parts(path, disk, part, 0, loader_sector);
        close(part);
    }
    return true;
}

const char *disk_recipe_next(const struct disk *disk, const char *before, const char *key)
{
    const char *end = disk->recipe + disk->recipe_size;
    const char *at = before == NULL ? disk->recipe : before + strlen(before) + 1;
    size_t len = strlen(key);

    for (; at < end; at += strlen(at) + 1) {
        if (strncmp(at, key, len) == 0 && at[len] == '=') {
            return at + len + 1;
        }
    }
    return NULL;
}
