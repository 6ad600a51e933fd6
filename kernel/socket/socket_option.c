/* SPDX-License-Identifier: MIT */
/*
 * getsockopt(2) and setsockopt(2): socket(7)'s options, which every family
 * has.  The others are the family's own.
 */
#include "socket_priv.h"

#include <kernel/posix_time.h>
#include <kernel/process.h>
#include <kernel/sched.h>
#include <kernel/string.h>
#include <kernel/syscall.h>
#include <kernel/uaccess.h>

enum {
    SO_DEBUG = 1,
    SO_REUSEADDR = 2,
    SO_TYPE = 3,
    SO_ERROR = 4,
    SO_DONTROUTE = 5,
    SO_BROADCAST = 6,
    SO_SNDBUF = 7,
    SO_RCVBUF = 8,
    SO_KEEPALIVE = 9,
    SO_OOBINLINE = 10,
    SO_PRIORITY = 12,
    SO_LINGER = 13,
    SO_REUSEPORT = 15,
    SO_PASSCRED = 16,
    SO_PEERCRED = 17,
    SO_RCVLOWAT = 18,
    SO_SNDLOWAT = 19,
    SO_RCVTIMEO = 20,
    SO_SNDTIMEO = 21,
    SO_PEERNAME = 28,
    SO_TIMESTAMP = 29,
    SO_ACCEPTCONN = 30,
    SO_SNDBUFFORCE = 32,
    SO_RCVBUFFORCE = 33,
    SO_PROTOCOL = 38,
    SO_DOMAIN = 39,
    SO_PEERGROUPS = 59,
    SO_RCVTIMEO_NEW = 66,
    SO_SNDTIMEO_NEW = 67,
};

#define SEND_SIZE_MIN 4608 /* as on Linux */
#define RECEIVE_SIZE_MIN 2304
#define SIZE_MAX_GIVEN 212992 /* net.core.wmem_max, rmem_max */
#define SIZE_MAX_FORCED (1 << 20)
#define PRIORITY_MAX 6
#define VALUE_MAX 16u

struct linger {
    s32 on, seconds;
};

/* Options that are one bit of socket->options. */
static u32 option_bit(u32 option)
{
    static const struct {
        u8 option;
        u16 bit;
    } bits[] = {
        {SO_DEBUG, SOCKET_DEBUG},         {SO_REUSEADDR, SOCKET_REUSEADDR},
        {SO_DONTROUTE, SOCKET_DONTROUTE}, {SO_BROADCAST, SOCKET_BROADCAST},
        {SO_KEEPALIVE, SOCKET_KEEPALIVE}, {SO_OOBINLINE, SOCKET_OOBINLINE},
        {SO_PASSCRED, SOCKET_PASSCRED},   {SO_TIMESTAMP, SOCKET_TIMESTAMP},
        {SO_REUSEPORT, SOCKET_REUSEPORT},
    };

    for (unsigned i = 0; i < ARRAY_SIZE(bits); i++) {
        if (bits[i].option == option) {
            return bits[i].bit;
        }
    }
    return 0;
}

static s32 load(_Atomic s32 *value)
{
    return atomic_load_explicit(value, memory_order_relaxed);
}

static void store(_Atomic s32 *to, s32 value)
{
    atomic_store_explicit(to, value, memory_order_relaxed);
}

static _Atomic u64 *timeout_of(struct socket *socket, u32 option)
{
    return option == SO_RCVTIMEO || option == SO_RCVTIMEO_NEW ? &socket->receive_timeout
                                                              : &socket->send_timeout;
}

/* ---- Telling --------------------------------------------------------------------------- */

