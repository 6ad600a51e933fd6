# SPDX-License-Identifier: MIT
#
# Sources of the network.
net_sources := $(addprefix net/,address.c inet.c port.c queue.c tcp.c tcp_send.c tcp_receive.c udp.c multicast.c \
	option.c interface.c proc_net.c netlink.c)
