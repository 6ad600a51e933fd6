/* SPDX-License-Identifier: MIT */
/*
 * mkcore PID IMAGE CORE
 *
 * Makes an ELF core file of the guest of a running or stopped QEMU, for GDB
 * with tools/gdb/moka.py, where no debugger can be attached: a guest that was
 * started without --gdb and hangs.
 *
 * The guest's RAM is the largest mapping of QEMU's memory, read by
 * /proc/PID/mem; IMAGE is the kernel's ELF file, which tells where the root of
 * the page tables is.  These are walked, and each run of pages that is mapped
 * becomes a segment.  The RAM itself is in the file once, with holes for what
 * is zero.  Registers of CPUs that run are in no memory: GDB sees none.
 *
 *   ELF header | program headers | note | RAM (sparse)
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096ull
#define CHUNK (2ull << 20)
#define SEGMENTS_MAX 60000u /* e_phnum is 16 bits wide */
#define PTE_PRESENT 1ull
#define PTE_LARGE 0x80ull
#define PTE_ADDRESS 0x000ffffffffff000ull

struct segment {
    uint64_t va, offset, size; /* offset: in RAM */
};

static struct {
    int memory;             /* /proc/PID/mem */
    uint64_t ram, ram_size; /* where it is in QEMU */
    uint64_t below;         /* so much of it lies below 4 GiB, the rest from there on */
    struct segment *segments;
    unsigned count, left_out;
} guest;

