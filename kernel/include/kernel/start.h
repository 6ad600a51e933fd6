/* SPDX-License-Identifier: MIT */
/*
 * Start-up, step by step.  images/main.c holds the list of calls; each of
 * these is one line of it.  All run on CPU 0 in this order.
 */
#pragma once

#include <kernel/types.h>

/* Declared here, defined in images/: what boot.S jumps to. */
noreturn void os_main(paddr_t start_info);

/* Descriptor tables, GS base, control registers: no console yet. */
void cpu_init_boot(void);
/* Ends with config_error() if the CPU lacks what the kernel needs. */
void cpu_check_features(void);
/* The final page tables: kernel image, direct map; then the frame allocator. */
void memory_init(void);
/* Local APIC, timer, I/O APICs masked.  Needs kernel_map_device(). */
void apic_init(void);
/* Starts the first of the other CPUs; smp_wait() the rest, until all are online. */
must_check int smp_start(void);
must_check int smp_wait(void);

/* Ends of the kernel image, from the linker script. */
extern char kernel_text_start[], kernel_code_end[], kernel_text_end[];
extern char kernel_data_start[], kernel_end[];

/* TSC when the first instruction of the kernel ran. */
extern u64 boot_tsc;

/* Leaves the boot stack for one with a guard; fn does not return. */
noreturn void cpu_run_on_stack(u64 stack_top, void (*fn)(void *arg), void *arg);
