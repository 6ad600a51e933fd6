/* SPDX-License-Identifier: MIT */
/*
 * The ELF image that a program gets as AT_SYSINFO_EHDR: it names functions of
 * the kernel that tell the time without a system call.  See kernel/time/vdso.c.
 */
#pragma once

extern const struct vdso_image vdso_image;