static _Noreturn void fail(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fputs("mkcore: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    exit(1);
}

/* --- QEMU --- */

static void find_ram(int pid)
{
    char path[64], line[512];
    FILE *maps;

    snprintf(path, sizeof(path), "/proc/%d/maps", pid);
    maps = fopen(path, "re");
    if (maps == NULL) {
        fail("cannot read '%s': %s", path, strerror(errno));
    }
    while (fgets(line, sizeof(line), maps) != NULL) {
        unsigned long start, end;
        char mode[8];

        if (sscanf(line, "%lx-%lx %7s", &start, &end, mode) == 3 && strncmp(mode, "rw", 2) == 0 &&
            end - start > guest.ram_size) {
            guest.ram = start;
            guest.ram_size = end - start;
        }
    }
    fclose(maps);
    snprintf(path, sizeof(path), "/proc/%d/mem", pid);
    guest.memory = open(path, O_RDONLY | O_CLOEXEC);
    if (guest.memory < 0) {
        fail("cannot open '%s': %s", path, strerror(errno));
    }
}

/* Where QEMU's machines split the RAM: microvm at 3 GiB; q35 at 2 GiB if there are 2.75. */
static void find_hole(int pid)
{
    char path[64], command[4096] = "";
    size_t size;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
    file = fopen(path, "re");
    size = file == NULL ? 0 : fread(command, 1, sizeof(command) - 1, file);
    if (file != NULL) {
        fclose(file);
    }
    guest.below = 0xc0000000;
    if (memmem(command, size, "q35", 3) != NULL) {
        guest.below = guest.ram_size >= 0xb0000000 ? 0x80000000 : 0xb0000000;
    }
    if (guest.below > guest.ram_size) {
        guest.below = guest.ram_size;
    }
}

static bool read_ram(uint64_t offset, void *data, size_t size)
{
    return offset + size <= guest.ram_size &&
           pread(guest.memory, data, size, (off_t)(guest.ram + offset)) == (ssize_t)size;
}

/* Where a physical address is in RAM; false: it is none (a device). */
static bool ram_offset(uint64_t address, uint64_t *offset)
{
    *offset = address < 4ull << 30 ? address : address - (4ull << 30) + guest.below;
    return address < 4ull << 30 ? address < guest.below : *offset < guest.ram_size;
}

/* --- the image --- */

static char *read_file(const char *path, size_t *size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat stat;
    char *data;

    if (fd < 0 || fstat(fd, &stat) != 0) {
        fail("cannot read '%s': %s", path, strerror(errno));
    }
    *size = (size_t)stat.st_size;
    data = malloc(*size + 1);
    if (data == NULL || read(fd, data, *size) != (ssize_t)*size) {
        fail("cannot read '%s' whole", path);
    }
    close(fd);
    return data;
}

/* Symbols have virtual addresses: where the segment is loaded that has this one. */
static uint64_t loaded_at(const Elf64_Ehdr *image, uint64_t va)
{
    const Elf64_Phdr *header = (const void *)((const char *)image + image->e_phoff);

    for (unsigned i = 0; i < image->e_phnum; i++) {
        if (header[i].p_type == PT_LOAD && va >= header[i].p_vaddr &&
            va - header[i].p_vaddr < header[i].p_memsz) {
            return header[i].p_paddr + (va - header[i].p_vaddr);
        }
    }
    fail("address %#lx is in no segment of the image", (unsigned long)va);
}

static uint64_t find_symbol(const char *path, const char *name)
{
    size_t size;
    const char *data = read_file(path, &size);
    const Elf64_Ehdr *image = (const void *)data;
    const Elf64_Shdr *section = (const void *)(data + image->e_shoff);

    if (size < sizeof(*image) || memcmp(image->e_ident, ELFMAG, SELFMAG) != 0) {
        fail("'%s' is no ELF file", path);
    }
    for (unsigned i = 0; i < image->e_shnum; i++) {
        const Elf64_Sym *symbol = (const void *)(data + section[i].sh_offset);
        const char *names = data + section[section[i].sh_link].sh_offset;

        if (section[i].sh_type != SHT_SYMTAB) {
            continue;
        }
        for (size_t n = section[i].sh_size / sizeof(*symbol); n > 0; n--, symbol++) {
            if (strcmp(names + symbol->st_name, name) == 0) {
                return loaded_at(image, symbol->st_value);
            }
        }
    }
    fail("'%s' has no symbol %s: take the image that is not stripped", path, name);
}

/* --- page tables --- */

/* kernel/mm/pagetable.c has it in the first field of its state; before that is set up, none. */
static uint64_t find_root(const char *image)
{
    uint64_t root = 0, offset = 0;

    if (!ram_offset(find_symbol(image, "pagetable"), &offset) ||
        !read_ram(offset, &root, sizeof(root))) {
        fail("cannot read the guest's memory: are you allowed to trace QEMU?");
    }
    return root != 0 ? root : find_symbol(image, "boot_pml4");
}

static void add_segment(uint64_t va, uint64_t offset, uint64_t size)
{
    struct segment *last = guest.count > 0 ? &guest.segments[guest.count - 1] : NULL;

    if (offset + size > guest.ram_size) {
        size = guest.ram_size - offset;
    }
    if (last != NULL && last->va + last->size == va && last->offset + last->size == offset) {
        last->size += size;
    } else if (guest.count < SEGMENTS_MAX) {
        guest.segments[guest.count++] = (struct segment){va, offset, size};
    } else {
        guest.left_out++;
    }
}

static void walk(uint64_t table, unsigned level, uint64_t va)
{
    uint64_t entry[PAGE / 8] = {0}, size = PAGE << 9 * (level - 1), offset = 0;

    if (!ram_offset(table, &offset) || !read_ram(offset, entry, sizeof(entry))) {
        return;
    }
    for (unsigned i = 0; i < PAGE / 8; i++, va += size) {
        uint64_t address = entry[i] & PTE_ADDRESS;

        if ((entry[i] & PTE_PRESENT) == 0) {
            continue;
        }
        if (level > 1 && (entry[i] & PTE_LARGE) == 0) {
            walk(address, level - 1, va);
        } else if (ram_offset(address & ~(size - 1), &offset)) {
            add_segment(va, offset, size);
        }
    }
}

/* --- the core file --- */

static void put(int fd, const void *data, size_t size, uint64_t at)
{
    if (pwrite(fd, data, size, (off_t)at) != (ssize_t)size) {
        fail("cannot write the core file: %s", strerror(errno));
    }
}

/* One thread without registers: GDB wants to have some. */
static size_t make_note(char *note)
{
    struct {
        Elf64_Nhdr header;
        char name[8];
        prstatus_t status;
    } __attribute__((packed)) *thread = (void *)note;

    memset(thread, 0, sizeof(*thread));
    thread->header = (Elf64_Nhdr){5, sizeof(prstatus_t), NT_PRSTATUS};
    memcpy(thread->name, "CORE", 5);
    thread->status.pr_pid = 1;
    return sizeof(*thread);
}

static void put_ram(int fd, uint64_t at)
{
    static char chunk[CHUNK], zero[PAGE];

    for (uint64_t offset = 0; offset < guest.ram_size; offset += CHUNK) {
        size_t size = guest.ram_size - offset < CHUNK ? guest.ram_size - offset : CHUNK;

        if (!read_ram(offset, chunk, size)) {
            continue; /* nothing was ever there */
        }
        for (size_t done = 0; done < size; done += PAGE) {
            if (memcmp(chunk + done, zero, PAGE) != 0) {
                put(fd, chunk + done, PAGE, at + offset + done);
            }
        }
    }
}

static void write_core(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    uint64_t headers = (guest.count + 1) * sizeof(Elf64_Phdr),
             note_at = sizeof(Elf64_Ehdr) + headers;
    char note[2048];
    size_t note_size = make_note(note);
    uint64_t ram_at = (note_at + note_size + PAGE - 1) & ~(PAGE - 1);
    Elf64_Ehdr header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                         .e_type = ET_CORE,
                         .e_machine = EM_X86_64,
                         .e_version = EV_CURRENT,
                         .e_phoff = sizeof(header),
                         .e_ehsize = sizeof(header),
                         .e_phentsize = sizeof(Elf64_Phdr),
                         .e_phnum = (Elf64_Half)(guest.count + 1)};
    Elf64_Phdr *list = calloc(guest.count + 1, sizeof(*list));

    if (fd < 0 || list == NULL) {
        fail("cannot make '%s': %s", path, strerror(errno));
    }
    list[0] = (Elf64_Phdr){.p_type = PT_NOTE, .p_offset = note_at, .p_filesz = note_size};
    for (unsigned i = 0; i < guest.count; i++) {
        const struct segment *s = &guest.segments[i];

        list[i + 1] = (Elf64_Phdr){.p_type = PT_LOAD,
                                   .p_flags = PF_R | PF_W | PF_X,
                                   .p_offset = ram_at + s->offset,
                                   .p_vaddr = s->va,
                                   .p_filesz = s->size,
                                   .p_memsz = s->size};
    }
    put(fd, &header, sizeof(header), 0);
    put(fd, list, headers, sizeof(header));
    put(fd, note, note_size, note_at);
    put_ram(fd, ram_at);
    if (ftruncate(fd, (off_t)(ram_at + guest.ram_size)) != 0 || close(fd) != 0) {
        fail("cannot write '%s': %s", path, strerror(errno));
    }
    free(list);
}

