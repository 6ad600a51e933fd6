/* SPDX-License-Identifier: MIT */
/*
 * Sockets: what a family of addresses provides, and what the system calls
 * ask of it.
 *
 *   kernel/socket/   the calls, the files, options that all have; AF_UNIX
 *   net/             AF_INET and AF_INET6, by socket_register_family()
 *
 * A family embeds `struct socket` in its own.  The calls check numbers, copy
 * addresses, and move control data; the ops never touch the application's
 * memory but through the message's io, and by ioctl and the options of a level
 * of their own.
 *
 * All functions: thread context, no spinlock held.  Errors are Linux's, as the
 * man pages have them.  An op may wait if its flags lack MSG_DONTWAIT, which
 * stands for O_NONBLOCK as well; it gives -ERESTARTSYS for a signal then, or
 * -EINTR if the socket has a time-out (socket_interrupted()).
 */
#pragma once

#include <kernel/io.h>
#include <kernel/poll.h>
#include <kernel/types.h>
#include <stdatomic.h>

#define AF_UNSPEC 0u
#define AF_UNIX 1u
#define AF_MAX 46u

enum { SOCK_STREAM = 1, SOCK_DGRAM = 2, SOCK_RAW = 3, SOCK_SEQPACKET = 5 };

#define MSG_OOB 0x1u
#define MSG_PEEK 0x2u
#define MSG_CTRUNC 0x8u
#define MSG_TRUNC 0x20u
#define MSG_DONTWAIT 0x40u
#define MSG_EOR 0x80u
#define MSG_WAITALL 0x100u
#define MSG_ERRQUEUE 0x2000u
#define MSG_NOSIGNAL 0x4000u
#define MSG_WAITFORONE 0x10000u
#define MSG_CMSG_CLOEXEC 0x40000000u

#define SHUT_RD 1u /* one more than the application's number: a set */
#define SHUT_WR 2u
#define SHUT_BOTH 3u

#define SOL_SOCKET 1u

#define SOCKET_ADDRESS_MAX 128u /* struct sockaddr_storage */
struct socket_address {
    u32 len; /* 0: none */
    union {
        u16 family;
        u8 bytes[SOCKET_ADDRESS_MAX];
    };
};

/* struct ucred; a pid of 0: not told. */
struct credentials {
    u32 pid, uid, gid;
};

struct parcel; /* descriptors on their way: kernel/socket/parcel.h */

/* What sendmsg(2) and recvmsg(2) are about. */
struct socket_message {
    struct io io;
    u32 flags;                      /* MSG_*: those asked for; a receiver sets MSG_TRUNC */
    u32 told;                       /* MSG_* for msg_flags, by the receiver */
    struct socket_address *address; /* where to, or NULL; the receiver fills it in if not NULL */
    struct parcel *parcel;          /* the sender's is taken over by who sets it to NULL */
    struct credentials credentials;
};

struct socket;
struct file;

/* NULL stands for -EOPNOTSUPP, or for what is in brackets. */
struct socket_ops {
    int (*bind)(struct socket *socket, const struct socket_address *address);
    int (*listen)(struct socket *socket, int backlog);
    int (*accept)(struct socket *socket, u32 flags, struct socket **fresh);
    int (*connect)(struct socket *socket, const struct socket_address *address, u32 flags);
    int (*pair)(struct socket *a, struct socket *b);
    int (*name)(struct socket *socket, bool of_peer, struct socket_address *address);
    /* 0 or -errno; io.done tells how much, and counts if it is not 0. */
    int (*send)(struct socket *socket, struct socket_message *message);
    int (*receive)(struct socket *socket, struct socket_message *message);
    int (*shutdown)(struct socket *socket, u32 ways); /* SHUT_* */
    u32 (*poll)(struct socket *socket);
    s64 (*ioctl)(struct socket *socket, u32 request, u64 arg); /* [-ENOTTY] */
    /* Levels other than SOL_SOCKET. */
    s64 (*get_option)(struct socket *socket, u32 level, u32 option, u64 value, u64 len);
    s64 (*set_option)(struct socket *socket, u32 level, u32 option, u64 value, u32 len);
    /* SO_ERROR: takes it [0]; SO_PEERCRED: -ENODATA. */
    int (*take_error)(struct socket *socket);
    int (*peer_credentials)(struct socket *socket, struct credentials *credentials);
    bool (*listens)(struct socket *socket); /* SO_ACCEPTCONN [false] */
    /* An option of socket->options has changed, or a size [nothing]. */
    void (*changed)(struct socket *socket);
    void (*release)(struct socket *socket); /* the file has gone */
};

