/* SPDX-License-Identifier: MIT */
/*
 * The machine's network: what the options ask for, checked, and how QEMU and
 * the kernel are told.
 *
 *   user        QEMU's own: a network of its own behind the host, which needs no
 *               rights and no set-up; -p opens ports of the host into it
 *   tap:IF      an interface that is there already
 *   bridge:BR   one that QEMU's helper makes and puts into a bridge
 *   none        no card
 *
 * QEMU's network has the guest at the 15th address, the host at the second, and a
 * name server at the third, and gives the guest its own by DHCP.  With --ip the
 * network is moved around that address.
 */
#include "network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define USER_DNS "10.0.2.3"

/* Told before a machine is started; QEMU would take its time, and many words. */
static void check_port(const struct published *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port->host)};
    int fd = socket(AF_INET, (port->udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0), one = 1;

    if (fd < 0) {
        return; /* QEMU will say what it thinks of that */
    }
    if (port->address != NULL) {
        (void)inet_pton(AF_INET, port->address, &address.sin_addr);
    }
    if (!port->udp) {
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    }
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        (!port->udp && listen(fd, 1) != 0)) {
        if (errno == EADDRINUSE) {
            fail(text("another port of the host will do: -p %s%s%u:%u",
                      port->address != NULL ? port->address : "", port->address != NULL ? ":" : "",
                      port->host < 65535 ? port->host + 1 : port->host - 1, port->guest),
                 "port %u of the host is taken already", port->host);
        }
        if (errno == EACCES) {
            fail(text("one from 1024 on will do: -p %u:%u", port->host % 1000 + 8000, port->guest),
                 "port %u of the host may be opened by root only", port->host);
        }
        fail(NULL, "port %u of the host cannot be opened: %s", port->host, strerror(errno));
    }
    close(fd);
}

static void check_interface(const struct network *network)
{
    bool tap = network->kind == NETWORK_TAP;
    const char *name = network->interface;

    if (access(text("/sys/class/net/%s", name), F_OK) != 0) {
        fail(tap ? text("make it: sudo ip tuntap add %s mode tap user $USER && "
                        "sudo ip link set %s up",
                        name, name)
                 : text("make it: sudo ip link add %s type bridge && sudo ip link set %s up", name,
                        name),
             "--network: there is no interface '%s' here", name);
    }
    if (access(text("/sys/class/net/%s/%s", name, tap ? "tun_flags" : "bridge"), F_OK) != 0) {
        fail("which are, says: ip -d link", "--network: the interface '%s' is no %s", name,
             tap ? "tap" : "bridge");
    }
}

void network_prepare(const struct network *network)
{
    const struct fixed_ip *ip6 = &network->ip6;

    if (network->kind == NETWORK_USER) {
        if (ip6->address != NULL) {
            fail("--network tap:INTERFACE or bridge:BRIDGE has those of your choice",
                 "--ip %s: QEMU's own network gives addresses of IPv6 itself", ip6->address);
        }
        for (unsigned i = 0; i < network->port_count; i++) {
            check_port(&network->ports[i]);
        }
        return;
    }
    if (network->port_count > 0) {
        fail(network->kind == NETWORK_NONE ? "leave one of the two out"
                                           : "the machine has an address of its own there",
             "-p is for --network user, where the machine is behind this host");
    }
    if (network->kind == NETWORK_NONE) {
        if (network->ip4.address != NULL || ip6->address != NULL) {
            fail("leave one of the two out", "--ip has no use with --network none");
        }
        return;
    }
    check_interface(network);
}

static const char *ipv4_text(uint32_t address)
{
    struct in_addr bytes = {.s_addr = htonl(address)};
    char buffer[INET_ADDRSTRLEN];

    return text("%s", inet_ntop(AF_INET, &bytes, buffer, sizeof(buffer)));
}

