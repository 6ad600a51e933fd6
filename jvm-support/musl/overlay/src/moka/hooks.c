/* SPDX-License-Identifier: MIT */
/*
 * The hooks for memory managers, which are system calls of Moka's own.  The same
 * library on another kernel has none to offer.
 */
#include <errno.h>

#include "hooks_priv.h"
#include "syscall.h"

enum {
    CALL_RANGE_OPEN = 480,
    CALL_RANGE_CLOSE,
};

static int range_open(void *start, uint64_t size)
{
    return (int)__syscall(CALL_RANGE_OPEN, start, size);
}

static int range_close(int range)
{
    return (int)__syscall(CALL_RANGE_CLOSE, range);
}

static const struct moka_hooks hooks = {
    .version = MOKA_HOOKS_VERSION,
    .size = sizeof(hooks),
    .range_open = range_open,
    .range_close = range_close,
    .page = &__moka_page,
    .large = &__moka_large,
    .remap = &__moka_remap,
    .role = &__moka_role,
    .pressure = &__moka_pressure,
};

const struct moka_hooks *moka_hooks_get(uint32_t version)
{
    /* No kernel has a range of that number; one without hooks has not the call. */
    return version <= MOKA_HOOKS_VERSION && range_close(-1) == -EBADF ? &hooks : NULL;
}
