/* SPDX-License-Identifier: MIT */
/* lwIP's port: the compiler and what the kernel gives.  Included by lwip/arch.h. */
#pragma once

#include <kernel/assert.h>
#include <kernel/random.h>
#include <kernel/types.h>

#define LWIP_NO_INTTYPES_H 1
#define LWIP_NO_UNISTD_H 1
#define LWIP_NO_CTYPE_H 1
typedef long ssize_t;
#define SSIZE_MAX INT64_MAX

#define X8_F "x"
#define U16_F "u"
#define S16_F "d"
#define X16_F "x"
#define U32_F "u"
#define S32_F "d"
#define X32_F "x"
#define SZT_F "lu"

/* The kernel's types are called as lwIP's are, but these it would define itself. */
#define LWIP_PLATFORM_DIAG(x)
#define LWIP_PLATFORM_ASSERT(x) panic("lwIP: " x)
#define LWIP_RAND() ((u32_t)random_u64())

#define BYTE_ORDER LITTLE_ENDIAN
#define PACK_STRUCT_STRUCT __attribute__((packed))

/* Under the core's lock, which disables interrupts; there is nothing else to protect. */
#define SYS_ARCH_DECL_PROTECT(level)
#define SYS_ARCH_PROTECT(level)
#define SYS_ARCH_UNPROTECT(level)
typedef int sys_prot_t;

/* net/lwip/checksum.c: 64 bits at a time. */
u16 lwip_checksum(const void *data, int size);
#define LWIP_CHKSUM lwip_checksum
