/* SPDX-License-Identifier: MIT */
/* What /proc/net tells of sockets. */
#pragma once

struct text;

/* /proc/net/unix: 0. */
int net_show_unix(struct text *text);
