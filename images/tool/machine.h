/* SPDX-License-Identifier: MIT */
/* A machine that runs: between exec.c and its parts. */
#pragma once

#include "tool.h"

#include <sys/types.h>

enum port {
    PORT_STDIN,
    PORT_STDOUT,
    PORT_STDERR,
    PORT_CONTROL,
    PORT_SERIAL,
    PORT_MONITOR, /* what QEMU itself says: no port */
    PORTS
};

struct machine {
    pid_t pid;
    int ours[PORTS], theirs[PORTS];
    int image, spec, libc, signals;
    struct log serial, qemu;
    const char *end; /* what the guest said of its program's end */
    int wait_status;
    bool ended, killed;
    int last_signal;
    long long last_signal_at, killed_at;
};

/* command.c: how QEMU is started; or prints that and ends. */
struct words command_make(const struct machine *machine, const struct options *options,
                          const struct places *places);
void command_print(const struct machine *machine, const struct options *options,
                   const struct places *places) __attribute__((noreturn));

/* result.c: our status; says on stderr what is to be said. */
int machine_result(const struct machine *machine, const struct options *options);
