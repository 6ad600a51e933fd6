/* SPDX-License-Identifier: MIT */
/*
 * Two ELF files, as test_exec.c writes them into the tree: program_dynamic
 * names /interp as its interpreter and must not run itself; program_plain
 * checks its data and bss, finds the kernel in the auxiliary vector, and
 * leaves with 40 + argc.
 */
#define AT_MOKA_SYSCALL 0x6d6f6b61

#define ELF_HEADER(start, phdrs) \
    .byte 0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0; \
    .short 3, 62; \
    .long 1; \
    .quad start, 64, 0; \
    .long 0; \
    .short 64, 56, phdrs, 0, 0, 0
#define PHDR(type, flags, offset, vaddr, filesz, memsz, align) \
    .long type, flags; \
    .quad offset, vaddr, vaddr, filesz, memsz, align

    .section .rodata
    .balign 8
    .globl program_plain, program_plain_end
program_plain:
    ELF_HEADER(start - program_plain, 2)
    PHDR(1, 5, 0, 0, data - program_plain, data - program_plain, 0x1000)
    PHDR(1, 6, data - program_plain, 0x1000 + data - program_plain, program_plain_end - data, 0x3000, 0x1000)
start:
    mov (%rsp), %rdi
    lea 16(%rsp, %rdi, 8), %rsi   /* envp */
1:  lodsq
    test %rax, %rax
    jnz 1b
2:  lodsq
    mov %rax, %rdx
    lodsq
    cmp $AT_MOKA_SYSCALL, %rdx
    je 3f
    test %rdx, %rdx
    jnz 2b
    ud2
3:  mov %rax, %rbx
    cmpq $0x1234, (0x1000 + data)(%rip)
    jne 4f
    cmpq $0, (0x1000 + program_plain_end)(%rip)
    jne 4f
    incq (0x3000 + data)(%rip)
    cmpq $1, (0x3000 + data)(%rip)
    jne 4f
    add $40, %edi
    mov $231, %eax
    call *%rbx
4:  ud2
    .balign 8
data:
    .quad 0x1234
program_plain_end:

    .globl program_dynamic, program_dynamic_end
    .balign 8
program_dynamic:
    ELF_HEADER(never - program_dynamic, 2)
    PHDR(3, 4, interp - program_dynamic, interp - program_dynamic, 8, 8, 1)
    PHDR(1, 5, 0, 0, program_dynamic_end - program_dynamic, program_dynamic_end - program_dynamic, 0x1000)
never:
    ud2
interp:
    .asciz "/interp"
program_dynamic_end:

    .section .note.GNU-stack, "", @progbits
