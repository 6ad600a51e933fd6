/* SPDX-License-Identifier: MIT */
/*
 * launch LIBC PROGRAM [ARGS...]
 *
 * Runs a program on Moka's libc.so on Linux: maps LIBC as a kernel maps a
 * program's interpreter, and starts it with a stack whose auxiliary vector has
 * AT_MOKA_SYSCALL pointing at a function that executes SYSCALL.  A static
 * PROGRAM is mapped itself ("-" for LIBC).
 *
 * What the kernel's entry may do to registers, this one does: it spoils all
 * that a call may change, so that a libc that counts on one fails here.  clone
 * and rt_sigreturn are as the kernel's contract says: the child continues
 * behind the call on its new stack, and the frame of a handler is found where
 * it was before the call pushed its return address.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#define AT_MOKA_SYSCALL 0x6d6f6b61
#define PAGE 4096ul

extern char **environ;
void fake_syscall(void);

/*
 * For clone (56) the child finds the return address in r15's place; for
 * rt_sigreturn (15) the return address is dropped.  Spoiled afterwards: the
 * argument registers, r10, r11 and the vector registers.
 */
__asm__(".text\n"
        ".global fake_syscall\n"
        ".type fake_syscall, @function\n"
        "fake_syscall:\n"
        "    cmp $15, %eax\n"
        "    je 2f\n"
        "    cmp $56, %eax\n"
        "    je 3f\n"
        "    syscall\n"
        "1:  mov $0x5a5a5a5a5a5a5a5a, %rcx\n"
        "    mov %rcx, %rdi\n"
        "    mov %rcx, %rsi\n"
        "    mov %rcx, %rdx\n"
        "    mov %rcx, %r8\n"
        "    mov %rcx, %r9\n"
        "    mov %rcx, %r10\n"
        "    mov %rcx, %r11\n"
        "    movq %rcx, %xmm0\n"
        "    punpcklqdq %xmm0, %xmm0\n"
        "    movdqa %xmm0, %xmm1\n"
        "    movdqa %xmm0, %xmm2\n"
        "    movdqa %xmm0, %xmm3\n"
        "    movdqa %xmm0, %xmm4\n"
        "    movdqa %xmm0, %xmm5\n"
        "    movdqa %xmm0, %xmm6\n"
        "    movdqa %xmm0, %xmm7\n"
        "    movdqa %xmm0, %xmm8\n"
        "    movdqa %xmm0, %xmm9\n"
        "    movdqa %xmm0, %xmm10\n"
        "    movdqa %xmm0, %xmm11\n"
        "    movdqa %xmm0, %xmm12\n"
        "    movdqa %xmm0, %xmm13\n"
        "    movdqa %xmm0, %xmm14\n"
        "    movdqa %xmm0, %xmm15\n"
        "    ret\n"
        "2:  add $8, %rsp\n"
        "    syscall\n"
        "    ud2\n"
        /* The return address waits in a register that both sides keep. */
        "3:  push %r12\n"
        "    mov 8(%rsp), %r12\n"
        "    syscall\n"
        "    test %rax, %rax\n"
        "    jz 4f\n"
        "    pop %r12\n"
        "    jmp 1b\n"
        "4:  jmp *%r12\n");

struct image {
    uintptr_t base, entry, headers;
    size_t header_count;
};

static void die(const char *what)
{
    perror(what);
    exit(126);
}

static int protection(unsigned flags)
{
    return (flags & PF_R ? PROT_READ : 0) | (flags & PF_W ? PROT_WRITE : 0) |
           (flags & PF_X ? PROT_EXEC : 0);
}

