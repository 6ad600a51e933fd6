/* SPDX-License-Identifier: MIT */
/*
 * AF_NETLINK, netlink(7), as far as getifaddrs(3) asks: dumps of the
 * interfaces and of their addresses.  Everything else is refused in the
 * protocol's own way.
 *
 * An answer is made when the question is sent, and waits to be read.
 */
#include "inet_priv.h"

#include <kernel/kmalloc.h>
#include <kernel/process.h>
#include <kernel/string.h>

#define AF_NETLINK 16u
#define NETLINK_ROUTE 0u
#define QUESTION_MOST 4096u
#define ANSWERS_MOST 64u

enum { NLMSG_ERROR = 2, NLMSG_DONE = 3 };
enum { RTM_NEWLINK = 16, RTM_GETLINK = 18, RTM_NEWADDR = 20, RTM_GETADDR = 22, RTM_GETROUTE = 26 };
enum { IFLA_ADDRESS = 1, IFLA_BROADCAST = 2, IFLA_IFNAME = 3, IFLA_MTU = 4, IFLA_TXQLEN = 13 };
enum { IFA_ADDRESS = 1, IFA_LOCAL = 2, IFA_LABEL = 3, IFA_BROADCAST = 4 };
#define NLM_F_REQUEST 1u
#define NLM_F_MULTI 2u
#define NLM_F_DUMP 0x300u

struct sockaddr_nl {
    u16 family, pad;
    u32 pid, groups;
};

struct nlmsghdr {
    u32 len;
    u16 type, flags;
    u32 seq, pid;
};

struct ifinfomsg {
    u8 family, pad;
    u16 type;
    s32 index;
    u32 flags, change;
};

struct ifaddrmsg {
    u8 family, prefix, flags, scope;
    u32 index;
};

struct answer {
    struct list link;
    u32 size;
    u8 data[1024];
};

/* (l) `lock`   (a) atomic */
struct netlink_socket {
    struct socket socket;
    struct spinlock lock;
    struct list answers; /* (l) */
    struct list waiters; /* (l) */
    unsigned waiting;    /* (l) */
    u32 pid;             /* (l) */
};

static struct netlink_socket *netlink_of(struct socket *socket)
{
    return container_of(socket, struct netlink_socket, socket);
}

/* ---- Answers -----------------------------------------------------------------------------------
 */

/* A message's start in the answer; message_end() sets its length. */
static u32 message_begin(struct answer *answer, const struct nlmsghdr *question, u16 type,
                         const void *data, u32 size)
{
    struct nlmsghdr header = {
        .type = type, .flags = NLM_F_MULTI, .seq = question->seq, .pid = question->pid};
    u32 start = answer->size;

    memcpy(answer->data + start, &header, sizeof(header));
    memcpy(answer->data + start + sizeof(header), data, size);
    answer->size += (u32)sizeof(header) + ALIGN_UP(size, 4u);
    return start;
}

static void message_end(struct answer *answer, u32 start)
{
    u32 len = answer->size - start;

    memcpy(answer->data + start, &len, sizeof(len));
}

static void put_attribute(struct answer *answer, u16 type, const void *data, u16 size)
{
    u16 header[2] = {(u16)(size + 4), type};

    memcpy(answer->data + answer->size, header, sizeof(header));
    memcpy(answer->data + answer->size + sizeof(header), data, size);
    answer->size += 4 + ALIGN_UP((u32)size, 4u);
}

static void put_link(struct answer *answer, const struct nlmsghdr *question,
                     const struct interface *interface)
{
    struct ifinfomsg info = {
        .type = interface->type, .index = (s32)interface->index, .flags = interface->flags};
    u32 start = message_begin(answer, question, RTM_NEWLINK, &info, sizeof(info)), queue = 1000;
    static const u8 all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, none[6];

    put_attribute(answer, IFLA_IFNAME, interface->name, (u16)(strlen(interface->name) + 1));
    put_attribute(answer, IFLA_TXQLEN, &queue, sizeof(queue));
    put_attribute(answer, IFLA_MTU, &interface->mtu, sizeof(interface->mtu));
    put_attribute(answer, IFLA_ADDRESS, interface->mac, sizeof(interface->mac));
    put_attribute(answer, IFLA_BROADCAST, interface->index == LO_INDEX ? none : all, 6);
    message_end(answer, start);
}

static void put_address4(struct answer *answer, const struct nlmsghdr *question,
                         const struct interface *interface)
{
    struct ifaddrmsg info = {.family = AF_INET,
                             .prefix = (u8)__builtin_popcount(interface->mask),
                             .flags = 0x80, /* IFA_F_PERMANENT */
                             .scope = interface->index == LO_INDEX ? 254 : 0,
                             .index = interface->index};
    u32 start = message_begin(answer, question, RTM_NEWADDR, &info, sizeof(info));
    u32 address = swap32(interface->v4), broadcast = swap32(interface->v4 | ~interface->mask);

    put_attribute(answer, IFA_ADDRESS, &address, sizeof(address));
    put_attribute(answer, IFA_LOCAL, &address, sizeof(address));
    if (interface->index != LO_INDEX) {
        put_attribute(answer, IFA_BROADCAST, &broadcast, sizeof(broadcast));
    }
    put_attribute(answer, IFA_LABEL, interface->name, (u16)(strlen(interface->name) + 1));
    message_end(answer, start);
}

