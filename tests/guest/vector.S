/* SPDX-License-Identifier: MIT */
/*
 * long vector_hold(seed, spins): see vector.h.
 *
 * Two blocks of 32 registers of 64 bytes on the stack: what was loaded, and
 * what was found after the spinning.  XCR0 says which registers there are.
 */
#define BLOCK 2048
#define FRAME (2 * BLOCK + 64)

    .macro ZMM_ALL op first
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    .ifc \op, load
    vmovdqu64 (\first + 64 * \n)(%rsp), %zmm\n
    .else
    vmovdqu64 %zmm\n, (\first + 64 * \n)(%rsp)
    .endif
    .endr
    .endm

    .macro YMM_ALL op first
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    .ifc \op, load
    vmovdqu (\first + 64 * \n)(%rsp), %ymm\n
    .else
    vmovdqu %ymm\n, (\first + 64 * \n)(%rsp)
    .endif
    .endr
    .endm

    .macro XMM_ALL op first
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    .ifc \op, load
    movdqu (\first + 64 * \n)(%rsp), %xmm\n
    .else
    movdqu %xmm\n, (\first + 64 * \n)(%rsp)
    .endif
    .endr
    .endm

    /* Values in the red zone and in registers that a call may change. */
    .macro SPIN
    mov %rdi, -8(%rsp)
    mov %rdi, -128(%rsp)
    mov %rdi, %r8
    mov %rdi, %r10
    mov %rdi, %r15
1:  pause
    dec %rsi
    jnz 1b
    mov $1, %eax
    cmp %rdi, -8(%rsp)
    jne 9f
    cmp %rdi, -128(%rsp)
    jne 9f
    mov $2, %eax
    cmp %rdi, %r8
    jne 9f
    cmp %rdi, %r10
    jne 9f
    cmp %rdi, %r15
    jne 9f
    .endm

    .text
    .globl vector_hold
    .type vector_hold, @function
vector_hold:
    push %rbp
    mov %rsp, %rbp
    push %rbx
    push %r15
    and $-64, %rsp
    sub $FRAME, %rsp

    /* The first block: a linear congruential sequence from the seed. */
    mov %rdi, %rax
    mov $6364136223846793005, %rdx
    xor %ecx, %ecx
1:  imul %rdx, %rax
    inc %rax
    mov %rax, (%rsp, %rcx, 8)
    inc %ecx
    cmp $(BLOCK / 8), %ecx
    jne 1b

    /* The x87 stack: three integers. */
    fninit
    fildl (%rsp)
    fildl 8(%rsp)
    fildl 16(%rsp)

    xor %ecx, %ecx
    xgetbv
    mov %eax, %ebx
    test $0x80, %ebx
    jnz avx512
    test $0x04, %ebx
    jnz avx

    XMM_ALL load 0
    SPIN
    XMM_ALL store BLOCK
    mov $2, %r9d                  /* quad words of each register */
    jmp compare
avx:
    YMM_ALL load 0
    SPIN
    YMM_ALL store BLOCK
    mov $4, %r9d
    jmp compare
avx512:
    ZMM_ALL load 0
    kmovw (%rsp), %k1
    kmovw 8(%rsp), %k4
    kmovw 16(%rsp), %k7
    SPIN
    ZMM_ALL store BLOCK
    mov $3, %eax
    kmovw %k1, %ecx
    cmp %cx, (%rsp)
    jne 9f
    kmovw %k4, %ecx
    cmp %cx, 8(%rsp)
    jne 9f
    kmovw %k7, %ecx
    cmp %cx, 16(%rsp)
    jne 9f
    mov $8, %r9d

compare:
    mov $16, %ecx                 /* registers */
    cmp $8, %r9d
    jne 1f
    mov $32, %ecx
1:  xor %edx, %edx                /* offset of the register */
    mov $4, %eax
2:  xor %r8d, %r8d
3:  lea (%rdx, %r8, 8), %r10
    mov (%rsp, %r10), %r11
    cmp BLOCK(%rsp, %r10), %r11
    jne 9f
    inc %r8d
    cmp %r9d, %r8d
    jne 3b
    add $64, %edx
    dec %ecx
    jnz 2b

    /* x87, last in first. */
    mov $5, %eax
    fistpl (2 * BLOCK)(%rsp)
    mov (2 * BLOCK)(%rsp), %ecx
    cmp 16(%rsp), %ecx
    jne 9f
    fistpl (2 * BLOCK)(%rsp)
    mov (2 * BLOCK)(%rsp), %ecx
    cmp 8(%rsp), %ecx
    jne 9f
    fistpl (2 * BLOCK)(%rsp)
    mov (2 * BLOCK)(%rsp), %ecx
    cmp (%rsp), %ecx
    jne 9f
    xor %eax, %eax
9:  fninit
    test $0x04, %ebx
    jz 1f
    vzeroupper
1:  lea -16(%rbp), %rsp
    pop %r15
    pop %rbx
    pop %rbp
    ret

    .section .note.GNU-stack, "", @progbits
