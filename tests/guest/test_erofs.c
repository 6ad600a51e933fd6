/* SPDX-License-Identifier: MIT */
/*
 * A file on an EROFS image that mkfs.erofs made, on the first disk
 * (tests/erofs.sh): "pages", whose 512-byte sectors are each their own number,
 * in 511 digits and a newline.
 */
#include "file_help.h"

#include <drivers/devices.h>
#include <kernel/block.h>

#define SECTORS 32768u
#define PAGES (SECTORS / 8)
#define SIZE (PAGES * PAGE_SIZE)

static struct {
    struct super *super;
    struct file *file;
    struct page_cache *cache;
} image;

/* Mounts the image (once) and opens the file; false: the test is over. */
static bool open_image(void)
{
    struct block_device *disk;
    struct inode *root, *inode;

    devices_init();
    disk = block_find(0);
    if (disk == NULL) {
        guest_skip("no disk with an EROFS image");
        return false;
    }
    if (image.super == NULL && erofs_new(disk, &image.super) != 0) {
        guest_skip("the disk has no EROFS image");
        return false;
    }
    root = image.super->root->inode;
    if (!EQ(root->ops->lookup(root, "pages", 5, &inode), 0)) {
        return false;
    }
    if (!EQ(file_new(&no_file_ops, "test", O_RDONLY, NULL, &image.file), 0)) {
        inode_put(inode);
        return false;
    }
    image.file->inode = inode;
    image.cache = inode->pages;
    return EQ(inode->size, SIZE);
}

static void close_image(void)
{
    page_cache_forget(image.cache, 0, SIZE);
    file_put(image.file);
}

static bool page_is(const char *page, u64 index)
{
    for (u64 i = 0; i < 8; i++) {
        const char *text = page + i * 512;
        u64 number = index * 8 + i;

        for (unsigned at = 511; at-- > 0; number /= 10) {
            if (text[at] != (char)('0' + number % 10)) {
                return false;
            }
        }
        if (text[511] != '\n') {
            return false;
        }
    }
    return true;
}

/* Reads all by read(2), `step` bytes at a time: pages that are wrong. */
static u64 wrong_by_read(u64 step)
{
    char *buffer = kmalloc(step);
    u64 pos = 0, wrong = 0;

    if (!OK(buffer != NULL)) {
        return 1;
    }
    while (pos < SIZE) {
        u64 first = pos / PAGE_SIZE;
        struct iovec vec;
        struct io io;

        io_init(&io, &vec, buffer, step, true);
        if (!EQ(page_cache_read(image.cache, &io, &pos), 0) || io.done == 0) {
            break;
        }
        for (u64 i = 0; i < io.done / PAGE_SIZE; i++) {
            wrong += !page_is(buffer + i * PAGE_SIZE, first + i);
        }
    }
    kfree(buffer);
    return wrong + (pos != SIZE);
}

GUEST_TEST(erofs_is_read)
{
    static const u64 step[] = {PAGE_SIZE, 64 * KIB, MIB};

    for (unsigned i = 0; i < ARRAY_SIZE(step); i++) {
        if (!open_image()) {
            return;
        }
        EQ(wrong_by_read(step[i]), 0);
        close_image();
    }
}

static u64 wrong_by_map(vaddr_t va)
{
    u64 wrong = 0;

    for (u64 i = 0; i < PAGES; i++) {
        wrong += !page_is((const char *)va + i * PAGE_SIZE, i);
    }
    return wrong;
}

/* Mapped from the disk, then once more from memory: by 2 MiB, each time. */
static void check_mapped(unsigned flags)
{
    struct page_cache_stats before, after;
    vaddr_t va = 0;

    for (unsigned round = 0; round < 2; round++) {
        page_cache_get_stats(&before);
        EQ(aspace_map_file(0, SIZE, PROT_READ, flags, image.file, 0, &va), 0);
        EQ(wrong_by_map(va), 0);
        page_cache_get_stats(&after);
        EQ(after.read - before.read, round == 0 ? PAGES : 0);
        /* The first ones were read by little, to see how it would go on. */
        EQ(backed_by(va + (round == 0 ? SIZE - LARGE_SIZE : 0)), 2);
        EQ(aspace_unmap(va, SIZE), 0);
    }
}

GUEST_TEST(erofs_is_mapped)
{
    if (!open_image()) {
        return;
    }
    page_cache_forget(image.cache, 0, SIZE);
    check_mapped(0);
    page_cache_forget(image.cache, 0, SIZE);
    EQ(page_cache_pages(image.cache), 0);
    check_mapped(MAP_SHARE);
    close_image();
}

/* One sector of the file cannot be read: that page is an error, and no other is. */
GUEST_TEST(erofs_read_error)
{
    u64 bad = 0, wrong = 0;
    vaddr_t va = 0;

    if (!open_image()) {
        return;
    }
    EQ(aspace_map_file(0, SIZE, PROT_READ, MAP_SHARE, image.file, 0, &va), 0);
    for (u64 i = 0; i < PAGES; i++) {
        vaddr_t page = va + i * PAGE_SIZE;
        int error = aspace_fault(page, 0);
        u64 pos = i * PAGE_SIZE;
        struct iovec vec;
        struct io io;
        char byte;

        io_init(&io, &vec, &byte, 1, true);
        if (error == 0) {
            wrong += !page_is((const char *)page, i);
            continue;
        }
        bad++;
        EQ(error, -EIO);
        EQ(page_cache_read(image.cache, &io, &pos), -EIO);
    }
    EQ(wrong, 0);
    if (bad == 0) {
        guest_skip("all sectors can be read");
    } else {
        EQ(bad, 1);
    }
    EQ(aspace_unmap(va, SIZE), 0);
    close_image();
}
