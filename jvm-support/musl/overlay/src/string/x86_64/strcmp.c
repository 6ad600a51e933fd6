/* SPDX-License-Identifier: MIT */
/*
 * strcmp(); see string_functions.h.
 */
#define _GNU_SOURCE
#include <string.h>

#include "evex.h"

int strcmp(const char *a, const char *b)
{
    NEED_EVEX(compare(a, b), a, b, b);
    return compare_evex(a, b);
}
