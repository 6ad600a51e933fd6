/* SPDX-License-Identifier: MIT */
/*
 * Sockets as files, and the families of addresses.
 *
 * A socket and its file live together: the file's release is the socket's.
 * Which family a call belongs to is decided here and nowhere else; a new one
 * registers itself at start-up (kernel/socket.h).
 */
#include "socket_priv.h"

#include "parcel.h"
#include <kernel/clock.h>
#include <kernel/fd.h>
#include <kernel/sched.h>
#include <kernel/signal.h>
#include <kernel/thread.h>

/* (c) after start-up */
static const struct socket_family *families[AF_MAX] = {[AF_UNIX] = &unix_family};

void socket_register_family(const struct socket_family *family)
{
    BUG_ON(family->family >= AF_MAX || families[family->family] != NULL);
    families[family->family] = family;
}

const struct socket_family *socket_family_find(u32 family)
{
    return family < AF_MAX ? families[family] : NULL;
}

void socket_init(struct socket *socket, const struct socket_ops *ops, u16 family, u16 type,
                 u16 protocol)
{
    socket->ops = ops;
    socket->family = family;
    socket->type = type;
    socket->protocol = protocol;
    atomic_init(&socket->options, 0);
    atomic_init(&socket->send_size, SOCKET_SIZE_DEFAULT);
    atomic_init(&socket->receive_size, SOCKET_SIZE_DEFAULT);
    atomic_init(&socket->receive_low, 1);
    atomic_init(&socket->priority, 0);
    atomic_init(&socket->linger_on, 0);
    atomic_init(&socket->linger, 0);
    atomic_init(&socket->send_timeout, SCHED_NEVER);
    atomic_init(&socket->receive_timeout, SCHED_NEVER);
    atomic_init(&socket->file, NULL);
    poll_source_init(&socket->source, "socket watches");
}

/* ---- Waiting -------------------------------------------------------------------------- */

static nsec_t deadline_of(nsec_t timeout, u32 flags)
{
    if ((flags & MSG_DONTWAIT) != 0 || timeout == 0) {
        return 0;
    }
    return timeout == SCHED_NEVER ? SCHED_NEVER : clock_now() + timeout;
}

nsec_t socket_receive_deadline(struct socket *socket, u32 flags)
{
    return deadline_of(atomic_load_explicit(&socket->receive_timeout, memory_order_relaxed), flags);
}

nsec_t socket_send_deadline(struct socket *socket, u32 flags)
{
    return deadline_of(atomic_load_explicit(&socket->send_timeout, memory_order_relaxed), flags);
}

int socket_interrupted(nsec_t deadline)
{
    return deadline == SCHED_NEVER ? -ERESTARTSYS : -EINTR;
}

/* ---- What net/ has ------------------------------------------------------------------- */

weak s64 socket_interface_ioctl(u32 request, u64 arg)
{
    return -ENOTTY;
}

weak int net_file_show(enum net_file file, struct text *text)
{
    return 0;
}

/* ---- The file ------------------------------------------------------------------------- */

u32 socket_file_flags(struct file *file)
{
    u32 flags = atomic_load_explicit(&file->flags, memory_order_relaxed);

    return (flags & O_NONBLOCK) != 0 ? MSG_DONTWAIT : 0;
}

int socket_send(struct socket *socket, struct socket_message *message)
{
    return socket->ops->send != NULL ? socket->ops->send(socket, message) : -EOPNOTSUPP;
}

int socket_receive(struct socket *socket, struct socket_message *message)
{
    return socket->ops->receive != NULL ? socket->ops->receive(socket, message) : -EOPNOTSUPP;
}

static int file_read_socket(struct file *file, struct io *io, u64 *pos)
{
    struct socket_message message = {.io = *io, .flags = socket_file_flags(file)};
    int err;

    if (io->left == 0) {
        return 0;
    }
    err = socket_receive(file->priv, &message);
    *io = message.io;
    parcel_drop(message.parcel); /* read(2) has no place for it */
    return err;
}

static int file_write_socket(struct file *file, struct io *io, u64 *pos)
{
    struct socket_message message = {.io = *io, .flags = socket_file_flags(file)};
    int err = socket_send(file->priv, &message);

    *io = message.io;
    return err;
}

static u32 file_poll_socket(struct file *file)
{
    struct socket *socket = file->priv;

    return socket->ops->poll(socket);
}

static struct poll_source *file_source(struct file *file)
{
    return &((struct socket *)file->priv)->source;
}

static s64 file_ioctl_socket(struct file *file, u32 request, u64 arg)
{
    struct socket *socket = file->priv;

    s64 result = socket->ops->ioctl != NULL ? socket->ops->ioctl(socket, request, arg) : -ENOTTY;

    return result == -ENOTTY ? socket_interface_ioctl(request, arg) : result;
}

static void file_release_socket(struct file *file)
{
    struct socket *socket = file->priv;

    atomic_store_explicit(&socket->file, NULL, memory_order_relaxed);
    socket->ops->release(socket);
}

static const struct file_ops socket_file_ops = {
    .read = file_read_socket,
    .write = file_write_socket,
    .ioctl = file_ioctl_socket,
    .poll = file_poll_socket,
    .source = file_source,
    .release = file_release_socket,
};

struct socket *socket_of(struct file *file)
{
    return file->ops == &socket_file_ops ? file->priv : NULL;
}

int socket_open(struct socket *socket, u32 flags, struct file **file)
{
    int err = file_new(&socket_file_ops, "socket", O_RDWR | flags, socket, file);

    if (err != 0) {
        socket->ops->release(socket);
        return err;
    }
    atomic_store_explicit(&socket->file, *file, memory_order_relaxed);
    return 0;
}

int socket_get(u64 fd, struct file **file, struct socket **socket)
{
    *file = fd_get((int)fd);
    if (*file == NULL) {
        return -EBADF;
    }
    *socket = socket_of(*file);
    if (*socket == NULL) {
        file_put(*file);
        return -ENOTSOCK;
    }
    return 0;
}