/* One segment, at its place in the reservation; the rest of its last page is zero. */
static void map_segment(int fd, uintptr_t base, const Elf64_Phdr *segment)
{
    uintptr_t start = base + segment->p_vaddr, skip = start % PAGE;
    uintptr_t file_end = start + segment->p_filesz, end = start + segment->p_memsz;
    uintptr_t file_top = (file_end + PAGE - 1) & -PAGE;

    if (mmap((void *)(start - skip), segment->p_filesz + skip, protection(segment->p_flags),
             MAP_PRIVATE | MAP_FIXED, fd, segment->p_offset - skip) == MAP_FAILED) {
        die("mmap");
    }
    if (end > file_end) {
        memset((void *)file_end, 0, (end < file_top ? end : file_top) - file_end);
    }
    if (end > file_top && mmap((void *)file_top, end - file_top, protection(segment->p_flags),
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED) {
        die("mmap of zeros");
    }
}

static struct image map_image(const char *path)
{
    static Elf64_Ehdr header;
    static Elf64_Phdr segments[32];
    struct image image = {0};
    uintptr_t end = 0;
    void *place;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || pread(fd, &header, sizeof header, 0) != sizeof header || header.e_phnum > 32 ||
        pread(fd, segments, header.e_phnum * sizeof *segments, header.e_phoff) < 0) {
        die(path);
    }
    for (int i = 0; i < header.e_phnum; i++) {
        if (segments[i].p_type == PT_LOAD) {
            end = segments[i].p_vaddr + segments[i].p_memsz;
        }
    }
    if (header.e_type == ET_DYN) {
        place =
            mmap(NULL, end + PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (place == MAP_FAILED) {
            die("mmap of the reservation");
        }
        image.base = (uintptr_t)place;
    }
    for (int i = 0; i < header.e_phnum; i++) {
        if (segments[i].p_type == PT_LOAD) {
            map_segment(fd, image.base, &segments[i]);
            if (segments[i].p_offset == 0) {
                image.headers = image.base + segments[i].p_vaddr + header.e_phoff;
            }
        }
    }
    close(fd);
    image.entry = image.base + header.e_entry;
    image.header_count = header.e_phnum;
    return image;
}

/* Ours, as the kernel gave it to us, with what is the program's replaced. */
static size_t *make_auxv(size_t *to, const struct image *program, const struct image *interpreter,
                         const char *path)
{
    const size_t *from;
    char **end = environ;

    while (*end) {
        end++;
    }
    for (from = (size_t *)(end + 1); from[0]; from += 2, to += 2) {
        to[0] = from[0];
        to[1] = from[1];
        switch (from[0]) {
        case AT_PHDR:
            to[1] = program->headers;
            break;
        case AT_PHNUM:
            to[1] = program->header_count;
            break;
        case AT_BASE:
            to[1] = interpreter ? interpreter->base : 0;
            break;
        case AT_ENTRY:
            to[1] = program->entry;
            break;
        case AT_EXECFN:
            to[1] = (size_t)path;
            break;
        }
    }
    to[0] = AT_MOKA_SYSCALL, to[1] = (size_t)fake_syscall;
    to[2] = to[3] = 0;
    return to + 4;
}

int main(int argc, char **argv)
{
    static size_t words[1 << 16];
    size_t *at = words, *stack;
    struct image program, libc;
    int is_static;

    if (argc < 3) {
        fprintf(stderr, "usage: launch LIBC|- PROGRAM [ARGS...]\n");
        return 126;
    }
    is_static = !strcmp(argv[1], "-");
    program = map_image(argv[2]);
    if (!is_static) {
        libc = map_image(argv[1]);
    }
    *at++ = argc - 2;
    for (int i = 2; i < argc; i++) {
        *at++ = (size_t)argv[i];
    }
    *at++ = 0;
    for (char **e = environ; *e; e++) {
        *at++ = (size_t)*e;
    }
    *at++ = 0;
    at = make_auxv(at, &program, is_static ? NULL : &libc, argv[2]);

    stack = (size_t *)(((uintptr_t)__builtin_alloca((at - words) * sizeof *at + 64)) & -16ul);
    memcpy(stack, words, (at - words) * sizeof *at);
    __asm__ volatile("mov %0, %%rsp\n xor %%edx, %%edx\n jmp *%1"
                     :
                     : "r"(stack), "r"(is_static ? program.entry : libc.entry)
                     : "memory");
    __builtin_unreachable();
}
