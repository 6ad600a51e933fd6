/* SPDX-License-Identifier: MIT */
/*
 * Errors are for the environment, asserts for us.
 *
 * BUG_ON(c)       always checked; a panic that names the condition.
 * assert(c)       checked in debug builds (MOKA_DEBUG >= 1).
 * assert_slow(c)  walks whole structures; checked in the test image only
 *                 (MOKA_DEBUG >= 2).
 *
 * bug() is defined by the kernel's panic code, and by the host tests.
 */
#pragma once

#include <kernel/types.h>

#ifndef MOKA_DEBUG
#define MOKA_DEBUG 0
#endif

/* Report a broken invariant, with values, and stop the machine. */
noreturn void bug(const char *file, int line, const char *fmt, ...) printf_like(3, 4);

#define BUG(...) bug(__FILE__, __LINE__, __VA_ARGS__)
#define BUG_ON(cond) (unlikely(cond) ? bug(__FILE__, __LINE__, "%s", #cond) : (void)0)

#if MOKA_DEBUG >= 1
#define assert(cond) BUG_ON(!(cond))
#else
#define assert(cond) ((void)sizeof(!(cond)))
#endif

#if MOKA_DEBUG >= 2
#define assert_slow(cond) BUG_ON(!(cond))
#else
#define assert_slow(cond) ((void)sizeof(!(cond)))
#endif
