/* SPDX-License-Identifier: MIT */
/*
 * Options of the levels IP, IPV6 and TCP: getsockopt(2), setsockopt(2).
 *
 * Those that are a number are a row of a table: what they are at first, and
 * between what they may be.  All can be set and asked; what has no meaning within one
 * machine (TTL, the class of traffic, keep-alive times) has no effect there.
 */
#include "inet_priv.h"

#include <kernel/string.h>
#include <kernel/uaccess.h>

enum {
    IP_MTU = 14,
    IP_MULTICAST_IF = 32,
    IP_ADD_MEMBERSHIP = 35,
    IP_DROP_MEMBERSHIP = 36,
    IPV6_ADD_MEMBERSHIP = 20,
    IPV6_DROP_MEMBERSHIP = 21,
    IPV6_MTU = 24,
    TCP_INFO = 11,
    TCP_CONGESTION = 13,
};

static const struct row {
    u8 level, option; /* the application's */
    u8 index;         /* enum inet_option */
    s32 first, least, most;
    s32 minus_one; /* what -1 stands for; 0: it is like others */
} rows[] = {
    {IPPROTO_IP, 1, OPT_TOS, 0, 0, 255, 0},
    {IPPROTO_IP, 2, OPT_TTL, 64, 1, 255, 64},
    {IPPROTO_IP, 8, OPT_PKTINFO, 0, 0, 1, 0},
    {IPPROTO_IP, 10, OPT_MTU_DISCOVER, 1, 0, 5, 0},
    {IPPROTO_IP, 11, OPT_RECVERR, 0, 0, 1, 0},
    {IPPROTO_IP, 12, OPT_RECVTTL, 0, 0, 1, 0},
    {IPPROTO_IP, 13, OPT_RECVTOS, 0, 0, 1, 0},
    {IPPROTO_IP, 15, OPT_FREEBIND, 0, 0, 1, 0},
    {IPPROTO_IP, 24, OPT_BIND_NO_PORT, 0, 0, 1, 0},
    {IPPROTO_IP, 33, OPT_MULTICAST_TTL, 1, 0, 255, 1},
    {IPPROTO_IP, 34, OPT_MULTICAST_LOOP, 1, 0, 1, 0},
    {IPPROTO_IP, 49, OPT_MULTICAST_ALL, 1, 0, 1, 0},
    {IPPROTO_IPV6, 16, OPT_HOPS6, 64, 0, 255, 64},
    {IPPROTO_IPV6, 17, OPT_MULTICAST_IF6, 0, 0, INT32_MAX, 0},
    {IPPROTO_IPV6, 18, OPT_MULTICAST_HOPS6, 1, 0, 255, 1},
    {IPPROTO_IPV6, 19, OPT_MULTICAST_LOOP6, 1, 0, 1, 0},
    {IPPROTO_IPV6, 23, OPT_MTU_DISCOVER6, 1, 0, 5, 0},
    {IPPROTO_IPV6, 25, OPT_RECVERR6, 0, 0, 1, 0},
    {IPPROTO_IPV6, 26, OPT_V6ONLY, 0, 0, 1, 0},
    {IPPROTO_IPV6, 29, OPT_MULTICAST_ALL6, 1, 0, 1, 0},
    {IPPROTO_IPV6, 49, OPT_RECVPKTINFO6, 0, 0, 1, 0},
    {IPPROTO_IPV6, 51, OPT_RECVHOPS6, 0, 0, 1, 0},
    {IPPROTO_IPV6, 66, OPT_RECVTCLASS6, 0, 0, 1, 0},
    {IPPROTO_IPV6, 67, OPT_TCLASS6, 0, 0, 255, 0},
    {IPPROTO_TCP, 1, OPT_NODELAY, 0, 0, 1, 0},
    {IPPROTO_TCP, 2, OPT_MAXSEG, 536, 88, 32767, 0},
    {IPPROTO_TCP, 3, OPT_CORK, 0, 0, 1, 0},
    {IPPROTO_TCP, 4, OPT_KEEPIDLE, 7200, 1, 32767, 0},
    {IPPROTO_TCP, 5, OPT_KEEPINTVL, 75, 1, 32767, 0},
    {IPPROTO_TCP, 6, OPT_KEEPCNT, 9, 1, 127, 0},
    {IPPROTO_TCP, 7, OPT_SYNCNT, 6, 1, 127, 0},
    {IPPROTO_TCP, 8, OPT_LINGER2, 60, -1, 120, 0},
    {IPPROTO_TCP, 9, OPT_DEFER_ACCEPT, 0, 0, INT32_MAX, 0},
    {IPPROTO_TCP, 10, OPT_WINDOW_CLAMP, 0, 0, INT32_MAX, 0},
    {IPPROTO_TCP, 12, OPT_QUICKACK, 1, 0, 1, 0},
    {IPPROTO_TCP, 18, OPT_USER_TIMEOUT, 0, 0, INT32_MAX, 0},
    {IPPROTO_TCP, 23, OPT_FASTOPEN, 0, 0, INT32_MAX, 0},
};
_Static_assert(ARRAY_SIZE(rows) == OPT_COUNT, "a row for each option");

