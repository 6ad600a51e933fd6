/* SPDX-License-Identifier: MIT */
/*
 * Datagrams by the card.  lwIP gives every one that came to us first; who has
 * the port, our own table says.  What nobody has goes on to lwIP: DHCP's, or
 * one to answer with an ICMP message.
 */
#include "inet_priv.h"

#include <kernel/kmalloc.h>
#include <lwip/inet_chksum.h>
#include <lwip/ip4.h>
#include <lwip/prot/udp.h>
#include <lwip/raw.h>
#include <lwip/udp.h>

#define DHCP_CLIENT 68u

/* Is its checksum right, or not to be looked at?  The payload is UDP's header. */
static bool is_whole(struct pbuf *p, const struct udp_hdr *header)
{
    if (header->chksum == 0) {
        return true;
    }
    IF__NETIF_CHECKSUM_ENABLED(ip_current_input_netif(), NETIF_CHECKSUM_CHECK_UDP)
    {
        return ip_chksum_pseudo(p, IP_PROTO_UDP, p->tot_len, ip_current_src_addr(),
                                ip_current_dest_addr()) == 0;
    }
    return true;
}

/* The datagram is the packet's from `at` on. */
static void give(struct inet_socket *receiver, struct pbuf *p, u16 at,
                 const struct inet_address *from)
{
    struct inet_datagram *datagram = datagram_new((u32)p->tot_len - at);

    if (datagram != NULL) {
        datagram->from = *from;
        pbuf_copy_partial(p, datagram->data, (u16_t)datagram->size, at);
        datagram_deliver(receiver, datagram);
    }
}

/* The core's lock is held.  1: the packet was taken. */
static u8_t on_datagram(void *arg, struct raw_pcb *pcb, struct pbuf *p, const ip_addr_t *source)
{
    u16_t ip_header = ip_current_header_tot_len();
    struct udp_hdr header;
    struct inet_address to, from;
    struct inet_socket *receiver;

    if (p->tot_len < ip_header + UDP_HLEN) {
        return 0;
    }
    pbuf_copy_partial(p, &header, UDP_HLEN, ip_header);
    to = (struct inet_address){.ip = inet_ip_v4(swap32(ip4_current_dest_addr()->addr)),
                               .port = swap16(header.dest)};
    from = (struct inet_address){.ip = inet_ip_v4(swap32(ip4_current_src_addr()->addr)),
                                 .port = swap16(header.src)};
    receiver = to.port == DHCP_CLIENT ? NULL : port_find_receiver(&to, &from);
    if (receiver == NULL) {
        return 0;
    }
    pbuf_remove_header(p, ip_header);
    if (is_whole(p, &header) && swap16(header.len) >= UDP_HLEN &&
        swap16(header.len) <= p->tot_len) {
        pbuf_realloc(p, swap16(header.len));
        give(receiver, p, UDP_HLEN, &from);
    }
    pbuf_free(p);
    inet_put(receiver);
    return 1;
}

void udp_card_init(void)
{
    struct raw_pcb *pcb = raw_new(IP_PROTO_UDP);

    if (pcb != NULL) {
        raw_recv(pcb, on_datagram, NULL);
    }
}

int udp_card_send(struct inet_socket *socket, const struct inet_address *to,
                  const struct inet_datagram *datagram)
{
    ip4_addr_t destination = {to->ip.word[3]};
    struct udp_hdr *header;
    struct netif *netif;
    struct pbuf *p;
    int err = 0;
    bool irq;

    if (datagram->size > 0xffff - 28) {
        return -EMSGSIZE;
    }
    irq = card_lock();
    netif = ip4_route(&destination);
    p = netif == NULL ? NULL : pbuf_alloc(PBUF_IP, (u16_t)(UDP_HLEN + datagram->size), PBUF_RAM);
    if (p == NULL) {
        card_unlock(irq);
        return netif == NULL ? -ENETUNREACH : -ENOBUFS;
    }
    header = p->payload;
    *header = (struct udp_hdr){.src = swap16(datagram->from.port),
                               .dest = swap16(to->port),
                               .len = swap16((u16)p->tot_len)};
    pbuf_take_at(p, datagram->data, (u16_t)datagram->size, UDP_HLEN);
    header->chksum =
        ip_chksum_pseudo(p, IP_PROTO_UDP, p->tot_len, netif_ip4_addr(netif), &destination);
    if (header->chksum == 0) {
        header->chksum = 0xffff;
    }
    if (ip4_output_if(p, netif_ip4_addr(netif), &destination, (u8_t)inet_option(socket, OPT_TTL),
                      (u8_t)inet_option(socket, OPT_TOS), IP_PROTO_UDP, netif) != ERR_OK) {
        err = -ENOBUFS;
    }
    pbuf_free(p);
    card_unlock(irq);
    return err;
}
