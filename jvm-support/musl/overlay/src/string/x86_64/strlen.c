/* SPDX-License-Identifier: MIT */
/*
 * strlen(); see string_functions.h.
 */
#define _GNU_SOURCE
#include <string.h>

#include "evex.h"

size_t strlen(const char *s)
{
    NEED_EVEX(length(s), s, s, s);
    return length_evex(s);
}
