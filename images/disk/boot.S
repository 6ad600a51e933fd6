/* SPDX-License-Identifier: MIT */
/*
 * How a disk boots by itself, on a PC with a BIOS (SeaBIOS in QEMU):
 *
 *   the boot sector   reads the loader, by one call of the BIOS
 *   the loader        reads the kernel to where it is linked to be loaded,
 *                     writes a PVH start info (the memory map of the BIOS, the
 *                     command line, the ACPI tables' place), and enters the
 *                     kernel as QEMU's -kernel does
 *
 * layout.h says where all that is; the tool fills in the numbers when it makes
 * a disk.  The BIOS copies above 1 MiB (INT 15h, AH=87h), so there is no more
 * than one way from real mode to protected mode here.
 *
 * BIOS calls: Enhanced Disk Drive Specification (INT 13h, AH=42h), ACPI 6.5
 * chapter 15.1 (INT 15h, E820h).  Start info: Xen, hvm/start_info.h.
 */
#include "layout.h"

#define COM1 0x3f8

#define BOUNCE 0x10000          /* below 1 MiB, for the BIOS to read to */
#define BOUNCE_SECTORS 64
#define MEMMAP 0x6000           /* 24 bytes an entry */
#define MEMMAP_ENTRIES 64
#define START_INFO 0x5f00
#define PVH_MAGIC 0x336ec578
#define SMAP 0x534d4150
#define MIB 0x100000

    .code16
    .section .text
sector:
    ljmp $0, $0x7c00 + begin - sector
begin:
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %ss
    mov $0x7c00, %sp
    cld
    mov $0x7c00 + first_packet - sector, %si
    mov $0x42, %ah
    int $0x13
    mov $0x7c00 + cannot_read - sector, %si
    jc die
    cmpl $DISK_MAGIC, DISK_LOADER_AT + DISK_HEADER_AT
    mov $0x7c00 + no_loader - sector, %si
    jne die
    ljmp $0, $DISK_LOADER_AT

    /* Says the text at si and stops: there is nothing else to boot. */
die:
    mov $COM1, %dx
1:  lodsb
    test %al, %al
    jz 2f
    out %al, %dx
    jmp 1b
2:  hlt
    jmp 2b

cannot_read:
    .asciz "moka: the BIOS cannot read the disk\r\n"
no_loader:
    .asciz "moka: the disk is cut short: where its loader should be is something else\r\n"

    .org DISK_LOADER_SECTOR_AT - 8
first_packet:
    .byte 16, 0
    .word DISK_LOADER_SIZE / DISK_SECTOR
    .word DISK_LOADER_AT, 0
    .quad 0                     /* DISK_LOADER_SECTOR_AT */

    .org 510
    .byte 0x55, 0xaa

#define AT(label) (DISK_LOADER_AT + label - loader)
loader:
    jmp load
    .org DISK_SECTOR + DISK_HEADER_AT
header:
    .long DISK_MAGIC
    .long 0, 0, 0, 0            /* kernel, recipe: for the tool */
entry:
    .long 0
clear:
    .long 0
clear_end:
    .long 0
pieces:
    .fill DISK_PIECES * 12, 1, 0
cmdline:
    .fill DISK_CMDLINE, 1, 0

load:
    mov %dl, AT(drive)
    mov $0x2401, %ax            /* address line 20 on, if it can be off at all */
    int $0x15
    call read_memory_map
    mov $AT(pieces), %bx
    mov $DISK_PIECES, %cx
1:  push %cx
    call read_piece
    pop %cx
    add $12, %bx
    loop 1b
    cli
    lgdtl AT(gdt_pointer)
    mov $0x11, %eax             /* CR0: ET, PE */
    mov %eax, %cr0
    ljmpl $0x08, $AT(protected)

    /* What INT 15h, E820h says, as PVH has it: the same entries and 4 bytes more. */
read_memory_map:
    mov $MEMMAP, %di
    xor %ebx, %ebx
