/* SPDX-License-Identifier: MIT */
/*
 * The interface of the host module kvm_pvm, as found by probing it from a
 * guest; for C and assembly.  See docs/platforms.md.
 */
#pragma once

#define MSR_PVM_NATIVE 0x4b564d10    /* page | flags: run ring 0 on the CPU */
#define MSR_PVM_SIGNATURE 0x4b564d11 /* reads PVM_SIGNATURE */
#define PVM_SIGNATURE 0x4d5650
#define PVM_STORE_CR2 0x10 /* flag: CR2 goes to the page, at 8 */

/* The hardware's selectors while the guest's CS is 0x10 and SS 0x18. */
#define PVM_HW_CS 0x33
#define PVM_HW_SS 0x2b
#define PVM_GUEST_CS 0x10
#define PVM_GUEST_SS 0x18

/* Offsets in struct cpu; see kernel/cpu.h. */
#ifdef __ASSEMBLER__
#define CPU_IRQ_ENABLED 0
#define CPU_IRQ_PENDING 1
#define CPU_SELF 128
#define CPU_CURRENT 136
#define CPU_KSTACK_TOP 144
#define CPU_SCRATCH 152
#define CPU_ID 160
#define CPU_PHYSICAL 168
#define CPU_NEED_RESCHED 176
#endif
