/* SPDX-License-Identifier: MIT */
/*
 * strncmp(); see string_functions.h.
 */
#define _GNU_SOURCE
#include <string.h>

#include "evex.h"

int strncmp(const char *a, const char *b, size_t n)
{
    NEED_EVEX(compare_n(a, b, n), a, b, n);
    return compare_n_evex(a, b, n);
}