1:  mov $0xe820, %eax
    mov $SMAP, %edx
    mov $20, %ecx
    int $0x15
    jc 2f
    cmp $SMAP, %eax
    jne 2f
    movl $0, 20(%di)
    add $24, %di
    incl AT(map_entries)
    cmpl $MEMMAP_ENTRIES, AT(map_entries)
    je 2f
    test %ebx, %ebx
    jnz 1b
2:  ret

    /* bx: struct disk_piece, which is used up.  Through the bounce buffer, in steps. */
read_piece:
    mov 4(%bx), %eax
    test %eax, %eax
    jz 2f
    cmp $BOUNCE_SECTORS, %eax
    jbe 1f
    mov $BOUNCE_SECTORS, %eax
1:  mov %ax, AT(packet_count)
    mov (%bx), %edx
    mov %edx, AT(packet_sector)
    add %eax, (%bx)
    sub %eax, 4(%bx)
    push %eax
    mov $AT(packet), %si
    mov AT(drive), %dl
    mov $0x42, %ah
    int $0x13
    mov $AT(kernel_unread), %si
    jc die
    mov 8(%bx), %eax
    mov %ax, AT(copy_to)
    shr $16, %eax
    mov %al, AT(copy_to) + 2
    mov %ah, AT(copy_to) + 5
    pop %eax
    shl $8, %eax                /* 16-bit words */
    mov %ax, %cx
    shl $1, %eax
    add %eax, 8(%bx)
    mov $AT(copy_table), %si
    mov $0x87, %ah
    int $0x15
    mov $AT(not_copied), %si
    jc die
    jmp read_piece
2:  ret

    .code32
protected:
    mov $0x10, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    cld
    mov AT(clear), %edi
    mov AT(clear_end), %ecx
    sub %edi, %ecx
    add $3, %ecx                /* what lies behind is not in use */
    shr $2, %ecx
    xor %eax, %eax
    rep stosl
    call find_acpi
    mov $START_INFO, %ebx
    movl $PVH_MAGIC, (%ebx)
    movl $1, 4(%ebx)
    movl $AT(cmdline), 24(%ebx)
    mov %esi, 32(%ebx)
    movl $MEMMAP, 40(%ebx)
    mov AT(map_entries), %eax
    mov %eax, 48(%ebx)
    jmp *AT(entry)

    /* ACPI 6.5, 5.2.5.1: the pointer is in the BIOS's read-only memory.  esi; 0: none. */
find_acpi:
    mov $START_INFO, %edi
    mov $14, %ecx
    rep stosl
    mov $0xe0000, %esi
1:  cmpl $0x20445352, (%esi)    /* "RSD " */
    jne 2f
    cmpl $0x20525450, 4(%esi)   /* "PTR " */
    je 3f
2:  add $16, %esi
    cmp $MIB, %esi
    jb 1b
    xor %esi, %esi
3:  ret

kernel_unread:
    .asciz "moka: the BIOS cannot read the kernel from the disk\r\n"
not_copied:
    .asciz "moka: the BIOS cannot copy above 1 MiB\r\n"

    .balign 8
packet:
    .byte 16, 0
packet_count:
    .word 0
    .word 0, BOUNCE >> 4
packet_sector:
    .quad 0
map_entries:
    .long 0
drive:
    .byte 0

    .balign 8
copy_table:                     /* two for the BIOS, from, to, two for the BIOS */
    .quad 0, 0
    .word 0xffff, BOUNCE & 0xffff
    .byte BOUNCE >> 16, 0x93, 0, 0
    .word 0xffff
copy_to:
    .word 0
    .byte 0, 0x93, 0, 0
    .quad 0, 0

    .balign 8
gdt:
    .quad 0
    .quad 0x00cf9b000000ffff    /* 08: code, 32 bits, 4 GiB */
    .quad 0x00cf93000000ffff    /* 10: data */
gdt_pointer:
    .word gdt_pointer - gdt - 1
    .long AT(gdt)

    .org DISK_SECTOR + DISK_LOADER_SIZE

    .section .note.GNU-stack, "", @progbits
