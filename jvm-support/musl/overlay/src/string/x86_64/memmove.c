/* SPDX-License-Identifier: MIT */
/* memmove(); see evex.h. */
#include <string.h>

#include "evex.h"

void *memmove(void *to, const void *from, size_t n)
{
    return move(to, from, n);
}
