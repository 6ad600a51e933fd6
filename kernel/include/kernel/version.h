/* SPDX-License-Identifier: MIT */
/*
 * What uname(2) and /proc say of the system: the Linux whose calls it has.
 */
#pragma once

#define LINUX_SYSNAME "Linux"
#define LINUX_NODENAME "moka"
#define LINUX_RELEASE "6.1.0-moka"
#define LINUX_VERSION "#1 Moka"
#define LINUX_MACHINE "x86_64"
