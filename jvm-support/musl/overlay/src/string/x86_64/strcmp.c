/* SPDX-License-Identifier: MIT */
/*
 * strcmp(); see compare.h.
 */
#include <string.h>

#include "compare.h"

int strcmp(const char *a, const char *b)
{
    return compare_strings((const unsigned char *)a, (const unsigned char *)b, SIZE_MAX);
}
