/* SPDX-License-Identifier: MIT */
/*
 * What makes the shared library one that moka_hooks_find() finds.  A program
 * that is linked with it finds it in Moka too, before the C library: so the
 * next one is asked first.
 */
#include <dlfcn.h>
#include <moka/linux.h>

const struct moka_hooks *moka_hooks_get(uint32_t version)
{
    const struct moka_hooks *(*next)(uint32_t) =
        (const struct moka_hooks *(*)(uint32_t))dlsym(RTLD_NEXT, "moka_hooks_get");
    const struct moka_hooks *hooks = next != NULL ? next(version) : NULL;

    return hooks != NULL ? hooks : moka_linux_get(version);
}