void inet_options_init(struct inet_socket *socket)
{
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        atomic_init(&socket->option[rows[i].index], rows[i].first);
    }
}

static const struct row *find_row(u32 level, u32 option)
{
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        if (rows[i].level == level && rows[i].option == option) {
            return &rows[i];
        }
    }
    return NULL;
}

/* Does the socket have options of this level?  0, or what it says of them. */
static int check_level(struct inet_socket *socket, u32 level)
{
    if (level == IPPROTO_IP || (level == IPPROTO_TCP && inet_is_tcp(socket)) ||
        (level == IPPROTO_IPV6 && socket->socket.family == AF_INET6)) {
        return 0;
    }
    return inet_is_tcp(socket) || socket->socket.family == AF_INET ? -ENOPROTOOPT : -EOPNOTSUPP;
}

/* ---- Telling -----------------------------------------------------------------------------------
 */

static s64 write_value(const void *value, u32 size, u64 to, u64 len_at)
{
    u32 room;

    if (user_read_u32((const u32 *)len_at, &room) != 0) {
        return -EFAULT;
    }
    if ((s32)room < 0) {
        return -EINVAL;
    }
    size = MIN(size, room);
    if (user_write((void *)len_at, &size, sizeof(size)) != 0) {
        return -EFAULT;
    }
    return user_write((void *)to, value, size);
}

/* Of IP, into less than four bytes: one, if that is enough. */
static s64 write_number(u32 level, s32 value, u64 to, u64 len_at)
{
    u32 room;

    if (user_read_u32((const u32 *)len_at, &room) != 0) {
        return -EFAULT;
    }
    if (level == IPPROTO_IP && room > 0 && room < sizeof(value) && value >= 0 && value <= 255) {
        u8 byte = (u8)value;

        return write_value(&byte, 1, to, len_at);
    }
    return write_value(&value, sizeof(value), to, len_at);
}

/* The start of struct tcp_info: the state, as Linux numbers them, and zeros. */
static s64 write_info(struct inet_socket *socket, u64 to, u64 len_at)
{
    static const u8 numbers[] = {[STREAM_CLOSED] = 7,
                                 [STREAM_LISTENING] = 10,
                                 [STREAM_CONNECTING] = 2,
                                 [STREAM_CONNECTED] = 1};
    u8 info[104] = {0};
    bool irq = spin_lock(&socket->lock);

    info[0] = numbers[socket->state];
    if (socket->state == STREAM_CONNECTED) {
        bool shut = (socket->shut & SHUT_WR) != 0;

        info[0] = stream_is_over(socket) ? 7 : socket->finished ? 8 : shut ? 5 : 1;
    }
    spin_unlock(&socket->lock, irq);
    return write_value(info, sizeof(info), to, len_at);
}

s64 inet_get_option(struct socket *base, u32 level, u32 option, u64 to, u64 len_at)
{
    struct inet_socket *socket = inet_of(base);
    const struct row *row = find_row(level, option);
    int err = check_level(socket, level);

    if (err != 0) {
        return err;
    }
    if (row != NULL) {
        return write_number(level, inet_option(socket, row->index), to, len_at);
    }
    if (level == IPPROTO_IP && option == IP_MULTICAST_IF) {
        return write_value(&socket->multicast_from, sizeof(u32), to, len_at);
    }
    if ((level == IPPROTO_IP && option == IP_MTU) ||
        (level == IPPROTO_IPV6 && option == IPV6_MTU)) {
        return socket->remote.port == 0 ? -ENOTCONN : write_number(level, LO_MTU, to, len_at);
    }
    if (level == IPPROTO_TCP && option == TCP_INFO) {
        return write_info(socket, to, len_at);
    }
    if (level == IPPROTO_TCP && option == TCP_CONGESTION) {
        return write_value("cubic\0\0\0\0\0\0\0\0\0\0", 16, to, len_at);
    }
    return -ENOPROTOOPT;
}

/* ---- Setting --------------------------------------------------------------------------------- */

