/* SPDX-License-Identifier: MIT */
/*
 * Reading ELF headers: see elf_priv.h.  Fields are copied out of the bytes
 * one by one, so that no alignment is assumed.
 */
#include "elf_priv.h"

#include <kernel/errno.h>
#include <kernel/pagetable.h>
#include <kernel/string.h>

/* The System V ABI, chapters 4 and 5; x86-64 supplement. */
#define ET_EXEC 2
#define ET_DYN 3
#define EM_X86_64 62
#define PT_LOAD 1
#define PT_INTERP 3
#define PF_X 1u
#define PF_W 2u
#define PF_R 4u

#define VADDR_LIMIT (1ull << 47)

struct ehdr {
    u8 ident[16];
    u16 type, machine;
    u32 version;
    u64 entry, phoff, shoff;
    u32 flags;
    u16 ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
_Static_assert(sizeof(struct ehdr) == ELF_HEADER_SIZE, "ELF-64 header");

struct phdr {
    u32 type, flags;
    u64 offset, vaddr, paddr, filesz, memsz, align;
};
_Static_assert(sizeof(struct phdr) == ELF_PHDR_SIZE, "ELF-64 program header");

int elf_parse_header(const u8 *data, u64 file_size, struct elf_header *header)
{
    static const u8 magic[] = {0x7f, 'E', 'L', 'F', 2 /* 64 bits */, 1 /* little endian */};
    struct ehdr h;

    if (file_size < sizeof(h)) {
        return -ENOEXEC;
    }
    memcpy(&h, data, sizeof(h));
    if (memcmp(h.ident, magic, sizeof(magic)) != 0 || h.machine != EM_X86_64 ||
        (h.type != ET_EXEC && h.type != ET_DYN) || h.phentsize != ELF_PHDR_SIZE || h.phnum == 0 ||
        h.phnum > ELF_PHDRS_MAX) {
        return -ENOEXEC;
    }
    if (h.phoff > file_size || file_size - h.phoff < (u64)h.phnum * ELF_PHDR_SIZE) {
        return -ENOEXEC;
    }
    *header = (struct elf_header){
        .dynamic = h.type == ET_DYN,
        .entry = h.entry,
        .phdr_offset = h.phoff,
        .phdr_count = h.phnum,
    };
    return 0;
}

static u32 prot_of(u32 flags)
{
    return ((flags & PF_R) != 0 ? PROT_READ : 0) | ((flags & PF_W) != 0 ? PROT_WRITE : 0) |
           ((flags & PF_X) != 0 ? PROT_EXEC : 0);
}

static int add_segment(struct elf_image *image, const struct phdr *p, u64 file_size)
{
    if (p->memsz == 0) {
        return 0;
    }
    if (image->count == ELF_SEGMENTS_MAX || p->filesz > p->memsz || p->vaddr >= VADDR_LIMIT ||
        p->memsz > VADDR_LIMIT - p->vaddr || (p->vaddr - p->offset) % PAGE_SIZE != 0) {
        return -EINVAL;
    }
    if (p->offset > file_size || p->filesz > file_size - p->offset) {
        return -ENOEXEC;
    }
    /* Ascending, as the ABI demands, and pages of their own. */
    if (image->count != 0 && ALIGN_DOWN(p->vaddr, PAGE_SIZE) < image->high) {
        return -EINVAL;
    }
    if (image->count == 0) {
        image->low = ALIGN_DOWN(p->vaddr, PAGE_SIZE);
    }
    image->high = ALIGN_UP(p->vaddr + p->memsz, PAGE_SIZE);
    if (p->align > image->align && (p->align & (p->align - 1)) == 0 && p->align <= GIANT_SIZE) {
        image->align = p->align;
    }
    image->segment[image->count++] = (struct elf_segment){
        .vaddr = p->vaddr,
        .mem_size = p->memsz,
        .offset = p->offset,
        .file_size = p->filesz,
        .prot = prot_of(p->flags),
    };
    return 0;
}

/* Where the program headers are in memory, if a segment has them. */
static u64 find_phdrs(const struct elf_image *image, const struct elf_header *header)
{
    for (unsigned i = 0; i < image->count; i++) {
        const struct elf_segment *s = &image->segment[i];

        if (header->phdr_offset >= s->offset && header->phdr_offset - s->offset < s->file_size) {
            return s->vaddr + (header->phdr_offset - s->offset);
        }
    }
    return 0;
}

int elf_parse_segments(const struct elf_header *header, const u8 *phdrs, u64 file_size,
                       struct elf_image *image)
{
    memset(image, 0, sizeof(*image));
    image->align = PAGE_SIZE;
    for (u32 i = 0; i < header->phdr_count; i++) {
        struct phdr p;
        int err = 0;

        memcpy(&p, phdrs + (u64)i * ELF_PHDR_SIZE, sizeof(p));
        if (p.type == PT_LOAD) {
            err = add_segment(image, &p, file_size);
        } else if (p.type == PT_INTERP && image->interp_size == 0) {
            if (p.filesz < 2 || p.filesz > ELF_INTERP_MAX || p.offset > file_size ||
                p.filesz > file_size - p.offset) {
                err = -ENOEXEC;
            }
            image->interp_offset = p.offset;
            image->interp_size = p.filesz;
        }
        if (err != 0) {
            return err;
        }
    }
    if (image->count == 0) {
        return -ENOEXEC;
    }
    image->phdr_vaddr = find_phdrs(image, header);
    return 0;
}
