/* SPDX-License-Identifier: MIT */
/*
 * Linked with the string functions alone: makes them use the variant that the
 * environment variable VARIANT names, whatever the processor would have chosen.
 * Ends with 77 if the processor lacks it.
 */
#include <stdlib.h>
#include <unistd.h>

#include "moka_string.h"
#include "string_functions.h"

static int same(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++, b++;
    }
    return *a == *b;
}

__attribute__((constructor)) static void choose(void)
{
    static struct string_functions sse2;
    const char *variant = getenv("VARIANT");
    int has_avx2, has_evex;

    sse2 = __string;
    __string_init();
    has_avx2 = __string.length == __string_avx2.length;
    has_evex = __string_evex;
    if (!variant || same(variant, "evex")) {
        if (!has_evex) {
            _exit(77);
        }
        return;
    }
    __string_evex = 0;
    if (same(variant, "sse2")) {
        __string = sse2;
    } else if (!has_avx2) {
        _exit(77);
    }
}
