/* SPDX-License-Identifier: MIT */
/*
 * memcpy(); see copy.h.
 */
#include <string.h>

#include "copy.h"

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
    if (n > 128) {
        return __copy_long(to, from, n);
    }
    copy_to_128(to, from, n);
    return to;
}