static void put_address6(struct answer *answer, const struct nlmsghdr *question,
                         const struct interface *interface)
{
    struct ifaddrmsg info = {.family = AF_INET6,
                             .prefix = interface->v6_prefix,
                             .flags = 0x80,
                             .scope = interface->v6_scope == 0x10 ? 254 : 253,
                             .index = interface->index};
    u32 start = message_begin(answer, question, RTM_NEWADDR, &info, sizeof(info));

    put_attribute(answer, IFA_ADDRESS, &interface->v6, sizeof(interface->v6));
    message_end(answer, start);
}

/* All of the question's kind, of one family or of all. */
static void dump(struct answer *answer, const struct nlmsghdr *question, u8 family)
{
    const struct interface *interface;

    for (u32 i = 1; (interface = interface_find(i)) != NULL; i++) {
        if (question->type == RTM_GETLINK) {
            put_link(answer, question, interface);
        }
        if (question->type == RTM_GETADDR && family != AF_INET6 && interface->v4 != 0) {
            put_address4(answer, question, interface);
        }
        if (question->type == RTM_GETADDR && family != AF_INET && interface->has_v6) {
            put_address6(answer, question, interface);
        }
    }
}

static struct answer *answer_new(void)
{
    struct answer *answer = kzalloc(sizeof(*answer));

    if (answer != NULL) {
        list_init(&answer->link);
    }
    return answer;
}

static void queue_answer(struct netlink_socket *socket, struct answer *answer)
{
    bool irq = spin_lock(&socket->lock), room = socket->waiting < ANSWERS_MOST;

    if (room) {
        list_push_back(&socket->answers, &answer->link);
        socket->waiting++;
        event_wake_all(&socket->waiters);
        poll_notify_quick(&socket->socket.source, POLLIN | POLLRDNORM);
    }
    spin_unlock(&socket->lock, irq);
    if (!room) {
        kfree(answer);
    }
}

static int refuse(struct netlink_socket *socket, const struct nlmsghdr *question, s32 err)
{
    struct {
        s32 err;
        struct nlmsghdr question;
    } data = {err, *question};
    struct answer *answer = answer_new();

    if (answer == NULL) {
        return -ENOBUFS;
    }
    message_end(answer, message_begin(answer, question, NLMSG_ERROR, &data, sizeof(data)));
    queue_answer(socket, answer);
    return 0;
}

/* One question: `family` is the first byte behind the header. */
static int ask(struct netlink_socket *socket, const struct nlmsghdr *question, u8 family)
{
    struct answer *all, *end;
    s32 status = 0;

    if ((question->flags & NLM_F_REQUEST) == 0) {
        return 0;
    }
    if ((question->flags & NLM_F_DUMP) == 0 ||
        (question->type != RTM_GETLINK && question->type != RTM_GETADDR &&
         question->type != RTM_GETROUTE)) {
        return refuse(socket, question, -EOPNOTSUPP);
    }
    all = answer_new();
    end = answer_new();
    if (all == NULL || end == NULL) {
        kfree(all);
        kfree(end);
        return -ENOBUFS;
    }
    dump(all, question, family);
    if (all->size != 0) {
        queue_answer(socket, all);
    } else {
        kfree(all);
    }
    message_end(end, message_begin(end, question, NLMSG_DONE, &status, sizeof(status)));
    queue_answer(socket, end);
    return 0;
}

/* ---- The socket --------------------------------------------------------------------------------
 */

static int netlink_send(struct socket *base, struct socket_message *message)
{
    struct netlink_socket *socket = netlink_of(base);
    u64 size = message->io.left, at = 0;
    int err = size <= QUESTION_MOST ? 0 : -EMSGSIZE;
    u8 *data = err == 0 ? kmalloc(size + sizeof(struct nlmsghdr)) : NULL;

    if (data == NULL) {
        return err != 0 ? err : -ENOBUFS;
    }
    err = io_take(&message->io, data, size);
    while (err == 0 && at + sizeof(struct nlmsghdr) <= size) {
        struct nlmsghdr question;

        memcpy(&question, data + at, sizeof(question));
        if (question.len < sizeof(question) || question.len > size - at) {
            break;
        }
        question.pid = socket->pid;
        err = ask(socket, &question,
                  question.len > sizeof(question) ? data[at + sizeof(question)] : 0);
        at += ALIGN_UP((u64)question.len, 4);
    }
    kfree(data);
    return err;
}

