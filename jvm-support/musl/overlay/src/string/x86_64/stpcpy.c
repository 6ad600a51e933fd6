/* SPDX-License-Identifier: MIT */
/*
 * stpcpy(); see string_functions.h.
 */
#define _GNU_SOURCE
#include <string.h>

#include "evex.h"

char *__stpcpy(char *restrict to, const char *restrict from)
{
    NEED_EVEX(copy_string_end(to, from), to, from, from);
    return copy_string_end_evex(to, from);
}

weak_alias(__stpcpy, stpcpy);
