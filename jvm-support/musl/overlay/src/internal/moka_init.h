/* SPDX-License-Identifier: MIT */
/*
 * glibc gives the program's arguments to the initialisation functions of the
 * program and its libraries; Rust's library takes them there.
 */
#ifndef MOKA_INIT_H
#define MOKA_INIT_H

#include <features.h>
#include <stdint.h>
#include <unistd.h>

extern hidden int __moka_argc;
extern hidden char **__moka_argv;

static inline void moka_call_init(uintptr_t function)
{
    ((void (*)(int, char **, char **))function)(__moka_argc, __moka_argv, __environ);
}

#endif
