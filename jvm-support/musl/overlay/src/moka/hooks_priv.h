/* SPDX-License-Identifier: MIT */
/* The groups of hooks, each in the file of its name; their system calls are of Moka's own. */
#ifndef MOKA_HOOKS_PRIV_H
#define MOKA_HOOKS_PRIV_H

#include <features.h>
#include <moka/hooks.h>
#include <moka/large.h>
#include <moka/page.h>
#include <moka/pressure.h>
#include <moka/remap.h>
#include <moka/role.h>

extern hidden const struct moka_page_hooks __moka_page;
extern hidden const struct moka_large_hooks __moka_large;
extern hidden const struct moka_remap_hooks __moka_remap;
extern hidden const struct moka_role_hooks __moka_role;
extern hidden const struct moka_pressure_hooks __moka_pressure;

#endif
