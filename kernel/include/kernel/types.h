/* SPDX-License-Identifier: MIT */
/*
 * Scalar types and the few macros that every file wants.  Builds for the
 * kernel and for the host (policy code is tested there).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

typedef u64 paddr_t; /* physical address, bytes */
typedef u64 vaddr_t; /* virtual address, bytes */
typedef u64 pfn_t;   /* physical frame number: paddr_t >> PAGE_SHIFT */
typedef u64 nsec_t;  /* nanoseconds since boot, or a duration */

#define PAGE_SHIFT 12
#define PAGE_SIZE (1ull << PAGE_SHIFT)
#define LARGE_SHIFT 21
#define LARGE_SIZE (1ull << LARGE_SHIFT) /* 2 MiB */
#define GIANT_SHIFT 30
#define GIANT_SIZE (1ull << GIANT_SHIFT) /* 1 GiB */

#define KIB (1ull << 10)
#define MIB (1ull << 20)
#define GIB (1ull << 30)
#define TIB (1ull << 40)

#define NSEC_PER_USEC 1000ull
#define NSEC_PER_MSEC 1000000ull
#define NSEC_PER_SEC 1000000000ull

#define CACHE_LINE 64
#define MAX_CPUS 64

#define must_check __attribute__((warn_unused_result))
#define noreturn __attribute__((noreturn))
#define printf_like(fmt, args) __attribute__((format(printf, fmt, args)))
#define aligned_to(n) __attribute__((aligned(n)))
#define weak __attribute__((weak))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* `align` is a power of two. */
#define ALIGN_DOWN(x, align) ((x) & ~((align)-1))
#define ALIGN_UP(x, align) (((x) + (align)-1) & ~((align)-1))
#define IS_ALIGNED(x, align) (((x) & ((align)-1)) == 0)
