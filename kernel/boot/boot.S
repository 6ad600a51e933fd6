/* SPDX-License-Identifier: MIT */
/*
 * From the loader to C, on the first CPU and on the others.
 *
 * The first CPU arrives in 32-bit protected mode without paging: from QEMU's
 * -kernel by PVH (ebx = hvm_start_info), or from our own ROM (ebx = 0).  The
 * others arrive in real mode at a page below 1 MiB that smp.c copies
 * ap_trampoline to.
 *
 * On kvm_pvm every instruction is interpreted (about a microsecond each)
 * until MSR_PVM_NATIVE is written in 64-bit mode.  So the first page tables
 * and descriptor tables are static data and that write comes early.
 *
 * The image is linked at other addresses than it is loaded at (image_place.h).
 * Code that runs before paging names memory by LOADED(symbol).
 */
#include "../platform/kvm_pvm/pvm_host.h"
#include <kernel/image_place.h>

#define MSR_EFER 0xc0000080
#define EFER_BITS 0x901           /* NXE, LME, SCE */
#define CR4_BITS 0x620            /* OSXMMEXCPT, OSFXSR, PAE */
#define CR0_BITS 0x80010033       /* PG, WP, NE, ET, MP, PE */
#define CODE32 0x08
#define CODE64 0x10
#define DATA 0x18
#define LEAF_2M 0xe7              /* present, write, user, accessed, dirty, large */
#define TABLE 0x67                /* present, write, user, accessed, dirty */
#define LOADED(symbol) ((symbol) - KERNEL_OFFSET)

    /* Tells the loader where the 32-bit entry is: XEN_ELFNOTE_PHYS32_ENTRY. */
    .section .note.pvh, "a", @note
    .balign 4
    .long 4, 4, 18
    .asciz "Xen"
    .long LOADED(pvh_start)

    .section .boot, "ax", @progbits
    .code32
    .globl pvh_start
pvh_start:
    cli
    cld
    mov %ebx, %esi
    rdtsc
    mov %eax, LOADED(boot_tsc)
    mov %edx, LOADED(boot_tsc + 4)
    lgdt LOADED(loaded_gdt_pointer)
    mov $LOADED(boot_stack_top), %esp
    call enter_long_mode
    ljmp $CODE64, $start64

    /* Paging and long mode with the boot tables.  Clobbers eax, ecx, edx. */
enter_long_mode:
    mov $LOADED(boot_pml4), %eax
    mov %eax, %cr3
    mov $CR4_BITS, %eax
    mov %eax, %cr4
    mov $MSR_EFER, %ecx
    mov $EFER_BITS, %eax
    xor %edx, %edx
    wrmsr
    mov $CR0_BITS, %eax
    mov %eax, %cr0
    ret

    .code64
start64:
    mov $boot_stack_top, %esp
    lgdt boot_gdt_pointer
    mov $DATA, %eax
    mov %eax, %ss
    mov %eax, %ds
    mov %eax, %es
    mov $boot_cpu, %ebx
    mov $LOADED(boot_cpu), %edx
    call go_native
    mov %al, platform_is_pvm
    mov %esi, %edi
    xor %ebp, %ebp
    push %rbp                     /* ends the backtrace */
    call os_main
    ud2

    /*
     * rdx = physical address of this CPU's struct cpu.  If the host is
     * kvm_pvm, asks it to run ring 0 on the CPU; al = 1 then.  Elsewhere the
     * RDMSR raises #GP, which the little IDT catches.
     */
go_native:
    mov %rdx, %r8
    lidt early_idt_pointer
    mov $MSR_PVM_SIGNATURE, %ecx
    xor %eax, %eax
    rdmsr
    cmp $PVM_SIGNATURE, %eax
    mov $0, %eax
    jne 1f
    mov $MSR_PVM_NATIVE, %ecx
    lea PVM_STORE_CR2(%r8), %rax
    mov %rax, %rdx
    shr $32, %rdx
    wrmsr                         /* native from the next instruction on */
    mov $1, %eax
1:  ret

early_gp:                         /* skips the 2-byte RDMSR */
    xor %eax, %eax
    add $8, %rsp
    addq $2, (%rsp)
    iretq

    /*
     * Another CPU, in real mode at some page below 1 MiB.  One at a time:
     * ap_cpu is the struct cpu that smp.c has prepared for this one, and the
     * next is started when it is taken.  (CPUs that wait for each other here
     * would be interpreted as they do, at the cost of the one they wait for.)
     */
    .code16
    .globl ap_trampoline, ap_trampoline_end
