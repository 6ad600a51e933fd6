/* SPDX-License-Identifier: MIT */
/*
 * strncmp(); see compare.h.
 */
#include <string.h>

#include "compare.h"

int strncmp(const char *a, const char *b, size_t n)
{
    return compare_strings((const unsigned char *)a, (const unsigned char *)b, n);
}
