/* SPDX-License-Identifier: MIT */
/*
 * Files that the host hands to the guest by QEMU's fw_cfg device
 * (-fw_cfg name=opt/...,file=...).  Start-up only, one CPU at a time.
 * A look costs one exit if the directory was not read before, a read one.
 */
#pragma once

#include <kernel/types.h>

struct fwcfg_file {
    u16 key;
    u32 size;
};

/* False if there is no such file, or no such device. */
bool fwcfg_find(const char *name, struct fwcfg_file *file);
/* The whole file to physical memory at `to`, contiguous: 0 or -ENODEV. */
must_check int fwcfg_read(const struct fwcfg_file *file, paddr_t to);
