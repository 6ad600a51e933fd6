/* SPDX-License-Identifier: MIT */
/*
 * calloc() that knows which memory is fresh from the kernel and zero already.
 * Stands in place of musl's, which clears what malloc() gives; a program's own
 * malloc() without a calloc() still gets that.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dynlink.h"
#include "moka_malloc.h"

void *calloc(size_t count, size_t size)
{
    size_t total;
    void *p;

    if (!__malloc_replaced) {
        return __malloc_zeroed(count, size);
    }
    if (__builtin_mul_overflow(count, size, &total)) {
        errno = ENOMEM;
        return NULL;
    }
    p = malloc(total);
    return p ? memset(p, 0, total) : NULL;
}
