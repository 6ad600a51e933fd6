/* SPDX-License-Identifier: MIT */
/*
 * Addresses of IPv4 and IPv6 in one form: 16 bytes, an IPv4 address as
 * ::ffff:a.b.c.d, as a dual-stack socket of AF_INET6 sees it anyway.  Pure.
 */
#pragma once

#include <kernel/socket.h>
#include <kernel/types.h>

#define AF_INET 2u
#define AF_INET6 10u

struct inet_ip {
    union {
        u8 byte[16];
        u32 word[4]; /* in network order */
        u64 half[2];
    };
};

/* port: in host order; scope: the interface of a link-local address. */
struct inet_address {
    struct inet_ip ip;
    u16 port;
    u32 scope;
};

struct sockaddr_in {
    u16 family, port;
    u32 address;
    u8 zero[8];
};

struct sockaddr_in6 {
    u16 family, port;
    u32 flow;
    struct inet_ip address;
    u32 scope;
} __attribute__((packed, aligned(4)));
_Static_assert(sizeof(struct sockaddr_in6) == 28, "ipv6(7)");
#define SOCKADDR_IN6_LEAST 24u /* without the scope: RFC 2133 */

static inline u16 swap16(u16 value)
{
    return __builtin_bswap16(value);
}

static inline u32 swap32(u32 value)
{
    return __builtin_bswap32(value);
}

/* `v4` in host order. */
static inline struct inet_ip inet_ip_v4(u32 v4)
{
    return (struct inet_ip){.word = {0, 0, swap32(0xffff), swap32(v4)}};
}

static inline bool inet_ip_is_v4(const struct inet_ip *ip)
{
    return ip->half[0] == 0 && ip->word[2] == swap32(0xffff);
}

static inline u32 inet_ip_get_v4(const struct inet_ip *ip)
{
    return swap32(ip->word[3]);
}

static inline bool inet_ip_equal(const struct inet_ip *a, const struct inet_ip *b)
{
    return a->half[0] == b->half[0] && a->half[1] == b->half[1];
}

#define INET_IP_LOOPBACK4 inet_ip_v4(0x7f000001u)
#define INET_IP_LOOPBACK6 ((struct inet_ip){.byte = {[15] = 1}})
#define INET_IP_ANY6 ((struct inet_ip){.half = {0, 0}})

/* :: or 0.0.0.0 */
bool inet_ip_is_any(const struct inet_ip *ip);
/* 127.0.0.0/8 or ::1 */
bool inet_ip_is_loopback(const struct inet_ip *ip);
bool inet_ip_is_multicast(const struct inet_ip *ip);
bool inet_ip_is_link_local(const struct inet_ip *ip); /* IPv6 */

/*
 * From what bind(2) was given, on a socket of this family: 0, -EINVAL (too short),
 * -EAFNOSUPPORT.
 */
must_check int inet_address_parse(const struct socket_address *from, u16 family,
                                  struct inet_address *address);
void inet_address_tell(const struct inet_address *address, u16 family, struct socket_address *to);

/*
 * Does a socket of this family that is bound to `bound` take what comes for `ip`?  A
 * wildcard of AF_INET6 takes IPv4 too, unless `only6`.
 */
bool inet_ip_takes(u16 family, const struct inet_ip *bound, bool only6, const struct inet_ip *ip);
/* Is there an address that both would take? */
bool inet_ip_overlaps(u16 family_a, const struct inet_ip *a, bool only6_a, u16 family_b,
                      const struct inet_ip *b, bool only6_b);
