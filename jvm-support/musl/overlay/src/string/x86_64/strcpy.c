/* SPDX-License-Identifier: MIT */
/*
 * strcpy(); see string_functions.h.
 */
#define _GNU_SOURCE
#include <string.h>

#include "evex.h"

char *strcpy(char *restrict to, const char *restrict from)
{
    NEED_EVEX(copy_string(to, from), to, from, from);
    return copy_string_evex(to, from);
}
