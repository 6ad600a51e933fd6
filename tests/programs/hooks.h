/* SPDX-License-Identifier: MIT */
/* What the programs that test the hooks have in common. */
#pragma once

#include <dlfcn.h>
#include <errno.h>
#include <moka/hooks.h>
#include <moka/page.h>
#include <stdbool.h>

#pragma weak dlsym /* not in each static C library */

/* Is this the library for Linux?  docs/gc-hooks.md says what it does otherwise. */
static inline bool hooks_for_linux(const struct moka_hooks *moka)
{
    const struct moka_hooks *(*get)(uint32_t) =
        (const struct moka_hooks *(*)(uint32_t))dlsym(RTLD_DEFAULT, "moka_linux_get");

    return get != NULL && get(MOKA_HOOKS_VERSION) == moka;
}

/* Linux cannot before 6.7, nor without userfaultfd(2). */
static inline bool hooks_can_scan(const struct moka_hooks *moka)
{
    static char page[4096] __attribute__((aligned(4096)));
    const struct moka_scan scan = {.start = page,
                                   .size = sizeof(page),
                                   .grain = sizeof(page),
                                   .flags = MOKA_SCAN_DIRTY | MOKA_SCAN_CLEAR};
    int range = moka->range_open(page, sizeof(page));
    int64_t found = moka->page->scan(range, &scan);

    moka->range_close(range);
    return found != -EOPNOTSUPP;
}
