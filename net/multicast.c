/* SPDX-License-Identifier: MIT */
/* Which groups a socket has joined: IP_ADD_MEMBERSHIP, IPV6_ADD_MEMBERSHIP. */
#include "inet_priv.h"

#include <kernel/kmalloc.h>

#define GROUPS_MOST 20u /* net.ipv4.igmp_max_memberships */

static struct inet_membership *find(struct inet_socket *socket, const struct inet_ip *group,
                                    u32 interface)
{
    list_for_each (link, &socket->groups) {
        struct inet_membership *m = list_entry(link, struct inet_membership, link);

        if (inet_ip_equal(&m->group, group) && (interface == 0 || m->interface == interface)) {
            return m;
        }
    }
    return NULL;
}

bool multicast_has_joined(struct inet_socket *socket, const struct inet_ip *group)
{
    assert(spin_is_mine(&socket->lock));
    return find(socket, group, 0) != NULL;
}

static unsigned count(const struct inet_socket *socket)
{
    unsigned n = 0;

    list_for_each (link, &socket->groups) {
        n++;
    }
    return n;
}

int multicast_join(struct inet_socket *socket, const struct inet_ip *group, u32 interface)
{
    struct inet_membership *fresh;
    int err = 0;
    bool irq;

    if (!inet_ip_is_multicast(group)) {
        return -EINVAL;
    }
    if (interface != 0 && interface_find(interface) == NULL) {
        return -ENODEV;
    }
    fresh = kzalloc(sizeof(*fresh));
    if (fresh == NULL) {
        return -ENOMEM;
    }
    fresh->group = *group;
    fresh->interface = interface != 0 ? interface : LO_INDEX;
    irq = spin_lock(&socket->lock);
    if (find(socket, group, fresh->interface) != NULL) {
        err = -EADDRINUSE;
    } else if (count(socket) >= GROUPS_MOST) {
        err = -ENOBUFS;
    } else {
        list_push_back(&socket->groups, &fresh->link);
    }
    spin_unlock(&socket->lock, irq);
    if (err != 0) {
        kfree(fresh);
    }
    return err;
}

int multicast_leave(struct inet_socket *socket, const struct inet_ip *group, u32 interface)
{
    bool irq = spin_lock(&socket->lock);
    struct inet_membership *m = find(socket, group, interface);

    if (m != NULL) {
        list_remove(&m->link);
    }
    spin_unlock(&socket->lock, irq);
    kfree(m);
    return m != NULL ? 0 : -EADDRNOTAVAIL;
}

void multicast_leave_all(struct inet_socket *socket)
{
    list_for_each_safe (link, &socket->groups) {
        list_remove(link);
        kfree(list_entry(link, struct inet_membership, link));
    }
}
