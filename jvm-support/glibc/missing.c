/* SPDX-License-Identifier: MIT */
/*
 * Functions of glibc that are not here.  On Linux a program is bound to a
 * function when it first calls it; musl binds all at the start, so that a
 * function that is never called would keep a program from running.  Instead
 * the loader binds each one that is missing to a stub of its own, which says
 * what was called and aborts.
 *
 * Only for functions that a library asks of glibc by version: whatever else is
 * missing fails as it does with glibc, which programs that try plug-ins count
 * on.  dlsym() does not find stubs.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "glibc.h"
#include "moka_missing.h"

#define MISSING_MAX 256 /* as in x86_64/missing_stubs.S */
#define STUB_SIZE 16

HIDDEN extern const char __missing_stubs[MISSING_MAX][STUB_SIZE];

/* Under the loader's lock; a stub's name is there before anyone can call it. */
static const char *names[MISSING_MAX];
static unsigned count;

const void *__missing_bind(const char *name)
{
    if (count == MISSING_MAX) {
        return NULL;
    }
    names[count] = name;
    return __missing_stubs[count++];
}

/* From the stub with this index. */
HIDDEN _Noreturn void __missing_called(unsigned index)
{
    dprintf(2, "moka: %s() was called: this libc has no such function\n", names[index]);
    abort();
}
