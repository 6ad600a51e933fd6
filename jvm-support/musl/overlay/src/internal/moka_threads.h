/* SPDX-License-Identifier: MIT */
#ifndef MOKA_THREADS_H
#define MOKA_THREADS_H

/* Destroys the calling thread's thread_local objects; at its end and in exit(). */
__attribute__((__visibility__("hidden"))) void __thread_dtors_run(void);

#endif
