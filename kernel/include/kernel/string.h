/* SPDX-License-Identifier: MIT */
/* The C library's memory and string functions that the kernel has. */
#pragma once

#include <kernel/types.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *s, int c, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strstr(const char *haystack, const char *needle);

/*
 * memset(dst, 0, size) with stores that go past the caches, for memory larger
 * than those: nothing is read first, nothing else is thrown out of them.
 * Both multiples of 64 bytes.  What it costs and gains: fill() in frame.c.
 */
void memzero_uncached(void *dst, size_t size);

/*
 * Copies so many pages of 4 KiB, wherever each is, to `dst`, past the caches: for large copies, of
 * memory that is not in them.  Fence before others are told (memory_fence_uncached()).
 */
#define COPY_PAGES 4
void copy_pages_uncached(void *dst, const void *const src[COPY_PAGES]);
static inline void memory_fence_uncached(void)
{
    __asm__ volatile("sfence" ::: "memory");
}

/* Copies at most size - 1 bytes and always ends with NUL; returns strlen(src). */
size_t strlcpy(char *dst, const char *src, size_t size);