ap_trampoline:
    cli
    mov %cs, %ax
    mov %ax, %ds
    lgdtl ap_gdt_pointer - ap_trampoline
    mov $0x11, %eax               /* ET, PE */
    mov %eax, %cr0
    ljmpl $CODE32, $LOADED(ap_start32)
    .balign 4
ap_gdt_pointer:
    .word boot_gdt_end - boot_gdt - 1
    .long LOADED(boot_gdt)
ap_trampoline_end:

    .code32
ap_start32:
    mov $DATA, %eax
    mov %eax, %ds
    mov %eax, %ss
    mov $LOADED(ap_boot_stack_top), %esp
    call enter_long_mode
    ljmp $CODE64, $ap_start64

    .code64
ap_start64:
    mov $ap_boot_stack_top, %esp
    lgdt boot_gdt_pointer
    mov ap_main_root, %rax        /* the kernel's own page tables */
    mov %rax, %cr3
    mov ap_cpu, %rbx
    mov CPU_PHYSICAL(%rbx), %rdx
    call go_native
    mov CPU_KSTACK_TOP(%rbx), %rsp
    movq $0, ap_cpu               /* taken */
    mov %rbx, %rdi
    xor %ebp, %ebp
    push %rbp
    call ap_main
    ud2

    .balign 16
    .globl boot_gdt
boot_gdt:                         /* accessed bits set: nothing writes here */
    .quad 0
    .quad 0x00cf9b000000ffff      /* 08: code, 32 bits */
    .quad 0x00af9b000000ffff      /* 10: code, 64 bits */
    .quad 0x00cf93000000ffff      /* 18: data */
    .quad 0x00cffb000000ffff      /* 20: user code, 32 bits */
    .quad 0x00cff3000000ffff      /* 28: user data, hardware's 2b on kvm_pvm */
    .quad 0x00affb000000ffff      /* 30: user code, hardware's 33 on kvm_pvm */
boot_gdt_end:
boot_gdt_pointer:
    .word boot_gdt_end - boot_gdt - 1
    .quad boot_gdt
loaded_gdt_pointer:
    .word boot_gdt_end - boot_gdt - 1
    .long LOADED(boot_gdt)

    .balign 16
early_idt:                        /* gates 0 to 13; only #GP is filled */
    .fill 13 * 16, 1, 0
    .word early_gp - pvh_start    /* .boot is the first of the image */
    .word CODE64
    .byte 0, 0x8e
    .word KERNEL_START >> 16
    .long 0, 0
early_idt_pointer:
    .word early_idt_pointer - early_idt - 1
    .quad early_idt

    /*
     * The low 4 GiB of memory (the loader data, firmware tables) at BOOT_WINDOW;
     * the first of them one to one too, for the code that turns paging on; and
     * the image where it is linked.
     */
    .section .data.page, "aw", @progbits
    .balign 4096
boot_pml4:
    .quad LOADED(boot_pdpt) + TABLE
    .fill 511, 8, 0
boot_pdpt:
    .quad LOADED(boot_pd) + TABLE, LOADED(image_pd) + TABLE, 0, 0
    .set window, 0
    .rept 4
    .quad LOADED(boot_pd) + (window << 12) + TABLE
    .set window, window + 1
    .endr
    .fill 504, 8, 0
boot_pd:
    .set window, 0
    .rept 2048
    .quad (window << 21) + LEAF_2M
    .set window, window + 1
    .endr
image_pd:                         /* from 1 to 2 GiB */
    .set window, 0x40000000
    .rept 512
    .if window >= KERNEL_START
    .quad window - KERNEL_OFFSET + LEAF_2M
    .else
    .quad 0
    .endif
    .set window, window + 0x200000
    .endr

    .data
    .balign 8
    .globl boot_tsc, platform_is_pvm, ap_cpu, ap_main_root
boot_tsc:
    .quad 0
ap_main_root:
    .quad 0
ap_cpu:
    .quad 0
platform_is_pvm:
    .byte 0

    .section .bss.page, "aw", @nobits
    .balign 16384
    .globl boot_stack_top
    .skip 16384
boot_stack_top:
    .skip 1024
    .balign 16
ap_boot_stack_top:

    .section .note.GNU-stack, "", @progbits
