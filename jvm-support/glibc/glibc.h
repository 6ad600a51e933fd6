/* SPDX-License-Identifier: MIT */
/*
 * What the files of this folder share: glibc 2.36's binary interface (x86-64)
 * for programs and libraries that were linked on Debian, on top of musl.
 *
 * They are compiled as part of musl, into the one libc.so, under glibc's own
 * names, which a program finds because musl's loader ignores symbol versions.
 * Only names are here that musl lacks, or has with another meaning.  What a
 * program that was compiled with musl's headers cannot tell apart (structures,
 * constants) is the same in both on x86-64; docs/libc.md lists what is not.
 */
#ifndef MOKA_GLIBC_H
#define MOKA_GLIBC_H

#include <stddef.h>

#define HIDDEN __attribute__((__visibility__("hidden")))
#define ALIAS(alias_name, name) extern __typeof(name) alias_name __attribute__((__alias__(#name)))

/* Ends the program, as glibc does, if `need` bytes do not fit into `have`. */
HIDDEN _Noreturn void __fortify_fail(void);

static inline void fortify_check(size_t need, size_t have)
{
    if (need > have) {
        __fortify_fail();
    }
}

#endif