/* struct ip_mreq, or ip_mreqn with an interface's number. */
static int set_membership4(struct inet_socket *socket, u64 from, u32 len, bool join)
{
    struct {
        u32 group, address, index;
    } request = {0, 0, 0};
    struct inet_ip group;

    if (len < 8) {
        return -EINVAL;
    }
    if (user_read(&request, (const void *)from, len >= sizeof(request) ? sizeof(request) : 8) !=
        0) {
        return -EFAULT;
    }
    group = inet_ip_v4(swap32(request.group));
    if (request.index == 0 && request.address != 0) {
        const struct inet_ip ip = inet_ip_v4(swap32(request.address));
        const struct interface *interface = interface_of(&ip);

        if (interface == NULL) {
            return join ? -ENODEV : -EADDRNOTAVAIL;
        }
        request.index = interface->index;
    }
    return join ? multicast_join(socket, &group, request.index)
                : multicast_leave(socket, &group, request.index);
}

/* struct ipv6_mreq */
static int set_membership6(struct inet_socket *socket, u64 from, u32 len, bool join)
{
    struct {
        struct inet_ip group;
        u32 index;
    } request;

    if (len < 20) {
        return -EINVAL;
    }
    if (user_read(&request, (const void *)from, 20) != 0) {
        return -EFAULT;
    }
    return join ? multicast_join(socket, &request.group, request.index)
                : multicast_leave(socket, &request.group, request.index);
}

/* struct in_addr, ip_mreq or ip_mreqn. */
static int set_multicast_from(struct inet_socket *socket, u64 from, u32 len)
{
    u32 words[3] = {0}, address;

    if (len < sizeof(u32)) {
        return -EINVAL;
    }
    if (user_read(words, (const void *)from, MIN(len, sizeof(words)) & ~3u) != 0) {
        return -EFAULT;
    }
    address = len >= 8 ? words[1] : words[0];
    if (address != 0) {
        const struct inet_ip ip = inet_ip_v4(swap32(address));

        if (interface_of(&ip) == NULL) {
            return -EADDRNOTAVAIL;
        }
    } else if (words[2] != 0 && interface_find(words[2]) == NULL) {
        return -EADDRNOTAVAIL;
    }
    socket->multicast_from = address;
    return 0;
}

static int set_number(struct inet_socket *socket, const struct row *row, s32 value)
{
    if (value == -1 && row->minus_one != 0) {
        value = row->minus_one;
    }
    if (row->least == 0 && row->most == 1) {
        value = value != 0;
    }
    if (row->index == OPT_V6ONLY && socket->local.port != 0) {
        return -EINVAL;
    }
    if (row->index == OPT_MULTICAST_IF6 && value != 0 && interface_find((u32)value) == NULL) {
        return -ENODEV;
    }
    if (value < row->least || value > row->most) {
        return -EINVAL;
    }
    atomic_store_explicit(&socket->option[row->index], value, memory_order_relaxed);
    if (inet_is_tcp(socket)) {
        tcp_card_apply(socket);
    }
    return 0;
}

/* Of IP, one byte is enough. */
static int read_number(u32 level, u64 from, u32 len, s32 *value)
{
    if (len >= sizeof(*value)) {
        return user_read(value, (const void *)from, sizeof(*value));
    }
    *value = 0;
    if (level == IPPROTO_IP && len >= 1) {
        return user_read(value, (const void *)from, 1);
    }
    return -EINVAL;
}

s64 inet_set_option(struct socket *base, u32 level, u32 option, u64 from, u32 len)
{
    struct inet_socket *socket = inet_of(base);
    const struct row *row = find_row(level, option);
    int err = check_level(socket, level);
    s32 value;

    if (err != 0) {
        return err;
    }
    if (row != NULL) {
        err = read_number(level, from, len, &value);
        return err != 0 ? err : set_number(socket, row, value);
    }
    if (level == IPPROTO_IP && (option == IP_ADD_MEMBERSHIP || option == IP_DROP_MEMBERSHIP)) {
        return set_membership4(socket, from, len, option == IP_ADD_MEMBERSHIP);
    }
    if (level == IPPROTO_IPV6 &&
        (option == IPV6_ADD_MEMBERSHIP || option == IPV6_DROP_MEMBERSHIP)) {
        return set_membership6(socket, from, len, option == IPV6_ADD_MEMBERSHIP);
    }
    if (level == IPPROTO_IP && option == IP_MULTICAST_IF) {
        return set_multicast_from(socket, from, len);
    }
    return -ENOPROTOOPT;
}