static bool is_stopped(int pid)
{
    char path[64], state = '?';
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    file = fopen(path, "re");
    if (file == NULL || fscanf(file, "%*d (%*[^)]) %c", &state) != 1) {
        fail("there is no process %d", pid);
    }
    fclose(file);
    return state == 'T' || state == 't';
}

int main(int argc, char **argv)
{
    int pid = argc == 4 ? atoi(argv[1]) : 0;
    bool stopped;

    if (pid <= 0) {
        fputs("usage: mkcore PID IMAGE CORE\n", stderr);
        return 2;
    }
    guest.segments = calloc(SEGMENTS_MAX, sizeof(*guest.segments));
    if (guest.segments == NULL) {
        fail("out of memory");
    }
    stopped = is_stopped(pid);
    find_ram(pid);
    find_hole(pid);
    kill(pid, SIGSTOP);
    walk(find_root(argv[2]), 4, 0);
    if (guest.count == 0) {
        fail("no page is mapped: is this the image that it runs?");
    }
    write_core(argv[3]);
    if (!stopped) {
        kill(pid, SIGCONT);
    }
    printf("%u segments, %lu MiB of RAM\n", guest.count, (unsigned long)(guest.ram_size >> 20));
    if (guest.left_out > 0) {
        printf("left out: %u pieces, of the highest addresses\n", guest.left_out);
    }
    return 0;
}
