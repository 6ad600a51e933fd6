/* SPDX-License-Identifier: MIT */
/*
 * The segments of an ELF file in memory: mapped from the file as Linux does,
 * so that text is shared with the page cache; the part of the last page
 * that the file does not have is zeroed, and what lies behind is anonymous.
 *
 * Files without a page cache are read into anonymous memory.
 */
#include "exec_priv.h"

#include <kernel/aspace.h>
#include <kernel/errno.h>
#include <kernel/kmalloc.h>
#include <kernel/pagetable.h>
#include <kernel/random.h>
#include <kernel/string.h>
#include <kernel/uaccess.h>
#include <kernel/vfs.h>

#define RANDOM_PAGES_BITS 28 /* as Linux's mmap_rnd_bits */
#define PLACE_TRIES 16

u64 exec_random_pages(unsigned bits)
{
    return (random_u64() & ((1ull << bits) - 1)) << PAGE_SHIFT;
}

static int read_all(struct file *file, void *buf, u64 size, u64 offset)
{
    s64 n = file_read_kernel(file, buf, size, offset);

    if (n < 0) {
        return (int)n;
    }
    return (u64)n == size ? 0 : -ENOEXEC;
}

int exec_read_headers(struct file *file, struct exec_module *module)
{
    u8 head[ELF_HEADER_SIZE];
    struct file_stat stat;
    u8 *phdrs;
    u64 size;
    int err = vfs_getattr(file->inode, &stat);

    if (err == 0) {
        err = read_all(file, head, sizeof(head), 0);
    }
    if (err == 0) {
        err = elf_parse_header(head, stat.size, &module->header);
    }
    if (err != 0) {
        return err;
    }
    size = (u64)module->header.phdr_count * ELF_PHDR_SIZE;
    phdrs = kmalloc(size);
    if (phdrs == NULL) {
        return -ENOMEM;
    }
    err = read_all(file, phdrs, size, module->header.phdr_offset);
    if (err == 0) {
        err = elf_parse_segments(&module->header, phdrs, stat.size, &module->image);
    }
    kfree(phdrs);
    return err;
}

/* ---- Segments -------------------------------------------------------------------- */

/* A file that cannot be mapped: its bytes are copied. */
static int read_segment(struct file *file, vaddr_t start, u64 size, u64 offset, u64 bytes,
                        unsigned prot)
{
    vaddr_t addr;
    int err = aspace_map(start, size, PROT_READ | PROT_WRITE, MAP_PLACE_FIXED, &addr);

    if (err == 0) {
        err = aspace_populate(start, size);
    }
    if (err == 0) {
        err = read_all(file, (void *)start, bytes, offset);
    }
    return err != 0 ? err : aspace_protect(start, size, prot);
}

static int zero(vaddr_t start, u64 size)
{
    static const u8 zeros[256];

    while (size > 0) {
        u64 n = MIN(size, sizeof(zeros));

        if (user_write((void *)start, zeros, n) != 0) {
            return -EFAULT;
        }
        start += n;
        size -= n;
    }
    return 0;
}

static int map_file_part(struct file *file, const struct elf_segment *s, vaddr_t start,
                         vaddr_t file_end)
{
    u64 skew = s->vaddr % PAGE_SIZE, size = ALIGN_UP(s->file_size + skew, PAGE_SIZE);
    vaddr_t addr;
    int err = aspace_map_file(start, size, s->prot, MAP_PLACE_FIXED, file, s->offset - skew, &addr);

    if (err == -ENODEV) {
        err = read_segment(file, start, size, s->offset - skew, s->file_size + skew, s->prot);
    }
    /* Only a program that can write there can tell what lies behind the file's part. */
    if (err == 0 && s->mem_size > s->file_size && (s->prot & PROT_WRITE) != 0) {
        err = zero(file_end, start + size - file_end);
    }
    return err;
}

static int map_segment(struct file *file, const struct elf_segment *s, u64 bias)
{
    vaddr_t start = ALIGN_DOWN(bias + s->vaddr, PAGE_SIZE), addr;
    vaddr_t file_end = bias + s->vaddr + s->file_size, end = bias + s->vaddr + s->mem_size;
    int err = 0;

    if (s->file_size != 0) {
        err = map_file_part(file, s, start, file_end);
        start = ALIGN_UP(file_end, PAGE_SIZE);
    }
    end = ALIGN_UP(end, PAGE_SIZE);
    if (err == 0 && end > start) {
        err = aspace_map(start, end - start, s->prot, MAP_PLACE_FIXED, &addr);
    }
    return err;
}

/* Room for all segments: at a random place of the zone, or where the file says. */
static int reserve(struct exec_module *m, vaddr_t zone, vaddr_t *base)
{
    const struct elf_image *image = &m->image;
    u64 size = image->high - image->low;
    int err = -ENOMEM;

    if (!m->header.dynamic) {
        return aspace_map(image->low, size, 0, MAP_PLACE_NOREPLACE, base);
    }
    for (unsigned i = 0; i < PLACE_TRIES && err != 0; i++) {
        vaddr_t hint = ALIGN_DOWN(zone + exec_random_pages(RANDOM_PAGES_BITS), image->align);

        err = aspace_map(hint, size, 0, MAP_PLACE_NOREPLACE, base);
    }
    return err;
}

/* Linux leaves nothing between the segments. */
static int unmap_gaps(const struct exec_module *m)
{
    const struct elf_image *image = &m->image;
    int err = 0;

    for (unsigned i = 1; i < image->count && err == 0; i++) {
        const struct elf_segment *s = &image->segment[i - 1];
        vaddr_t end = ALIGN_UP(s->vaddr + s->mem_size, PAGE_SIZE);
        vaddr_t next = ALIGN_DOWN(image->segment[i].vaddr, PAGE_SIZE);

        if (next > end) {
            err = aspace_unmap(m->bias + end, next - end);
        }
    }
    return err;
}

int exec_map(struct file *file, struct exec_module *m, vaddr_t zone)
{
    const struct elf_image *image = &m->image;
    vaddr_t base;
    int err = reserve(m, zone, &base);

    if (err != 0) {
        return err;
    }
    m->bias = base - image->low;
    for (unsigned i = 0; i < image->count && err == 0; i++) {
        err = map_segment(file, &image->segment[i], m->bias);
    }
    if (err == 0) {
        err = unmap_gaps(m);
    }
    if (err != 0 && aspace_unmap(base, image->high - image->low) != 0) {
        return -ENOMEM;
    }
    return err;
}
