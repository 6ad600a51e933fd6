/* SPDX-License-Identifier: MIT */
/*
 * strchrnul(); see string_functions.h.
 */
#define _GNU_SOURCE
#include <string.h>

#include "evex.h"

char *__strchrnul(const char *s, int c)
{
    NEED_EVEX(find_char_or_end(s, c), s, c, c);
    return find_char_or_end_evex(s, c);
}

weak_alias(__strchrnul, strchrnul);
