/* SPDX-License-Identifier: MIT */
/*
 * The end of the machine.
 *
 * machine_exit() hands a status to QEMU's isa-debug-exit device (QEMU then
 * exits with (status << 1) | 1).  The statuses are part of the interface of
 * the images: scripts read them.
 */
#pragma once

#include <kernel/types.h>

enum exit_status {
    EXIT_OK = 0x10,     /* QEMU's status 33: all well */
    EXIT_FAILED = 0x11, /* 35: the image ran and reports failure */
    EXIT_PANIC = 0x12,  /* 37: panic */
    EXIT_CONFIG = 0x13, /* 39: too little memory, missing feature, bad command line */
};

noreturn void machine_exit(enum exit_status status);

struct trap_frame;

/*
 * Prints the cause, registers (of `frame` if not NULL), a backtrace of every
 * CPU and the last trace events, then ends the machine with EXIT_PANIC.
 * Any context, also with locks held and on any stack of at least 2 KiB.
 */
noreturn void panic(const char *fmt, ...) printf_like(1, 2);
noreturn void panic_frame(const struct trap_frame *frame, const char *fmt, ...) printf_like(2, 3);

/*
 * For faults of the environment at start-up: one line that names the cause
 * and the remedy, then EXIT_CONFIG.
 */
noreturn void config_error(const char *fmt, ...) printf_like(1, 2);

/* Called on a CPU by NMI while another panics: saves its state and stops. */
noreturn void panic_stop_cpu(const struct trap_frame *frame);
/* Whether a panic is under way (NMI handlers ask). */
bool panic_active(void);
