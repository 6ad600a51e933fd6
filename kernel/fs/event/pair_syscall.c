/* SPDX-License-Identifier: MIT */
/*
 * The system calls of connected AF_UNIX sockets, until the network layer
 * defines them for all: socketpair(2), sendmsg(2), recvmsg(2) and the like.
 * socket(2) has no address family.
 */
#include <kernel/errno.h>
#include <kernel/fd.h>
#include <kernel/kmalloc.h>
#include <kernel/process.h>
#include <kernel/syscall.h>
#include <kernel/uaccess.h>

#include "pair_priv.h"

#define AF_UNIX 1u
#define SOL_SOCKET 1u
enum {
    SO_REUSEADDR = 2,
    SO_TYPE = 3,
    SO_ERROR = 4,
    SO_SNDBUF = 7,
    SO_RCVBUF = 8,
    SO_KEEPALIVE = 9,
    SO_PASSCRED = 16,
    SO_PEERCRED = 17,
    SO_ACCEPTCONN = 30,
    SO_PROTOCOL = 38,
    SO_DOMAIN = 39,
};
#define VECTORS_MAX 1024u
#define VECTORS_FEW 8u

struct msghdr {
    u64 name;
    u32 name_len, pad;
    u64 vec, vec_count;
    u64 control, control_len;
    u32 flags, pad2;
};

/* The socket's file, counted: 0, -EBADF, -ENOTSOCK. */
static int get_socket(u64 fd, struct file **file)
{
    *file = fd_get((int)fd);
    if (*file == NULL) {
        return -EBADF;
    }
    if (pair_of(*file) == NULL) {
        file_put(*file);
        return -ENOTSOCK;
    }
    return 0;
}

s64 sys_socketpair(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    u32 flags = (u32)a1 & (O_NONBLOCK | O_CLOEXEC), type = (u32)a1 & ~flags;
    struct file *ends[2];
    int err;

    if ((u32)a0 != AF_UNIX) {
        return -EAFNOSUPPORT;
    }
    if (a2 != 0 && (u32)a2 != AF_UNIX) {
        return -EPROTONOSUPPORT;
    }
    if (type != SOCK_STREAM && type != SOCK_DGRAM && type != SOCK_SEQPACKET) {
        return (type & ~0xfu) != 0 ? -EINVAL : -ESOCKTNOSUPPORT;
    }
    err = pair_new(type, flags & O_NONBLOCK, ends);
    return err != 0 ? err : event_install_pair(ends, (flags & O_CLOEXEC) != 0, a3);
}

s64 sys_socket(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return -EAFNOSUPPORT;
}

/* ---- Messages ---------------------------------------------------------------------- */

struct message {
    struct msghdr header;
    struct iovec few[VECTORS_FEW];
    struct iovec *vec;
    struct io io;
};

static int sum_sizes(const struct iovec *vec, u64 count, u64 *size)
{
    *size = 0;
    for (u64 i = 0; i < count; i++) {
        if (vec[i].len > INT64_MAX - *size) {
            return -EINVAL;
        }
        *size += vec[i].len;
    }
    return 0;
}

/* Reads a header and its vectors; message_end() after success. */
static int message_begin(struct message *m, u64 from)
{
    u64 count, size;
    int err;

    if (user_read(&m->header, (const void *)from, sizeof(m->header)) != 0) {
        return -EFAULT;
    }
    count = m->header.vec_count;
    if (count > VECTORS_MAX) {
        return -EMSGSIZE;
    }
    m->vec = count <= VECTORS_FEW ? m->few : kmalloc(count * sizeof(struct iovec));
    if (m->vec == NULL) {
        return -ENOMEM;
    }
    err = user_read(m->vec, (const void *)m->header.vec, count * sizeof(struct iovec));
    if (err == 0) {
        err = sum_sizes(m->vec, count, &size);
    }
    if (err != 0 && m->vec != m->few) {
        kfree(m->vec);
    }
    if (err == 0) {
        io_init_vec(&m->io, m->vec, (unsigned)count, size);
    }
    return err;
}

static void message_end(struct message *m)
{
    if (m->vec != m->few) {
        kfree(m->vec);
    }
}

/* A connected stream has no other place to send to. */
static int check_name(struct file *file, u64 name_len)
{
    if (name_len == 0 || pair_of(file)->pair->type == SOCK_SEQPACKET) {
        return 0;
    }
    return pair_of(file)->pair->type == SOCK_STREAM ? -EISCONN : -ECONNREFUSED;
}

static s64 send_io(u64 fd, struct io *io, u64 name_len, u32 flags)
{
    struct file *file;
    s64 result = get_socket(fd, &file);

    if (result != 0) {
        return result;
    }
    result = check_name(file, name_len);
    if (result == 0) {
        result = pair_send(file, io, flags);
        result = io->done != 0 ? (s64)io->done : result;
    }
    file_put(file);
    return result;
}

static s64 receive_io(u64 fd, struct io *io, u32 *flags)
{
    struct file *file;
    s64 result = get_socket(fd, &file);

    if (result != 0) {
        return result;
    }
    result = pair_receive(file, io, flags);
    file_put(file);
    return io->done != 0 ? (s64)io->done : result;
}