static int await_answer(struct netlink_socket *socket, bool *irq, nsec_t deadline)
{
    int err = 0;

    while (err == 0 && list_empty(&socket->answers)) {
        err =
            deadline == 0 ? -EAGAIN : event_wait(&socket->lock, irq, &socket->waiters, 0, deadline);
        err = err == -ETIMEDOUT     ? -EAGAIN
              : err == -ERESTARTSYS ? socket_interrupted(deadline)
                                    : err;
    }
    return list_empty(&socket->answers) ? err : 0;
}

static void tell_kernel(struct socket_address *address, u32 pid)
{
    const struct sockaddr_nl name = {.family = AF_NETLINK, .pid = pid};

    address->len = sizeof(name);
    memcpy(address->bytes, &name, sizeof(name));
}

static int netlink_receive(struct socket *base, struct socket_message *message)
{
    struct netlink_socket *socket = netlink_of(base);
    nsec_t deadline = socket_receive_deadline(base, message->flags);
    bool peek = (message->flags & MSG_PEEK) != 0, irq = spin_lock(&socket->lock);
    int err = await_answer(socket, &irq, deadline);
    struct answer *answer = NULL;
    u64 size;

    if (err == 0) { /* nobody else can take it now; when peeking it goes back to the front */
        answer = list_entry(list_pop_front(&socket->answers), struct answer, link);
        socket->waiting--;
    }
    spin_unlock(&socket->lock, irq);
    if (answer == NULL) {
        return err;
    }
    size = MIN((u64)answer->size, message->io.left);
    err = io_put(&message->io, answer->data, size);
    if (message->address != NULL) {
        tell_kernel(message->address, 0);
    }
    if (size < answer->size) {
        message->told |= MSG_TRUNC;
    }
    if (err == 0 && (message->flags & MSG_TRUNC) != 0) {
        message->io.done = answer->size;
    }
    if (peek) {
        irq = spin_lock(&socket->lock);
        list_push_front(&socket->answers, &answer->link);
        socket->waiting++;
        spin_unlock(&socket->lock, irq);
    } else {
        kfree(answer);
    }
    return err;
}

static int netlink_bind(struct socket *base, const struct socket_address *address)
{
    struct sockaddr_nl name;

    if (address->len < sizeof(name) || address->family != AF_NETLINK) {
        return -EINVAL;
    }
    memcpy(&name, address->bytes, sizeof(name));
    netlink_of(base)->pid = name.pid != 0 ? name.pid : PROCESS_ID;
    return 0;
}

static int netlink_connect(struct socket *base, const struct socket_address *address, u32 flags)
{
    return address->len >= sizeof(u16) && address->family == AF_NETLINK ? 0 : -EINVAL;
}

static int netlink_name(struct socket *base, bool of_peer, struct socket_address *address)
{
    tell_kernel(address, of_peer ? 0 : netlink_of(base)->pid);
    return 0;
}

static u32 netlink_poll(struct socket *base)
{
    struct netlink_socket *socket = netlink_of(base);
    bool irq = spin_lock(&socket->lock), some = !list_empty(&socket->answers);

    spin_unlock(&socket->lock, irq);
    return POLLOUT | POLLWRNORM | (some ? POLLIN | POLLRDNORM : 0);
}

static void netlink_release(struct socket *base)
{
    struct netlink_socket *socket = netlink_of(base);

    list_for_each_safe (link, &socket->answers) {
        list_remove(link);
        kfree(list_entry(link, struct answer, link));
    }
    kfree(socket);
}

/* Options change what nobody here would tell. */
static s64 netlink_set_option(struct socket *base, u32 level, u32 option, u64 from, u32 len)
{
    return level == 270 ? 0 : -ENOPROTOOPT;
}

static const struct socket_ops netlink_ops = {
    .bind = netlink_bind,
    .connect = netlink_connect,
    .name = netlink_name,
    .send = netlink_send,
    .receive = netlink_receive,
    .poll = netlink_poll,
    .set_option = netlink_set_option,
    .release = netlink_release,
};

static int create(u32 type, u32 protocol, struct socket **made)
{
    struct netlink_socket *socket;

    if (type != SOCK_RAW && type != SOCK_DGRAM) {
        return -ESOCKTNOSUPPORT;
    }
    if (protocol != NETLINK_ROUTE) {
        return -EPROTONOSUPPORT;
    }
    socket = kzalloc(sizeof(*socket));
    if (socket == NULL) {
        return -ENOMEM;
    }
    socket_init(&socket->socket, &netlink_ops, AF_NETLINK, (u16)type, (u16)protocol);
    spinlock_init(&socket->lock, "netlink socket", RANK_EVENT);
    list_init(&socket->answers);
    list_init(&socket->waiters);
    *made = &socket->socket;
    return 0;
}

void netlink_init(void)
{
    static const struct socket_family family = {AF_NETLINK, create};

    socket_register_family(&family);
}
