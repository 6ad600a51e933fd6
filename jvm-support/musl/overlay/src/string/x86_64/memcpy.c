/* SPDX-License-Identifier: MIT */
/* memcpy(), which is memmove(); see evex.h. */
#include <string.h>

#include "evex.h"

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
    return move(to, from, n);
}
