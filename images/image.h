/* SPDX-License-Identifier: MIT */
/* What each image brings of its own; images/main.c calls it. */
#pragma once

#include <kernel/types.h>

/* The image's work: a kernel thread that ends the machine when it is done. */
void image_main(void *arg);
