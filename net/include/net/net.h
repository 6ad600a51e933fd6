/* SPDX-License-Identifier: MIT */
/* The network, from outside: AF_INET, AF_INET6 and AF_NETLINK. */
#pragma once

/* Start-up, thread context: the families register themselves. */
void net_init(void);
