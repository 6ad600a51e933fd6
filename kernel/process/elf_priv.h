/* SPDX-License-Identifier: MIT */
/*
 * What a program's ELF headers say, checked: nothing that comes from here
 * overflows, overlaps or lies beyond the file.  Pure; tested on the host with
 * damaged headers.
 */
#pragma once

#include <kernel/types.h>

#define ELF_HEADER_SIZE 64u
#define ELF_PHDR_SIZE 56u
#define ELF_PHDRS_MAX 128u /* Linux: what fits into 64 KiB */
#define ELF_SEGMENTS_MAX 32u
#define ELF_INTERP_MAX 4096u

struct elf_header {
    bool dynamic; /* may lie anywhere (ET_DYN) */
    u64 entry;
    u64 phdr_offset;
    u32 phdr_count;
};

struct elf_segment {
    u64 vaddr, mem_size;   /* not aligned */
    u64 offset, file_size; /* file_size <= mem_size; offset and vaddr agree modulo a page */
    u32 prot;              /* PROT_* */
};

struct elf_image {
    u64 low, high;     /* pages of all segments */
    u64 align;         /* power of two, of `low` */
    u64 phdr_vaddr;    /* of the program headers in memory, 0: not loaded */
    u64 interp_offset; /* in the file; size 0: no interpreter */
    u64 interp_size;   /* with the terminating NUL */
    unsigned count;
    struct elf_segment segment[ELF_SEGMENTS_MAX]; /* ascending, no two in one page */
};

/* `data`: the first ELF_HEADER_SIZE bytes.  0, -ENOEXEC. */
must_check int elf_parse_header(const u8 *data, u64 file_size, struct elf_header *header);
/* `phdrs`: phdr_count times ELF_PHDR_SIZE bytes.  0, -ENOEXEC, -EINVAL as Linux has them. */
must_check int elf_parse_segments(const struct elf_header *header, const u8 *phdrs, u64 file_size,
                                  struct elf_image *image);
