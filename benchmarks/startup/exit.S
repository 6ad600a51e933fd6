/* SPDX-License-Identifier: MIT */
/*
 * A boot ROM that ends QEMU with its first instructions: what is measured with
 * it in place of ours (images/rom) is what QEMU itself takes, with the same
 * devices and memory.
 */
#define DEBUG_EXIT 0xf4

    .code16
    .section .text
rom:
    .fill 0xfff0 - (. - rom), 1, 0xf4
reset:
    mov $0x10, %al
    out %al, $DEBUG_EXIT
1:  hlt
    jmp 1b
    .fill 0x10000 - (. - rom), 1, 0xf4
