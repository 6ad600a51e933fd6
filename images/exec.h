/* SPDX-License-Identifier: MIT */
/* The parts of the release image that run a program. */
#pragma once

#include "exec_spec.h"

/*
 * Runs the program that the host names (exec_spec.h) and ends the machine.
 * Thread context.
 */
noreturn void exec_main(void);

/* exec_mount.c: the root; then, the tree of names as the program will see it; or config_error(). */
void exec_mount_root(void);
void exec_mount(const struct exec_spec *spec);

/* exec_ahead.c: begins to read what the program will; `spec` stays for good. */
void exec_read_ahead(const struct exec_spec *spec);

/* exec_stdio.c: descriptors 0 to 2; or config_error(). */
void exec_open_stdio(const struct exec_spec *spec);
/* What the program has written is with the host. */
void exec_drain_stdio(void);

/* exec_terminal.c: the terminal is the host's, and input comes from there.  Before the above. */
void exec_start_terminal(const struct exec_spec *spec);

/* exec_control.c: from now on the host's signals reach the program. */
void exec_listen(void);
/* The host's terminal is as the first `count` settings of it were, or there is no host. */
void exec_await_settled(u32 count);
/* exec_attach.c: a line "attach HEX" of the host; empty: the request is whole. */
void exec_attach(const char *hex, size_t len);
/* One line for the host, at most 256 bytes: how the program ended. */
void exec_report(const char *fmt, ...) printf_like(1, 2);