/* Those that are a number: 0, -ENOPROTOOPT, -EOPNOTSUPP. */
static int get_number(struct socket *socket, u32 option, s32 *value)
{
    u32 bit = option_bit(option);

    if (bit != 0) {
        *value = socket_has(socket, bit);
        return 0;
    }
    switch (option) {
    case SO_TYPE:
        *value = socket->type;
        return 0;
    case SO_DOMAIN:
        *value = socket->family;
        return 0;
    case SO_PROTOCOL:
        *value = socket->protocol;
        return 0;
    case SO_ERROR:
        *value = socket->ops->take_error != NULL ? -socket->ops->take_error(socket) : 0;
        return 0;
    case SO_ACCEPTCONN:
        *value = socket->ops->listens != NULL && socket->ops->listens(socket);
        return 0;
    case SO_SNDBUF:
        *value = load(&socket->send_size);
        return 0;
    case SO_RCVBUF:
        *value = load(&socket->receive_size);
        return 0;
    case SO_RCVLOWAT:
        *value = load(&socket->receive_low);
        return 0;
    case SO_SNDLOWAT:
        *value = 1;
        return 0;
    case SO_PRIORITY:
        *value = load(&socket->priority);
        return 0;
    default:
        return -ENOPROTOOPT;
    }
}

static struct timeval get_timeout(struct socket *socket, u32 option)
{
    nsec_t timeout = atomic_load_explicit(timeout_of(socket, option), memory_order_relaxed);

    return timeout == SCHED_NEVER ? (struct timeval){0, 0} : timeval_from_nsec(timeout);
}

/* The option's bytes and how many; -errno. */
static int get_value(struct socket *socket, u32 option, void *value, u32 *size)
{
    switch (option) {
    case SO_LINGER:
        *(struct linger *)value = (struct linger){load(&socket->linger_on), load(&socket->linger)};
        *size = sizeof(struct linger);
        return 0;
    case SO_RCVTIMEO:
    case SO_SNDTIMEO:
    case SO_RCVTIMEO_NEW:
    case SO_SNDTIMEO_NEW:
        *(struct timeval *)value = get_timeout(socket, option);
        *size = sizeof(struct timeval);
        return 0;
    case SO_PEERCRED:
        *size = sizeof(struct credentials);
        *(struct credentials *)value = (struct credentials){0, ~0u, ~0u};
        if (socket->ops->peer_credentials != NULL) {
            (void)socket->ops->peer_credentials(socket, value);
        }
        return 0;
    case SO_PEERGROUPS: /* root has no others */
        *size = 0;
        return socket->ops->peer_credentials != NULL ? socket->ops->peer_credentials(socket, value)
                                                     : -ENODATA;
    default:
        *size = sizeof(s32);
        return get_number(socket, option, value);
    }
}

static s64 get_peer_name(struct socket *socket, u64 to, u32 room, u64 len_at)
{
    struct socket_address address;

    if (socket->ops->name(socket, true, &address) != 0) {
        return -ENOTCONN;
    }
    if (address.len < room) {
        return -EINVAL;
    }
    return user_write((void *)to, address.bytes, room);
}

static s64 get_option(struct socket *socket, u32 option, u64 to, u64 len_at)
{
    _Alignas(8) u8 value[VALUE_MAX] = {0};
    u32 room, size;
    s64 err;

    if (user_read_u32((const u32 *)len_at, &room) != 0) {
        return -EFAULT;
    }
    if ((s32)room < 0) {
        return -EINVAL;
    }
    if (option == SO_PEERNAME) {
        return get_peer_name(socket, to, room, len_at);
    }
    err = get_value(socket, option, value, &size);
    if (err != 0) {
        return err;
    }
    size = MIN(size, room);
    if (user_write((void *)to, value, size) != 0) {
        return -EFAULT;
    }
    return user_write((void *)len_at, &size, sizeof(size));
}

s64 sys_getsockopt(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct socket *socket;
    struct file *file;
    s64 result = socket_get(a0, &file, &socket);

    if (result != 0) {
        return result;
    }
    if ((u32)a1 == SOL_SOCKET) {
        result = get_option(socket, (u32)a2, a3, a4);
    } else {
        result = socket->ops->get_option == NULL
                     ? -EOPNOTSUPP
                     : socket->ops->get_option(socket, (u32)a1, (u32)a2, a3, a4);
    }
    file_put(file);
    return result;
}

/* ---- Setting ---------------------------------------------------------------------------- */

static int set_timeout(struct socket *socket, u32 option, u64 from, u32 len)
{
    struct timeval time;
    nsec_t timeout;

    if (len < sizeof(time)) {
        return -EINVAL;
    }
    if (user_read(&time, (const void *)from, sizeof(time)) != 0) {
        return -EFAULT;
    }
    if (time.usec < 0 || time.usec >= 1000000) {
        return -EDOM;
    }
    if (time.sec < 0) {
        timeout = 0;
    } else if (time.sec == 0 && time.usec == 0) {
        timeout = SCHED_NEVER;
    } else {
        timeout = timespec_to_nsec(&(struct timespec){time.sec, time.usec * (s64)NSEC_PER_USEC});
    }
    atomic_store_explicit(timeout_of(socket, option), timeout, memory_order_relaxed);
    return 0;
}

