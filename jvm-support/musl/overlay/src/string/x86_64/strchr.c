/* SPDX-License-Identifier: MIT */
/*
 * strchr(); see string_functions.h.
 */
#define _GNU_SOURCE
#include <string.h>

#include "evex.h"

char *strchr(const char *s, int c)
{
    NEED_EVEX(find_char(s, c), s, c, c);
    return find_char_evex(s, c);
}