s64 sys_sendto(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct iovec vec;
    struct io io;

    io_init(&io, &vec, (void *)a1, MIN(a2, (u64)INT64_MAX), false);
    return send_io(a0, &io, a4 != 0 ? a5 : 0, (u32)a3);
}

s64 sys_sendmsg(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct message m;
    s64 result = message_begin(&m, a1);

    if (result != 0) {
        return result;
    }
    result = rights_read(m.header.control, m.header.control_len, &m.io.parcel);
    if (result == 0) {
        result = send_io(a0, &m.io, m.header.name != 0 ? m.header.name_len : 0, (u32)a2);
        rights_drop(m.io.parcel); /* it was not sent */
    }
    message_end(&m);
    return result;
}

s64 sys_recvfrom(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    u32 flags = (u32)a3, no_name = 0;
    struct iovec vec;
    struct io io;
    s64 result;

    io_init(&io, &vec, (void *)a1, MIN(a2, (u64)INT64_MAX), false);
    result = receive_io(a0, &io, &flags);
    rights_drop(io.parcel);
    if (result >= 0 && a4 != 0 && a5 != 0 &&
        user_write((void *)a5, &no_name, sizeof(no_name)) != 0) {
        return -EFAULT;
    }
    return result;
}

s64 sys_recvmsg(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    u32 flags = (u32)a2;
    struct message m;
    bool cut;
    s64 result = message_begin(&m, a1);

    if (result != 0) {
        return result;
    }
    result = receive_io(a0, &m.io, &flags);
    message_end(&m);
    if (result < 0) {
        rights_drop(m.io.parcel);
        return result;
    }
    m.header.name_len = 0;
    m.header.control_len = rights_write(m.io.parcel, m.header.control, m.header.control_len,
                                        (a2 & MSG_CMSG_CLOEXEC) != 0, &cut);
    m.header.flags = flags | (cut ? MSG_CTRUNC : 0) | ((u32)a2 & MSG_CMSG_CLOEXEC);
    return user_write((void *)a1, &m.header, sizeof(m.header)) != 0 ? -EFAULT : result;
}

s64 sys_shutdown(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct file *file;
    int err = get_socket(a0, &file);

    if (err == 0) {
        err = pair_shutdown(pair_of(file), (int)a1);
        file_put(file);
    }
    return err;
}

/* ---- Names and options ---------------------------------------------------------------- */

/* Writes at most *len bytes of a value, and its whole length to *len. */
static s64 write_value(u64 to, u64 len_at, const void *value, u32 size)
{
    u32 room;

    if (user_read_u32((const u32 *)len_at, &room) != 0) {
        return -EFAULT;
    }
    if ((s32)room < 0) {
        return -EINVAL;
    }
    if (user_write((void *)to, value, MIN(room, size)) != 0 ||
        user_write((void *)len_at, &size, sizeof(size)) != 0) {
        return -EFAULT;
    }
    return 0;
}

/* The name of a socket without one. */
static s64 write_name(u64 fd, u64 to, u64 len_at)
{
    const u16 family = AF_UNIX;
    struct file *file;
    int err = get_socket(fd, &file);

    if (err != 0) {
        return err;
    }
    file_put(file);
    return write_value(to, len_at, &family, sizeof(family));
}

s64 sys_getsockname(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return write_name(a0, a1, a2);
}

s64 sys_getpeername(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return write_name(a0, a1, a2);
}

static int option_value(const struct pair *pair, u32 option, u32 *value)
{
    switch (option) {
    case SO_TYPE:
        *value = pair->type;
        return 0;
    case SO_SNDBUF:
    case SO_RCVBUF:
        *value = PAIR_BUFFER;
        return 0;
    case SO_DOMAIN:
        *value = AF_UNIX;
        return 0;
    case SO_ERROR:
    case SO_PROTOCOL:
    case SO_ACCEPTCONN:
    case SO_REUSEADDR:
    case SO_KEEPALIVE:
    case SO_PASSCRED:
        *value = 0;
        return 0;
    default:
        return -ENOPROTOOPT;
    }
}

s64 sys_getsockopt(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    const u32 credentials[3] = {PROCESS_ID, 0, 0};
    struct file *file;
    u32 value = 0;
    s64 result = get_socket(a0, &file);

    if (result != 0) {
        return result;
    }
    result = (u32)a1 != SOL_SOCKET ? -EOPNOTSUPP : 0;
    if (result == 0 && (u32)a2 != SO_PEERCRED) {
        result = option_value(pair_of(file)->pair, (u32)a2, &value);
    }
    file_put(file);
    if (result != 0) {
        return result;
    }
    if ((u32)a2 == SO_PEERCRED) {
        return write_value(a3, a4, credentials, sizeof(credentials));
    }
    /* An int, of which as many bytes as asked for. */
    result = write_value(a3, a4, &value, sizeof(value));
    return result;
}

s64 sys_setsockopt(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct file *file;
    s64 result = get_socket(a0, &file);
    u32 option = (u32)a2;

    if (result != 0) {
        return result;
    }
    file_put(file);
    if ((u32)a1 != SOL_SOCKET) {
        return -EOPNOTSUPP;
    }
    /* Sizes of buffers are advice; the others change nothing between two ends here. */
    return option == SO_SNDBUF || option == SO_RCVBUF || option == SO_REUSEADDR ||
                   option == SO_KEEPALIVE
               ? 0
               : -ENOPROTOOPT;
}
