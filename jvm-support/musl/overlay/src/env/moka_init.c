/* SPDX-License-Identifier: MIT */
/*
 * The program's arguments; see moka_init.h.
 */
#include "moka_init.h"

int __moka_argc;
char **__moka_argv;
