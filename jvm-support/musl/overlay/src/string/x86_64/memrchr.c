/* SPDX-License-Identifier: MIT */
/*
 * memrchr(); see string_functions.h.
 */
#define _GNU_SOURCE
#include <string.h>

#include "evex.h"

void *__memrchr(const void *from, int c, size_t n)
{
    NEED_EVEX(find_last_byte(from, c, n), from, c, n);
    return find_last_byte_evex(from, c, n);
}

weak_alias(__memrchr, memrchr);
