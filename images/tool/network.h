/* SPDX-License-Identifier: MIT */
/* The machine's network: network.c. */
#pragma once

#include "tool.h"

/* An option's value, checked, or ends. */
void add_port(struct network *network, const char *value);
void add_ip(struct network *network, const char *value);
void check_network(struct network *network, const char *value);
const char *check_hostname(const char *value);

/* Do the options go together, and is what they name there?  Or ends. */
void network_prepare(const struct network *network);
/* QEMU's -netdev, NULL for none; the properties of its card; the kernel's words. */
char *network_netdev(const struct network *network);
char *network_device(const struct network *network);
char *network_words(const struct network *network);