static uint32_t ipv4_of(const char *word)
{
    struct in_addr bytes = {0};

    (void)inet_pton(AF_INET, word, &bytes);
    return ntohl(bytes.s_addr);
}

/* Whose the addresses of QEMU's network are, if the guest has chosen one. */
struct user_network {
    uint32_t network, guest, host, dns;
};

static struct user_network place_user_network(const struct fixed_ip *ip)
{
    struct user_network place = {.guest = ipv4_of(ip->address)};
    uint32_t size = 1u << (32 - ip->prefix);

    place.network = place.guest & ~(size - 1);
    place.host = ip->gateway != NULL ? ipv4_of(ip->gateway) : place.network + 2;
    if (ip->gateway == NULL && place.host == place.guest) {
        place.host = place.network + 1;
    }
    place.dns = place.network + 3;
    while (size > 4 && (place.dns == place.guest || place.dns == place.host)) {
        place.dns++;
    }
    if (size <= 4 || place.host - place.network >= size || place.host == place.guest) {
        fail("for example: --ip 10.1.2.3/24,10.1.2.1",
             "--ip %s/%u: the host and a name server must find room in this network", ip->address,
             ip->prefix);
    }
    return place;
}

static char *user_netdev(const struct network *network)
{
    char *netdev = text("user,id=net");

    if (network->ip4.address != NULL) {
        struct user_network place = place_user_network(&network->ip4);

        netdev = text("%s,net=%s/%u,host=%s,dns=%s,dhcpstart=%s", netdev, ipv4_text(place.network),
                      network->ip4.prefix, ipv4_text(place.host), ipv4_text(place.dns),
                      network->ip4.address);
    }
    for (unsigned i = 0; i < network->port_count; i++) {
        const struct published *port = &network->ports[i];

        netdev = text("%s,hostfwd=%s:%s:%u-:%u", netdev, port->udp ? "udp" : "tcp",
                      port->address != NULL ? port->address : "", port->host, port->guest);
    }
    return netdev;
}

char *network_netdev(const struct network *network)
{
    switch (network->kind) {
    case NETWORK_USER:
        return user_netdev(network);
    case NETWORK_TAP:
        return text("tap,id=net,script=no,downscript=no,ifname=%s", network->interface);
    case NETWORK_BRIDGE:
        return text("bridge,id=net,br=%s", network->interface);
    case NETWORK_NONE:
        break;
    }
    return NULL;
}

/* In a network with others no two machines may have the one that QEMU gives all. */
char *network_device(const struct network *network)
{
    unsigned char bytes[3] = {0};

    if (network->kind == NETWORK_USER) {
        return text(",netdev=net");
    }
    if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes)) {
        fail(NULL, "the host has no random numbers: %s", strerror(errno));
    }
    return text(",netdev=net,mac=52:54:00:%02x:%02x:%02x", bytes[0], bytes[1], bytes[2]);
}

static char *ip_word(const char *name, const struct fixed_ip *ip, const char *gateway)
{
    if (ip->address == NULL) {
        return text("%s", "");
    }
    return text(" %s=%s/%u%s%s", name, ip->address, ip->prefix, gateway != NULL ? "," : "",
                gateway != NULL ? gateway : "");
}

char *network_words(const struct network *network)
{
    const struct fixed_ip *ip = &network->ip4;
    const char *gateway = ip->gateway;
    char *words = text("%s%s", network->hostname != NULL ? " net.name=" : "",
                       network->hostname != NULL ? network->hostname : "");

    if (network->kind == NETWORK_USER) {
        struct user_network place = {.dns = ipv4_of(USER_DNS)};

        if (ip->address != NULL) {
            place = place_user_network(ip);
            gateway = ipv4_text(place.host);
        }
        words = text("%s net.dns=%s", words, ipv4_text(place.dns));
    }
    return text("%s%s%s", words, ip_word("net.ip", ip, gateway),
                ip_word("net.ip6", &network->ip6, network->ip6.gateway));
}
