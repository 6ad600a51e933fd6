/* SPDX-License-Identifier: MIT */
/*
 * The hooks on Linux: the same functions over what Linux has, for programs
 * that are to run there as well, and as what Moka's are measured beside.
 *
 *   libmoka-linux.so   linked with or preloaded, it is what moka_hooks_find()
 *                      finds; in Moka that still finds Moka's own
 *   libmoka-linux.a    for a library that asks moka_hooks_find() first and
 *                      moka_linux_get() then
 *
 * What Linux cannot do is -EOPNOTSUPP.  docs/gc-hooks.md says which call
 * becomes what, and where it does less than in Moka.  A pointer that leads
 * nowhere ends the program here, as in any library.
 */
#ifndef MOKA_LINUX_H
#define MOKA_LINUX_H

#include <moka/hooks.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The functions over Linux's, if there are any of at least that version; else NULL. */
const struct moka_hooks *moka_linux_get(uint32_t version);

#ifdef __cplusplus
}
#endif

#endif
