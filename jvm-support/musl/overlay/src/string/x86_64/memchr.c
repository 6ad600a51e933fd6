/* SPDX-License-Identifier: MIT */
/*
 * memchr(); see string_functions.h.
 */
#define _GNU_SOURCE
#include <string.h>

#include "evex.h"

void *memchr(const void *from, int c, size_t n)
{
    NEED_EVEX(find_byte(from, c, n), from, c, n);
    return find_byte_evex(from, c, n);
}
