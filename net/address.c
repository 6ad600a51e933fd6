/* SPDX-License-Identifier: MIT */
/* Addresses: address.h. */
#include "address.h"

#include <kernel/errno.h>
#include <kernel/string.h>

bool inet_ip_is_any(const struct inet_ip *ip)
{
    return ip->half[0] == 0 && (ip->half[1] == 0 || (inet_ip_is_v4(ip) && ip->word[3] == 0));
}

bool inet_ip_is_loopback(const struct inet_ip *ip)
{
    const struct inet_ip one = INET_IP_LOOPBACK6;

    return inet_ip_is_v4(ip) ? ip->byte[12] == 127 : inet_ip_equal(ip, &one);
}

bool inet_ip_is_multicast(const struct inet_ip *ip)
{
    return inet_ip_is_v4(ip) ? (ip->byte[12] & 0xf0) == 0xe0 : ip->byte[0] == 0xff;
}

bool inet_ip_is_link_local(const struct inet_ip *ip)
{
    return ip->byte[0] == 0xfe && (ip->byte[1] & 0xc0) == 0x80;
}

static int parse_v4(const struct socket_address *from, struct inet_address *address)
{
    struct sockaddr_in in;

    if (from->len < sizeof(in)) {
        return -EINVAL;
    }
    memcpy(&in, from->bytes, sizeof(in));
    *address = (struct inet_address){.ip = inet_ip_v4(swap32(in.address)), .port = swap16(in.port)};
    if (in.family == AF_INET) {
        return 0;
    }
    /* A relic that Linux keeps: any address, without a family. */
    return in.family == AF_UNSPEC && in.address == 0 ? 0 : -EAFNOSUPPORT;
}

static int parse_v6(const struct socket_address *from, struct inet_address *address)
{
    struct sockaddr_in6 in = {.scope = 0};

    if (from->len < SOCKADDR_IN6_LEAST) {
        return -EINVAL;
    }
    memcpy(&in, from->bytes, MIN(from->len, sizeof(in)));
    *address = (struct inet_address){.ip = in.address, .port = swap16(in.port), .scope = in.scope};
    return in.family == AF_INET6 ? 0 : -EAFNOSUPPORT;
}

int inet_address_parse(const struct socket_address *from, u16 family, struct inet_address *address)
{
    return family == AF_INET ? parse_v4(from, address) : parse_v6(from, address);
}

void inet_address_tell(const struct inet_address *address, u16 family, struct socket_address *to)
{
    if (family == AF_INET) {
        struct sockaddr_in in = {
            .family = AF_INET,
            .port = swap16(address->port),
            .address = address->ip.word[3],
        };

        to->len = sizeof(in);
        memcpy(to->bytes, &in, sizeof(in));
    } else {
        struct sockaddr_in6 in = {
            .family = AF_INET6,
            .port = swap16(address->port),
            .address = address->ip,
            .scope = inet_ip_is_link_local(&address->ip) ? address->scope : 0,
        };

        to->len = sizeof(in);
        memcpy(to->bytes, &in, sizeof(in));
    }
}

static bool takes_v4(u16 family, const struct inet_ip *bound, bool only6)
{
    return family == AF_INET || inet_ip_is_v4(bound) || (inet_ip_is_any(bound) && !only6);
}

static bool takes_v6(u16 family, const struct inet_ip *bound)
{
    return family == AF_INET6 && !inet_ip_is_v4(bound);
}

bool inet_ip_takes(u16 family, const struct inet_ip *bound, bool only6, const struct inet_ip *ip)
{
    if (!inet_ip_is_any(bound)) {
        return inet_ip_equal(bound, ip);
    }
    return inet_ip_is_v4(ip) ? takes_v4(family, bound, only6) : takes_v6(family, bound);
}

bool inet_ip_overlaps(u16 family_a, const struct inet_ip *a, bool only6_a, u16 family_b,
                      const struct inet_ip *b, bool only6_b)
{
    bool any_a = inet_ip_is_any(a), any_b = inet_ip_is_any(b);

    if (!any_a) {
        return inet_ip_takes(family_b, b, only6_b, a);
    }
    if (!any_b) {
        return inet_ip_takes(family_a, a, only6_a, b);
    }
    return (takes_v4(family_a, a, only6_a) && takes_v4(family_b, b, only6_b)) ||
           (takes_v6(family_a, a) && takes_v6(family_b, b));
}
