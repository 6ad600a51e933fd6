/* SPDX-License-Identifier: MIT */
/*
 * The one copy of the address of the kernel's entry; see syscall_arch.h.
 */
#include "moka_syscall.h"

void *__moka_syscall;
