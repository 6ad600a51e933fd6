/* SPDX-License-Identifier: MIT */
/* What each image brings of its own; images/main.c calls it. */
#pragma once

#include <kernel/types.h>

/* The image's work: a kernel thread that ends the machine when it is done. */
void image_main(void *arg);

/* The names of the options that it knows on the command line. */
extern const char *const image_options[];
extern const unsigned image_option_count;

/* The number that option `name` has, `otherwise` if it is not given. */
u64 image_option_u64(const char *name, u64 otherwise);
