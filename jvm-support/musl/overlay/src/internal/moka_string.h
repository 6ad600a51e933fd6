/* SPDX-License-Identifier: MIT */
#ifndef MOKA_STRING_H
#define MOKA_STRING_H

/* Once, before main(): lets string functions use what the processor has. */
__attribute__((__visibility__("hidden"))) void __string_init(void);

#endif