static int set_linger(struct socket *socket, u64 from, u32 len)
{
    struct linger linger;

    if (len < sizeof(linger)) {
        return -EINVAL;
    }
    if (user_read(&linger, (const void *)from, sizeof(linger)) != 0) {
        return -EFAULT;
    }
    store(&socket->linger_on, linger.on != 0);
    if (linger.on != 0) {
        store(&socket->linger, linger.seconds);
    }
    return 0;
}

/* Twice what was asked for, as on Linux: half of it is for what a message costs beside its bytes.
 */
static void set_size(_Atomic s32 *size, s32 value, s32 least, s32 most)
{
    value = MIN(value < 0 ? most : value, most);
    store(size, MAX(2 * value, least));
}

static int set_bit(struct socket *socket, u32 option, bool on)
{
    u32 bit = option_bit(option);

    if (bit == SOCKET_PASSCRED ? socket->family != AF_UNIX
                               : bit == SOCKET_REUSEPORT && on && socket->family == AF_UNIX) {
        return -EOPNOTSUPP;
    }
    if (on) {
        atomic_fetch_or_explicit(&socket->options, bit, memory_order_relaxed);
    } else {
        atomic_fetch_and_explicit(&socket->options, ~bit, memory_order_relaxed);
    }
    return 0;
}

static int set_number(struct socket *socket, u32 option, s32 value)
{
    if (option_bit(option) != 0) {
        return set_bit(socket, option, value != 0);
    }
    switch (option) {
    case SO_SNDBUF:
        set_size(&socket->send_size, value, SEND_SIZE_MIN, SIZE_MAX_GIVEN);
        return 0;
    case SO_RCVBUF:
        set_size(&socket->receive_size, value, RECEIVE_SIZE_MIN, SIZE_MAX_GIVEN);
        return 0;
    case SO_SNDBUFFORCE:
        set_size(&socket->send_size, MAX(value, 0), SEND_SIZE_MIN, SIZE_MAX_FORCED);
        return 0;
    case SO_RCVBUFFORCE:
        set_size(&socket->receive_size, MAX(value, 0), RECEIVE_SIZE_MIN, SIZE_MAX_FORCED);
        return 0;
    case SO_RCVLOWAT:
        store(&socket->receive_low, value < 0 ? INT32_MAX : MAX(value, 1));
        return 0;
    case SO_PRIORITY:
        store(&socket->priority, value);
        return 0;
    default:
        return -ENOPROTOOPT;
    }
}

static int set_option(struct socket *socket, u32 option, u64 from, u32 len)
{
    s32 value;
    int err;

    if (len < sizeof(value)) {
        return -EINVAL;
    }
    if (user_read(&value, (const void *)from, sizeof(value)) != 0) {
        return -EFAULT;
    }
    switch (option) {
    case SO_LINGER:
        return set_linger(socket, from, len);
    case SO_RCVTIMEO:
    case SO_SNDTIMEO:
    case SO_RCVTIMEO_NEW:
    case SO_SNDTIMEO_NEW:
        return set_timeout(socket, option, from, len);
    default:
        err = set_number(socket, option, value);
        break;
    }
    if (err == 0 && socket->ops->changed != NULL) {
        socket->ops->changed(socket);
    }
    return err;
}

s64 sys_setsockopt(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct socket *socket;
    struct file *file;
    s64 result = (s32)a4 < 0 ? -EINVAL : socket_get(a0, &file, &socket);

    if (result != 0) {
        return result;
    }
    if ((u32)a1 == SOL_SOCKET) {
        result = set_option(socket, (u32)a2, a3, (u32)a4);
    } else {
        result = socket->ops->set_option == NULL
                     ? -EOPNOTSUPP
                     : socket->ops->set_option(socket, (u32)a1, (u32)a2, a3, (u32)a4);
    }
    file_put(file);
    return result;
}
