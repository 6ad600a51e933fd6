/* SPDX-License-Identifier: MIT */
/*
 * The only instructions of the kernel that may fault for good.  Each is named
 * in the section .fixup with the place to go on at, uaccess_failed, which
 * returns -EFAULT to the caller; so the functions keep nothing on the stack.
 */
#define EFAULT 14

    .macro may_fault
.Lmay_fault_\@:
    .pushsection .fixup, "a", @progbits
    .balign 8
    .quad .Lmay_fault_\@, uaccess_failed
    .popsection
    .endm

    .text

/*
 * int uaccess_copy(void *dst, const void *src, size_t size)
 *
 * REP takes some ten nanoseconds to begin, so what is small goes by words;
 * the last word may overlap the one before it.
 */
    .globl uaccess_copy
    .type uaccess_copy, @function
uaccess_copy:
    cmp $128, %rdx
    ja 4f
    cmp $8, %rdx
    jb 3f
    lea -8(%rdx), %rcx            /* where the last word begins */
    xor %eax, %eax
1:  cmp %rcx, %rax
    jae 2f
    may_fault
    mov (%rsi, %rax), %r8
    may_fault
    mov %r8, (%rdi, %rax)
    add $8, %rax
    jmp 1b
2:  may_fault
    mov (%rsi, %rcx), %r8
    may_fault
    mov %r8, (%rdi, %rcx)
    xor %eax, %eax
    ret
3:  test %rdx, %rdx
    jz 5f
    may_fault
    movb -1(%rsi, %rdx), %al
    may_fault
    movb %al, -1(%rdi, %rdx)
    dec %rdx
    jmp 3b
4:  mov %rdx, %rcx
    may_fault
    rep movsb
5:  xor %eax, %eax
    ret
    .size uaccess_copy, . - uaccess_copy

/* int uaccess_load_u32(const u32 *addr, u32 *value) */
    .globl uaccess_load_u32
    .type uaccess_load_u32, @function
uaccess_load_u32:
    may_fault
    mov (%rdi), %eax
    mov %eax, (%rsi)
    xor %eax, %eax
    ret
    .size uaccess_load_u32, . - uaccess_load_u32

/* int uaccess_cmpxchg_u32(u32 *addr, u32 expected, u32 desired, u32 *old) */
    .globl uaccess_cmpxchg_u32
    .type uaccess_cmpxchg_u32, @function
uaccess_cmpxchg_u32:
    mov %esi, %eax
    may_fault
    lock cmpxchg %edx, (%rdi)
    mov %eax, (%rcx)
    xor %eax, %eax
    ret
    .size uaccess_cmpxchg_u32, . - uaccess_cmpxchg_u32

    .type uaccess_failed, @function
uaccess_failed:
    mov $-EFAULT, %eax
    ret
    .size uaccess_failed, . - uaccess_failed

    .section .note.GNU-stack, "", @progbits
