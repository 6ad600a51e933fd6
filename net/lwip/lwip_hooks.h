/* SPDX-License-Identifier: MIT */
/* What lwIP asks us for by LWIP_HOOK_FILENAME. */
#pragma once

#include <lwip/ip_addr.h>

/* The first sequence number of a connection. */
u32_t lwip_tcp_isn(const ip_addr_t *local, u16_t local_port, const ip_addr_t *remote,
                   u16_t remote_port);
