/* SPDX-License-Identifier: MIT */
/* The hooks on Linux, all of them. */
#include <moka/linux.h>

#include "remap_priv.h"

static const struct moka_hooks hooks = {
    .version = MOKA_HOOKS_VERSION,
    .size = sizeof(hooks),
    .range_open = linux_range_open,
    .range_close = linux_range_close,
    .page = &linux_page_hooks,
    .large = &linux_large_hooks,
    .remap = &linux_remap_hooks,
    .role = &linux_role_hooks,
    .pressure = &linux_pressure_hooks,
};

__attribute__((visibility("default"))) const struct moka_hooks *moka_linux_get(uint32_t version)
{
    return version <= MOKA_HOOKS_VERSION ? &hooks : NULL;
}
