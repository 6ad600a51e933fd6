/* SPDX-License-Identifier: MIT */
/*
 * The boot ROM: 64 KiB in place of a firmware, that does nothing but enter
 * protected mode and jump to the kernel, which QEMU has already put in
 * memory:
 *
 *     qemu-system-x86_64 -machine microvm -bios moka.rom -kernel moka.elf ...
 *
 * Where the CPU's first instructions are interpreted (kvm_pvm) a firmware
 * takes from 30 ms (qboot) to 6 s (SeaBIOS on q35); this takes none.  The
 * kernel asks QEMU for what a firmware would have told it (kernel/boot/fwcfg.c).
 *
 * The state it hands over is PVH's, but for ebx = 0: no start info.  The ROM
 * does not know the ELF's entry point: the kernel is linked so that it is its
 * first byte.
 *
 * Without a kernel in memory, or with less memory than its image takes, the
 * CPU would run through zeroes for ever: so both are looked at.
 */
#define KERNEL 0x200000         /* images/kernel.ld: where the image begins */
#define KERNEL_LAST 0x5ffffc    /* and the last word it may have */
#define ROM 0xffff0000          /* the last 64 KiB below 4 GiB */
#define COM1 0x3f8
#define DEBUG_EXIT 0xf4
#define EXIT_CONFIG 0x13        /* kernel/panic.h */

    .code16
    .section .text
rom:
    cli
    lgdtl %cs:(gdt_pointer - rom)
    mov $0x11, %eax             /* CR0: ET, PE */
    mov %eax, %cr0
    ljmpl $0x08, $(ROM + protected - rom)

    .code32
protected:
    mov $0x10, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    notl KERNEL_LAST            /* does it keep what is written? */
    mov KERNEL_LAST, %ecx
    notl KERNEL_LAST
    not %ecx
    cmp KERNEL_LAST, %ecx
    jne fail
    cmpl $0, KERNEL
    je fail
    xor %ebx, %ebx
    mov $KERNEL, %eax
    jmp *%eax

fail:
    mov $(ROM + message - rom), %esi
    mov $(message_end - message), %ecx
    mov $COM1, %edx
    cld
    rep outsb
    mov $EXIT_CONFIG, %eax
    out %eax, $DEBUG_EXIT
1:  hlt
    jmp 1b

message:
    .ascii "moka.rom: no kernel in memory: QEMU needs -kernel and at least -m 16M\n"
message_end:

    .balign 8
gdt:
    .quad 0
    .quad 0x00cf9b000000ffff    /* 08: code, 32 bits, 4 GiB */
    .quad 0x00cf93000000ffff    /* 10: data */
gdt_pointer:
    .word gdt_pointer - gdt - 1
    .long ROM + gdt - rom

    /* Where the CPU begins: Intel SDM 3A 9.1.4. */
    .org 0xfff0
    .code16
    jmp rom
    .org 0xffff
    .byte 0

    .section .note.GNU-stack, "", @progbits
