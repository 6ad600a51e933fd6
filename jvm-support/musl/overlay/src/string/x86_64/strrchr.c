/* SPDX-License-Identifier: MIT */
/*
 * strrchr(); see string_functions.h.
 */
#define _GNU_SOURCE
#include <string.h>

#include "evex.h"

char *strrchr(const char *s, int c)
{
    NEED_EVEX(find_last_char(s, c), s, c, c);
    return find_last_char_evex(s, c);
}
