/* SPDX-License-Identifier: MIT */
#ifndef MOKA_MISSING_H
#define MOKA_MISSING_H

/* Code that reports a call of the function and aborts; NULL if there are too many. */
__attribute__((__visibility__("hidden"))) const void *__missing_bind(const char *name);

#endif
