/* SPDX-License-Identifier: MIT */
/* ELF headers: good ones, and each field damaged in every way. */
/* sources: kernel/process/elf.c */
#include "../../kernel/process/elf_priv.h"

#include "host.h"

#include <string.h>

#define FILE_SIZE 0x5000ull
#define PHDRS 4u

struct phdr {
    u32 type, flags;
    u64 offset, vaddr, paddr, filesz, memsz, align;
};

struct file {
    u8 ident[16];
    u16 type, machine;
    u32 version;
    u64 entry, phoff, shoff;
    u32 flags;
    u16 ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
    struct phdr phdr[PHDRS];
};

static struct file good(void)
{
    return (struct file){
        .ident = {0x7f, 'E', 'L', 'F', 2, 1, 1},
        .type = 3,
        .machine = 62,
        .entry = 0x1100,
        .phoff = 64,
        .phentsize = 56,
        .phnum = PHDRS,
        .phdr =
            {
                {.type = 3, .offset = 0x200, .filesz = 20, .memsz = 20},
                {.type = 1, .flags = 4, .filesz = 0x1000, .memsz = 0x1000, .align = 0x1000},
                {.type = 1,
                 .flags = 5,
                 .offset = 0x1000,
                 .vaddr = 0x1000,
                 .filesz = 0x1800,
                 .memsz = 0x1800,
                 .align = 0x200000},
                {.type = 1,
                 .flags = 6,
                 .offset = 0x2f00,
                 .vaddr = 0x3f00,
                 .filesz = 0x300,
                 .memsz = 0x3000,
                 .align = 0x1000},
            },
    };
}

/* On heap memory of the exact size, so that reading too far is found. */
static int parse(const struct file *f, struct elf_header *header, struct elf_image *image)
{
    u8 *head = test_alloc(ELF_HEADER_SIZE), *phdrs;
    int err;

    *header = (struct elf_header){0};
    *image = (struct elf_image){0};
    memcpy(head, f, ELF_HEADER_SIZE);
    err = elf_parse_header(head, FILE_SIZE, header);
    test_free(head);
    if (err != 0) {
        return err;
    }
    phdrs = test_alloc((size_t)header->phdr_count * ELF_PHDR_SIZE);
    memset(phdrs, 0, (size_t)header->phdr_count * ELF_PHDR_SIZE);
    memcpy(phdrs, f->phdr,
           (header->phdr_count < PHDRS ? header->phdr_count : PHDRS) * ELF_PHDR_SIZE);
    err = elf_parse_segments(header, phdrs, FILE_SIZE, image);
    test_free(phdrs);
    return err;
}

static void test_good(void)
{
    struct file f = good();
    struct elf_header header;
    struct elf_image image;

    EQ(parse(&f, &header, &image), 0);
    OK(header.dynamic);
    EQ(header.entry, 0x1100);
    EQ(image.count, 3);
    EQ(image.low, 0);
    EQ(image.high, 0x7000);
    EQ(image.align, 0x200000);
    EQ(image.phdr_vaddr, 64);
    EQ(image.interp_offset, 0x200);
    EQ(image.interp_size, 20);
    EQ(image.segment[1].prot, 5);
    EQ(image.segment[2].prot, 3);
}

#define REFUSED(change) \
    do { \
        struct file f = good(); \
        struct elf_header header; \
        struct elf_image image; \
        f.change; \
        int err = parse(&f, &header, &image); \
        OK(err == -ENOEXEC || err == -EINVAL); \
    } while (0)

static void test_refused(void)
{
    REFUSED(ident[0] = 0);
    REFUSED(ident[4] = 1);
    REFUSED(ident[5] = 2);
    REFUSED(type = 1);
    REFUSED(machine = 3);
    REFUSED(phentsize = 32);
    REFUSED(phnum = 0);
    REFUSED(phnum = 0xffff);
    REFUSED(phoff = FILE_SIZE);
    REFUSED(phoff = ~0ull - 8);
    REFUSED(phnum = 1); /* no segment to load */
    REFUSED(phdr[0].filesz = 0);
    REFUSED(phdr[0].filesz = 1 << 20);
    REFUSED(phdr[0].offset = ~0ull);
    REFUSED(phdr[1].filesz = ~0ull);
    REFUSED(phdr[1].memsz = 0x10);
    REFUSED(phdr[1].vaddr = 1ull << 47);
    REFUSED(phdr[3].memsz = ~0ull - 0x3f00);
    REFUSED(phdr[3].vaddr = 0x2f00); /* a page of the segment before */
    REFUSED(phdr[2].vaddr = 0x1010); /* offset and address disagree */
    REFUSED(phdr[3].offset = FILE_SIZE);
    REFUSED(phdr[2].offset = ~0ull - 0xfff);
}

/* What an accepted image promises. */
static void check_image(const struct elf_image *image)
{
    u64 end = 0;

    OK(image->count > 0 && image->count <= ELF_SEGMENTS_MAX);
    OK((image->align & (image->align - 1)) == 0 && image->align >= PAGE_SIZE);
    for (unsigned i = 0; i < image->count; i++) {
        const struct elf_segment *s = &image->segment[i];

        OK(s->file_size <= s->mem_size && s->mem_size > 0);
        OK(s->offset <= FILE_SIZE && s->file_size <= FILE_SIZE - s->offset);
        OK((s->vaddr - s->offset) % PAGE_SIZE == 0);
        OK(ALIGN_DOWN(s->vaddr, PAGE_SIZE) >= end);
        OK(s->vaddr + s->mem_size > s->vaddr && s->vaddr + s->mem_size <= 1ull << 47);
        end = ALIGN_UP(s->vaddr + s->mem_size, PAGE_SIZE);
    }
    OK(image->interp_size <= ELF_INTERP_MAX &&
       image->interp_offset + image->interp_size <= FILE_SIZE);
}

static void test_random(void)
{
    unsigned accepted = 0;

    for (unsigned round = 0; round < 200000; round++) {
        struct file f = good();
        struct elf_header header;
        struct elf_image image;
        u8 *bytes = (u8 *)&f;

        for (u64 n = rnd_below(4) + 1; n > 0; n--) {
            bytes[rnd_below(sizeof(f))] = (u8)(rnd_below(2) == 0 ? rnd() : 0xff * rnd_below(2));
        }
        if (parse(&f, &header, &image) == 0) {
            check_image(&image);
            accepted++;
        }
    }
    OK(accepted > 0);
    EQ(test_live(), 0);
}

int main(void)
{
    run("good headers", test_good);
    run("refused headers", test_refused);
    run("random damage", test_random);
    return finish();
}
