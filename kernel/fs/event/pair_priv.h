/* SPDX-License-Identifier: MIT */
/* Connected pairs of AF_UNIX sockets: pair.c what they do, pair_syscall.c the calls. */
#pragma once

#include <kernel/types.h>

#include "event_priv.h"
#include "pipe_priv.h"

#define MSG_PEEK 0x2u
#define MSG_CTRUNC 0x8u
#define MSG_TRUNC 0x20u
#define MSG_DONTWAIT 0x40u
#define MSG_EOR 0x80u
#define MSG_WAITALL 0x100u
#define MSG_NOSIGNAL 0x4000u
#define MSG_CMSG_CLOEXEC 0x40000000u

enum { SOCK_STREAM = 1, SOCK_DGRAM = 2, SOCK_SEQPACKET = 5 };

#define PAIR_BUFFER 212992u /* what SO_SNDBUF and SO_RCVBUF say, Linux's default */

struct pair_end {
    struct pair *pair;
    unsigned side;
};

/*
 * (c) constant   (a) atomic
 * Side s writes into way[s] and reads from way[1 - s].
 */
struct pair {
    u32 type; /* (c) SOCK_* */
    struct pair_end ends[2];
    struct pipe *way[2];
    struct poll_source source[2]; /* of each side's file */
    _Atomic bool no_reader[2];    /* (a) of each way */
    _Atomic bool no_writer[2];    /* (a) */
    _Atomic bool reset[2];        /* (a) the peer of the side left bytes unread */
    _Atomic bool closed[2];       /* (a) the side's file has gone */
    _Atomic u32 references;       /* (a) files */
};

/* Two files; -ENOMEM. */
must_check int pair_new(u32 type, u32 flags, struct file **ends);
/* NULL: not one of these. */
struct pair_end *pair_of(struct file *file);
/* As recvmsg(2) and sendmsg(2): 0 or -errno, io->done tells how much; *flags gets MSG_TRUNC. */
must_check int pair_receive(struct file *file, struct io *io, u32 *flags);
must_check int pair_send(struct file *file, struct io *io, u32 flags);
/* how: 0 reading, 1 writing, 2 both.  -EINVAL */
must_check int pair_shutdown(struct pair_end *end, int how);