/* Options that are one bit, for socket->options. */
#define SOCKET_DEBUG 1u
#define SOCKET_REUSEADDR 2u
#define SOCKET_DONTROUTE 4u
#define SOCKET_BROADCAST 8u
#define SOCKET_KEEPALIVE 16u
#define SOCKET_OOBINLINE 32u
#define SOCKET_PASSCRED 64u
#define SOCKET_TIMESTAMP 128u
#define SOCKET_REUSEPORT 256u

/* (c) constant   (a) atomic */
struct socket {
    const struct socket_ops *ops;              /* (c) */
    u16 family, type;                          /* (c) */
    u16 protocol;                              /* (c) */
    _Atomic u32 options;                       /* (a) SOCKET_* */
    _Atomic s32 send_size, receive_size;       /* (a) SO_SNDBUF, SO_RCVBUF */
    _Atomic s32 receive_low;                   /* (a) SO_RCVLOWAT */
    _Atomic s32 priority;                      /* (a) */
    _Atomic s32 linger_on, linger;             /* (a) */
    _Atomic u64 send_timeout, receive_timeout; /* (a) SCHED_NEVER: none */
    struct poll_source source;                 /* of its file */
    struct file *_Atomic file; /* (a) not counted; NULL before accept(2) and at its end */
};

#define SOCKET_SIZE_DEFAULT 212992 /* net.core.wmem_default */

/* For families: everything but what is theirs. */
void socket_init(struct socket *socket, const struct socket_ops *ops, u16 family, u16 type,
                 u16 protocol);

struct socket_family {
    u16 family;
    /* type: SOCK_*; a new one without a file, -ESOCKTNOSUPPORT, -EPROTONOSUPPORT, -ENOMEM. */
    int (*create)(u32 type, u32 protocol, struct socket **socket);
};
/* Start-up only. */
void socket_register_family(const struct socket_family *family);

/*
 * As socket(2), for the kernel's own use by its ops: without a file, until ops->release.
 * -EAFNOSUPPORT, -EINVAL, or what the family says.
 */
must_check int socket_create(u32 family, u32 type, u32 protocol, struct socket **socket);

/*
 * Overridden by net/.  What is asked about interfaces, of a socket of any family
 * whose own ops do not know the request: -ENOTTY.
 */
s64 socket_interface_ioctl(u32 request, u64 arg);

/* Overridden by net/: the files of /proc/net about it, 0 or -ENOMEM. */
enum net_file {
    NET_FILE_DEV,
    NET_FILE_IF_INET6,
    NET_FILE_ROUTE,
    NET_FILE_ARP,
    NET_FILE_TCP,
    NET_FILE_TCP6,
    NET_FILE_UDP,
    NET_FILE_UDP6,
};
struct text;
int net_file_show(enum net_file file, struct text *text);

/* The socket that is this file, or NULL. */
struct socket *socket_of(struct file *file);

/* When a wait with these flags ends: 0 (no wait), a time, SCHED_NEVER. */
nsec_t socket_receive_deadline(struct socket *socket, u32 flags);
nsec_t socket_send_deadline(struct socket *socket, u32 flags);
/* What a wait of that deadline that a signal has ended gives. */
int socket_interrupted(nsec_t deadline);

static inline bool socket_has(struct socket *socket, u32 option)
{
    return (atomic_load_explicit(&socket->options, memory_order_relaxed) & option) != 0;
}
