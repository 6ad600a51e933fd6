/* SPDX-License-Identifier: MIT */
/* The interfaces: netdevice(7)'s ioctls, which a socket of any family takes. */
#include "inet_priv.h"

#include <kernel/string.h>
#include <kernel/uaccess.h>

#define IFF_UP 0x1u
#define IFF_LOOPBACK 0x8u
#define IFF_RUNNING 0x40u
#define IFF_LOWER_UP 0x10000u /* not among the ioctl's 16 bits */
#define ARPHRD_LOOPBACK 772u
#define NAME_SIZE 16u

enum {
    SIOCGIFNAME = 0x8910,
    SIOCGIFCONF = 0x8912,
    SIOCGIFFLAGS = 0x8913,
    SIOCGIFADDR = 0x8915,
    SIOCGIFDSTADDR = 0x8917,
    SIOCGIFBRDADDR = 0x8919,
    SIOCGIFNETMASK = 0x891b,
    SIOCGIFMETRIC = 0x891d,
    SIOCGIFMTU = 0x8921,
    SIOCGIFHWADDR = 0x8927,
    SIOCGIFINDEX = 0x8933,
    SIOCGIFTXQLEN = 0x8942,
};

struct ifreq {
    char name[NAME_SIZE];
    union {
        struct sockaddr_in address;
        struct {
            u16 family;
            u8 bytes[14];
        } hardware;
        u16 flags;
        s32 number;
        u8 bytes[24];
    };
};
_Static_assert(sizeof(struct ifreq) == 40, "netdevice(7)");

struct ifconf {
    s32 len, pad;
    u64 requests;
};

static const struct interface loopback = {
    .name = "lo",
    .index = LO_INDEX,
    .flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING | IFF_LOWER_UP,
    .mtu = LO_MTU,
    .type = ARPHRD_LOOPBACK,
    .v4 = 0x7f000001,
    .mask = 0xff000000,
    .v6 = {.byte = {[15] = 1}},
    .v6_prefix = 128,
    .v6_scope = 0x10,
    .has_v6 = true,
};

const struct interface *interface_find(u32 index)
{
    return index == LO_INDEX ? &loopback : index == LO_INDEX + 1 ? card_interface() : NULL;
}

const struct interface *interface_of(const struct inet_ip *ip)
{
    const struct interface *card = card_interface();

    if (inet_ip_is_loopback(ip)) {
        return &loopback;
    }
    return card != NULL && inet_ip_is_v4(ip) && inet_ip_get_v4(ip) == card->v4 ? card : NULL;
}

static const struct interface *find_by_name(const char *name)
{
    const struct interface *interface;

    for (u32 i = 1; (interface = interface_find(i)) != NULL; i++) {
        if (strcmp(interface->name, name) == 0) {
            return interface;
        }
    }
    return NULL;
}

/* ---- ioctl(2) ------------------------------------------------------------------------------- */

static void set_address(struct ifreq *request, u32 address)
{
    request->address = (struct sockaddr_in){.family = AF_INET, .address = swap32(address)};
}

/* Those with an IPv4 address, as many as there is room for. */
static s64 list_interfaces(u64 arg)
{
    const struct interface *interface;
    struct ifconf conf;
    u32 used = 0;

    if (user_read(&conf, (const void *)arg, sizeof(conf)) != 0) {
        return -EFAULT;
    }
    for (u32 i = 1; (interface = interface_find(i)) != NULL; i++) {
        struct ifreq request = {.number = 0};

        if (conf.requests != 0 && (s64)conf.len < (s64)(used + sizeof(request))) {
            break;
        }
        strlcpy(request.name, interface->name, NAME_SIZE);
        set_address(&request, interface->v4);
        if (conf.requests != 0 &&
            user_write((void *)(conf.requests + used), &request, sizeof(request)) != 0) {
            return -EFAULT;
        }
        used += sizeof(request);
    }
    conf.len = (s32)used;
    return user_write((void *)arg, &conf, sizeof(conf));
}

/* 0, or -ENOTTY. */
static int answer(const struct interface *interface, u32 what, struct ifreq *request)
{
    memset(request->bytes, 0, sizeof(request->bytes));
    switch (what) {
    case SIOCGIFNAME:
        strlcpy(request->name, interface->name, NAME_SIZE);
        request->number = (s32)interface->index;
        return 0;
    case SIOCGIFINDEX:
        request->number = (s32)interface->index;
        return 0;
    case SIOCGIFFLAGS:
        request->flags = (u16)interface->flags;
        return 0;
    case SIOCGIFADDR:
    case SIOCGIFDSTADDR:
        set_address(request, interface->v4);
        return 0;
    case SIOCGIFBRDADDR:
        set_address(request,
                    (interface->flags & IFF_LOOPBACK) != 0 ? 0 : interface->v4 | ~interface->mask);
        return 0;
    case SIOCGIFNETMASK:
        set_address(request, interface->mask);
        return 0;
    case SIOCGIFMETRIC:
        return 0;
    case SIOCGIFMTU:
        request->number = (s32)interface->mtu;
        return 0;
    case SIOCGIFHWADDR:
        request->hardware.family = interface->type;
        memcpy(request->hardware.bytes, interface->mac, sizeof(interface->mac));
        return 0;
    case SIOCGIFTXQLEN:
        request->number = 1000;
        return 0;
    default:
        return -ENOTTY;
    }
}

s64 socket_interface_ioctl(u32 what, u64 arg)
{
    const struct interface *interface;
    struct ifreq request;
    int err;

    if (what == SIOCGIFCONF) {
        return list_interfaces(arg);
    }
    if (what < SIOCGIFNAME || what > SIOCGIFTXQLEN) {
        return -ENOTTY;
    }
    if (user_read(&request, (const void *)arg, sizeof(request)) != 0) {
        return -EFAULT;
    }
    request.name[NAME_SIZE - 1] = '\0';
    interface =
        what == SIOCGIFNAME ? interface_find((u32)request.number) : find_by_name(request.name);
    if (interface == NULL) {
        return -ENODEV;
    }
    err = answer(interface, what, &request);
    return err != 0 ? err : user_write((void *)arg, &request, sizeof(request));
}

/* ---- A socket's own -----------------------------------------------------------------------------
 */

#define FIONREAD 0x541bu
#define SIOCOUTQ 0x5411u
#define SIOCATMARK 0x8905u

/* What the peer has not read yet. */
static u32 count_unsent(struct inet_socket *socket)
{
    struct inet_socket *peer = inet_is_tcp(socket) ? inet_get_peer(socket) : NULL;
    u32 count = 0;

    if (peer != NULL) {
        bool irq = spin_lock(&peer->lock);

        count = peer->dead ? 0 : (u32)peer->charge;
        spin_unlock(&peer->lock, irq);
        inet_put(peer);
    }
    return count;
}

s64 inet_ioctl(struct socket *base, u32 request, u64 arg)
{
    struct inet_socket *socket = inet_of(base);
    bool irq, listens;
    u32 value;

    if (request != FIONREAD && request != SIOCOUTQ &&
        !(request == SIOCATMARK && inet_is_tcp(socket))) {
        return -ENOTTY;
    }
    irq = spin_lock(&socket->lock);
    listens = socket->state == STREAM_LISTENING;
    value = request == FIONREAD ? (u32)inet_readable(socket)
                                : socket->urgent && socket->head == socket->urgent_at;
    spin_unlock(&socket->lock, irq);
    if (listens && request != SIOCATMARK) {
        return -EINVAL;
    }
    if (request == SIOCOUTQ) {
        value = count_unsent(socket);
    }
    return user_write((void *)arg, &value, sizeof(value));
}
