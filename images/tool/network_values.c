/* SPDX-License-Identifier: MIT */
/* The values of the options -p, --network, --ip and --hostname, each checked. */
#include "network.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <string.h>

#define PUBLISH_EXAMPLE "for example: -p 8080:80, -p 127.0.0.1:8080:80 or -p 5353:53/udp"
#define INTERFACE_MAX 15u

/* ---- -p ---- */

static unsigned port_of(const char *word, const char *end)
{
    unsigned value = 0;

    if (word == end || end - word > 5) {
        return 0;
    }
    for (; word < end; word++) {
        if (!isdigit((unsigned char)*word)) {
            return 0;
        }
        value = value * 10 + (unsigned)(*word - '0');
    }
    return value <= 65535 ? value : 0;
}

static bool is_ipv4(const char *word)
{
    struct in_addr address;

    return inet_pton(AF_INET, word, &address) == 1;
}

static bool is_same(const struct published *a, const struct published *b)
{
    return a->host == b->host && a->udp == b->udp &&
           (a->address == NULL || b->address == NULL || strcmp(a->address, b->address) == 0);
}

static void refuse_twice(const struct network *network, const struct published *port)
{
    for (unsigned i = 0; i < network->port_count; i++) {
        if (is_same(&network->ports[i], port)) {
            fail("a port of the host leads to one place", "-p: port %u of the host is given twice",
                 port->host);
        }
    }
}

/* [ADDRESS:]HOST:GUEST[/tcp|/udp] */
void add_port(struct network *network, const char *value)
{
    struct published *port = &network->ports[network->port_count];
    char *copy = text("%s", value), *protocol = strchr(copy, '/'), *guest, *host;

    if (network->port_count == PORTS_MAX) {
        fail("open fewer", "more than %d ports", PORTS_MAX);
    }
    if (protocol != NULL) {
        *protocol++ = '\0';
        if (strcmp(protocol, "tcp") != 0 && strcmp(protocol, "udp") != 0) {
            fail(PUBLISH_EXAMPLE, "-p %s: '%s' is neither tcp nor udp", value, protocol);
        }
    }
    guest = strrchr(copy, ':');
    if (guest == NULL) {
        fail(PUBLISH_EXAMPLE, "-p wants [ADDRESS:]HOST:GUEST[/udp], not '%s'", value);
    }
    *guest++ = '\0';
    host = strrchr(copy, ':');
    if (host != NULL) {
        *host++ = '\0';
        port->address = copy;
        if (!is_ipv4(copy)) {
            fail(PUBLISH_EXAMPLE, "-p %s: '%s' is no IPv4 address of this host", value, copy);
        }
    }
    host = host != NULL ? host : copy;
    port->udp = protocol != NULL && strcmp(protocol, "udp") == 0;
    port->host = port_of(host, host + strlen(host));
    port->guest = port_of(guest, guest + strlen(guest));
    if (port->host == 0 || port->guest == 0) {
        fail(PUBLISH_EXAMPLE, "-p %s: a port is a number from 1 to 65535", value);
    }
    refuse_twice(network, port);
    network->port_count++;
}

/* ---- --network, --ip, --hostname ---- */

void check_network(struct network *network, const char *value)
{
    static const struct {
        const char *word;
        enum network_kind kind;
        bool named;
    } kinds[] = {
        {"user", NETWORK_USER, false},
        {"none", NETWORK_NONE, false},
        {"tap", NETWORK_TAP, true},
        {"bridge", NETWORK_BRIDGE, true},
    };
    size_t len = strcspn(value, ":");
    const char *name = value[len] == ':' ? value + len + 1 : NULL;

    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strlen(kinds[i].word) != len || strncmp(value, kinds[i].word, len) != 0 ||
            kinds[i].named != (name != NULL)) {
            continue;
        }
        if (name != NULL &&
            (*name == '\0' || strlen(name) > INTERFACE_MAX || strchr(name, '/') || *name == '.')) {
            fail("which there are, says: ip link", "--network %s: '%s' is no name of an interface",
                 value, name);
        }
        network->kind = kinds[i].kind;
        network->interface = name;
        return;
    }
    fail("for example: --network bridge:br0",
         "--network is user, tap:INTERFACE, bridge:BRIDGE or none, not '%s'", value);
}

/* ADDRESS/PREFIX[,GATEWAY], once of each family. */
void add_ip(struct network *network, const char *value)
{
    char *copy = text("%s", value), *gateway = strchr(copy, ','), *prefix;
    bool six = strchr(value, ':') != NULL;
    struct fixed_ip *ip = six ? &network->ip6 : &network->ip4;
    int family = six ? AF_INET6 : AF_INET;
    unsigned char bytes[sizeof(struct in6_addr)];

    if (gateway != NULL) {
        *gateway++ = '\0';
    }
    prefix = strchr(copy, '/');
    if (prefix == NULL) {
        fail("for example: --ip 192.168.1.20/24,192.168.1.1",
             "--ip wants ADDRESS/PREFIX[,GATEWAY], not '%s'", value);
    }
    *prefix++ = '\0';
    if (inet_pton(family, copy, bytes) != 1) {
        fail("for example: --ip 192.168.1.20/24", "--ip: '%s' is no IP address", copy);
    }
    ip->prefix = port_of(prefix, prefix + strlen(prefix));
    if (ip->prefix < 1 || ip->prefix > (six ? 128u : 30u)) {
        fail(text("for example: --ip %s/%s", copy, six ? "64" : "24"),
             "--ip: '/%s' is no length of a network's prefix", prefix);
    }
    if (gateway != NULL && inet_pton(family, gateway, bytes) != 1) {
        fail("for example: --ip 192.168.1.20/24,192.168.1.1", "--ip: '%s' is no gateway's address",
             gateway);
    }
    if (ip->address != NULL) {
        fail("one of IPv4 and one of IPv6 is what a card can have", "--ip is given twice: %s",
             value);
    }
    ip->address = copy;
    ip->gateway = gateway;
}

const char *check_hostname(const char *value)
{
    size_t len = strlen(value);

    if (len == 0 || len > 63 || value[0] == '-' || value[0] == '.' ||
        strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") != len) {
        fail("letters, digits, - and . make one, up to 63 of them",
             "--hostname: '%s' is no name of a host", value);
    }
    return value;
}
