/* SPDX-License-Identifier: MIT */
/* The network, from outside: AF_INET, AF_INET6 and AF_NETLINK. */
#pragma once

/* Start-up, thread context: the families register themselves. */
void net_init(void);
/* The program has ended: what it has sent goes out before the machine does.  Thread context. */
void net_finish(void);
