# SPDX-License-Identifier: MIT
#
# Sources of the network.
net_sources := $(addprefix net/,finish.c address.c inet.c port.c queue.c tcp.c tcp_send.c tcp_receive.c udp.c multicast.c \
	option.c interface.c proc_net.c netlink.c card.c tcp_card.c udp_card.c lwip/memory.c)
