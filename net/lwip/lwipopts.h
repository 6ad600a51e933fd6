/* SPDX-License-Identifier: MIT */
/*
 * What of lwIP is used, and why.  It does TCP, IP, ARP, ICMP and DHCP for the
 * network card; sockets, ports, UDP and all within this machine are our own.
 */
#pragma once

/* The callback interface under one lock of ours (net/card.c): no threads, no mailboxes. */
#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 1
#define LWIP_NETCONN 0
#define LWIP_SOCKET 0
/* Due times are asked of net/card.c, so that an idle machine has no tick. */
#define LWIP_TIMERS 0

/* Memory is the kernel's, up to a limit: net/lwip/memory.c. */
#define MEM_LIBC_MALLOC 1
#define MEMP_MEM_MALLOC 1
#define MEM_ALIGNMENT 16
void *lwip_malloc(unsigned long size);
void *lwip_calloc(unsigned long count, unsigned long size);
void lwip_free(void *object);
#define mem_clib_malloc lwip_malloc
#define mem_clib_calloc lwip_calloc
#define mem_clib_free lwip_free
/* For received packets that stay in the card's buffers until they are read. */
#define LWIP_SUPPORT_CUSTOM_PBUF 1

#define LWIP_IPV4 1
#define LWIP_IPV6 0 /* the card has IPv4 alone */
#define LWIP_ARP 1
#define ARP_QUEUEING 1 /* a burst to a fresh neighbour loses nothing */
#define LWIP_ICMP 1
#define LWIP_RAW 1 /* UDP comes to our own table of ports by this */
#define LWIP_UDP 1 /* for DHCP */
#define LWIP_DHCP 1
#define LWIP_DHCP_DOES_ACD_CHECK 0
#define DHCP_DOES_ARP_CHECK 0           /* it takes a second of the program's start */
#define LWIP_DNS 0                      /* musl asks; what DHCP says is written to resolv.conf */
#define LWIP_DHCP_PROVIDE_DNS_SERVERS 3 /* by dns_setserver(), which is net/card.c's */
#define IP_REASSEMBLY 1
#define IP_REASS_MAX_PBUFS 64 /* bounds what fragments can hold */
#define IP_FRAG 1
#define LWIP_NETIF_STATUS_CALLBACK 1
#define LWIP_NETIF_HOSTNAME 0
#define LWIP_NETIF_LOOPBACK 0 /* nothing within this machine comes here */
#define LWIP_HAVE_LOOPIF 0
#define LWIP_SINGLE_NETIF 1

/* Windows of 256 KiB: 10 Gbit/s at 200 us. */
#define LWIP_TCP 1
#define TCP_MSS 1460
#define LWIP_WND_SCALE 1
#define TCP_RCV_SCALE 3
#define TCP_WND (256 * 1024)
#define TCP_SND_BUF (256 * 1024)
#define TCP_SND_QUEUELEN 1024
#define TCP_SNDLOWAT (48 * 1024)
#define TCP_SNDQUEUELOWAT 512
#define TCP_WND_UPDATE_THRESHOLD (16 * 1024) /* a peer without scaled windows has 64 KiB in all */
#define TCP_OVERSIZE TCP_MSS                 /* few bytes at a time share a packet's memory */
#define TCP_QUEUE_OOSEQ 1
#define TCP_OOSEQ_MAX_BYTES TCP_WND /* what comes out of order is bounded */
#define LWIP_TCP_SACK_OUT 1
#define LWIP_TCP_TIMESTAMPS 1
#define LWIP_TCP_KEEPALIVE 1
#define TCP_LISTEN_BACKLOG 1 /* SYNs beyond it are dropped */
#define TCP_DEFAULT_LISTEN_BACKLOG 255
#define SO_REUSE 1 /* who may have a port has been decided in net/port.c */
#define TCP_MAXRTX 12
#define TCP_SYNMAXRTX 6 /* Linux's tcp_syn_retries */
#define MEMP_NUM_TCP_PCB 0xffff
#define MEMP_NUM_TCP_SEG TCP_SND_QUEUELEN

/* Whether a packet's checksum is looked at depends on what the card says of it. */
#define LWIP_CHECKSUM_CTRL_PER_NETIF 1
#define LWIP_CHECKSUM_ON_COPY 0

/* Sequence numbers that nobody can guess: RFC 6528. */
#define LWIP_HOOK_FILENAME "lwip_hooks.h"
#define LWIP_HOOK_TCP_ISN lwip_tcp_isn

#define LWIP_STATS 0
#define LWIP_NOASSERT 1
