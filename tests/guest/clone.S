/* SPDX-License-Identifier: MIT */
/* What a C library has in assembly: see signal_app.h. */
    .text

    /* long app_clone(flags, stack, parent_tid, child_tid, fn, arg) */
    .globl app_clone
    .type app_clone, @function
app_clone:
    push %rbx
    push %r12
    mov %r8, %rbx
    mov %r9, %r12
    mov %rcx, %r10
    xor %r8d, %r8d
    mov $56, %eax
    call syscall_entry
    test %rax, %rax
    jz 1f
    pop %r12
    pop %rbx
    ret
1:  xor %ebp, %ebp
    and $-16, %rsp
    mov %r12, %rdi
    call *%rbx
    mov %eax, %edi
    mov $60, %eax
    call syscall_entry
    ud2

    .globl app_restorer, app_restorer_insn
app_restorer:
    mov $15, %eax
    call syscall_entry
    ud2
app_restorer_insn:
    mov $15, %eax
    syscall
    ud2

    /* long app_syscall_insn(nr, a0, a1, a2): 0x1000 too much if a register was lost. */
    .globl app_syscall_insn
    .type app_syscall_insn, @function
app_syscall_insn:
    mov %rdi, %rax
    mov %rsi, %rdi
    mov %rdx, %rsi
    mov %rcx, %rdx
    movq %rsp, %xmm7
    mov $0x1234, %r8d
    mov $0x5678, %r9d
    mov $0x9abc, %r10d
    syscall
    movq %xmm7, %rcx
    cmp %rcx, %rsp
    jne 2f
    cmp $0x1234, %r8d
    jne 2f
    cmp $0x5678, %r9d
    jne 2f
    cmp $0x9abc, %r10d
    jne 2f
    ret
2:  add $0x1000, %rax
    ret

    .globl app_fault_load, app_fault_next
    .type app_fault_load, @function
app_fault_load:
    mov (%rdi), %rax
app_fault_next:
    ret

    .section .note.GNU-stack, "", @progbits
