/* SPDX-License-Identifier: MIT */
/*
 * The first thing a program does, in the dynamic loader (__dls2) and in a
 * static program (__init_libc): to take the address of the kernel's entry from
 * the auxiliary vector.  Inline, because the loader cannot yet call functions
 * that need relocation.
 */
#ifndef MOKA_SYSCALL_H
#define MOKA_SYSCALL_H

#include <stddef.h>

#include "syscall_arch.h"

#define AT_MOKA_SYSCALL 0x6d6f6b61 /* "moka": no type that Linux has or will have */

static inline void moka_syscall_init(const size_t *auxv)
{
    for (; auxv[0]; auxv += 2) {
        if (auxv[0] == AT_MOKA_SYSCALL) {
            __moka_syscall = (void *)auxv[1];
        }
    }
}

#endif
