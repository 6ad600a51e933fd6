/* SPDX-License-Identifier: MIT */
/*
 * The files of /proc/net, as proc(5) has them: interfaces, routes, who has
 * which port.  Nothing counts packets: those columns are 0.
 */
#include "inet_priv.h"

#include <kernel/text.h>

/* ---- Interfaces ------------------------------------------------------------------------------ */

static void show_dev(struct text *text)
{
    const struct interface *interface;

    text_puts(text,
              "Inter-|   Receive                                                |  Transmit\n"
              " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets "
              "errs drop fifo colls carrier compressed\n");
    for (u32 i = 1; (interface = interface_find(i)) != NULL; i++) {
        text_print(text,
                   "%6s:%8u%8u    0    0    0     0          0         0%9u%8u    0    0    "
                   "0     0       0          0\n",
                   interface->name, 0, 0, 0, 0);
    }
}

static void put_ip6(struct text *text, const struct inet_ip *ip)
{
    for (unsigned i = 0; i < 16; i++) {
        text_print(text, "%02x", ip->byte[i]);
    }
}

static void show_if_inet6(struct text *text)
{
    const struct interface *interface;

    for (u32 i = 1; (interface = interface_find(i)) != NULL; i++) {
        if (interface->has_v6) {
            put_ip6(text, &interface->v6);
            text_print(text, " %02x %02x %02x 80 %8s\n", interface->index, interface->v6_prefix,
                       interface->v6_scope, interface->name);
        }
    }
}

/* Loopback has no line here, but in the table of local addresses. */
static void show_route(struct text *text)
{
    text_print(text, "%-127s\n",
               "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\t"
               "IRTT");
}

/* ---- Sockets --------------------------------------------------------------------------------- */

struct listing {
    struct text *text;
    u16 family;
    bool tcp;
    unsigned count;
};

static void put_address(struct text *text, u16 family, const struct inet_address *address)
{
    if (family == AF_INET) {
        text_print(text, "%08X:%04X", address->ip.word[3], address->port);
    } else {
        text_print(text, "%08X%08X%08X%08X:%04X", address->ip.word[0], address->ip.word[1],
                   address->ip.word[2], address->ip.word[3], address->port);
    }
}

/* As Linux numbers the states. */
static unsigned state_of(struct inet_socket *socket)
{
    if (!inet_is_tcp(socket) || socket->state == STREAM_CLOSED) {
        return !inet_is_tcp(socket) && socket->remote.port != 0 ? 1 : 7;
    }
    if (socket->state != STREAM_CONNECTED) {
        return socket->state == STREAM_LISTENING ? 10 : 2;
    }
    return stream_is_over(socket)          ? 7
           : socket->finished              ? 8
           : (socket->shut & SHUT_WR) != 0 ? 5
                                           : 1;
}

static void show_socket(struct inet_socket *socket, void *arg)
{
    struct listing *listing = arg;
    struct text *text = listing->text;
    unsigned state;
    u64 waiting;
    bool irq;

    if (socket->socket.family != listing->family) {
        return;
    }
    irq = spin_lock(&socket->lock);
    state = state_of(socket);
    waiting = socket->state == STREAM_LISTENING ? socket->waiting : socket->charge;
    spin_unlock(&socket->lock, irq);
    text_print(text, listing->tcp ? "%4u: " : "%5u: ", listing->count++);
    put_address(text, listing->family, &socket->local);
    text_puts(text, " ");
    put_address(text, listing->family, &socket->remote);
    text_print(text,
               " %02X 00000000:%08lX 00:00000000 00000000     0        0 0 1 "
               "0000000000000000%s\n",
               state, (unsigned long)waiting, listing->tcp ? " 100 0 0 10 0" : " 0");
}

static void show_sockets(struct text *text, bool tcp, u16 family)
{
    struct listing listing = {text, family, tcp, 0};

    text_puts(text, "  sl  ");
    text_puts(text, family == AF_INET
                        ? "local_address rem_address   "
                        : "local_address                         remote_address                  "
                          "      ");
    text_puts(text, "st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode");
    text_puts(text, tcp ? "\n" : " ref pointer drops\n");
    port_for_each(tcp, show_socket, &listing);
}

int net_file_show(enum net_file file, struct text *text)
{
    switch (file) {
    case NET_FILE_DEV:
        show_dev(text);
        break;
    case NET_FILE_IF_INET6:
        show_if_inet6(text);
        break;
    case NET_FILE_ROUTE:
        show_route(text);
        break;
    case NET_FILE_ARP:
        text_puts(text, "IP address       HW type     Flags       HW address            Mask     "
                        "Device\n");
        break;
    case NET_FILE_TCP:
    case NET_FILE_TCP6:
        show_sockets(text, true, file == NET_FILE_TCP ? AF_INET : AF_INET6);
        break;
    case NET_FILE_UDP:
    case NET_FILE_UDP6:
        show_sockets(text, false, file == NET_FILE_UDP ? AF_INET : AF_INET6);
        break;
    default: /* there are none of these */
        break;
    }
    return 0;
}
