/* SPDX-License-Identifier: MIT */
/*
 * The system calls of sockets that move no data: from socket(2) to
 * shutdown(2), for every family.
 */
#include "socket_priv.h"

#include "../fs/event/event_priv.h"
#include <kernel/fd.h>
#include <kernel/string.h>
#include <kernel/syscall.h>
#include <kernel/uaccess.h>

#define SOCKET_FLAGS (O_NONBLOCK | O_CLOEXEC) /* SOCK_NONBLOCK and SOCK_CLOEXEC are the same */
#define TYPE_MASK 0xfu
#define TYPES 11u /* SOCK_PACKET is the last */
#define SOMAXCONN 4096

/* ---- Addresses ------------------------------------------------------------------------- */

int socket_address_read(struct socket_address *address, u64 from, u64 len)
{
    s32 size = (s32)len;

    if (size < 0 || size > (s32)SOCKET_ADDRESS_MAX) {
        return -EINVAL;
    }
    address->len = (u32)size;
    address->family = AF_UNSPEC;
    return size == 0 ? 0 : user_read(address->bytes, (const void *)from, (u64)size);
}

int socket_address_write(const struct socket_address *address, u64 to, u64 len_at)
{
    s32 room;

    if (user_read(&room, (const void *)len_at, sizeof(room)) != 0) {
        return -EFAULT;
    }
    room = MIN(room, (s32)address->len);
    if (room < 0) {
        return -EINVAL;
    }
    if (user_write((void *)to, address->bytes, (u64)room) != 0) {
        return -EFAULT;
    }
    return user_write((void *)len_at, &address->len, sizeof(address->len));
}

/* ---- Making them ------------------------------------------------------------------------ */

int socket_create(u32 family, u32 type, u32 protocol, struct socket **socket)
{
    const struct socket_family *known = socket_family_find(family);

    if (type >= TYPES) {
        return -EINVAL;
    }
    return known == NULL ? -EAFNOSUPPORT : known->create(type, protocol, socket);
}

s64 sys_socket(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    u32 flags = (u32)a1 & ~TYPE_MASK;
    struct socket *socket;
    struct file *file;
    int err = (flags & ~SOCKET_FLAGS) != 0
                  ? -EINVAL
                  : socket_create((u32)a0, (u32)a1 & TYPE_MASK, (u32)a2, &socket);

    if (err == 0) {
        err = socket_open(socket, flags & O_NONBLOCK, &file);
    }
    return err != 0 ? err : event_install(file, (flags & O_CLOEXEC) != 0);
}

/* Both are taken over. */
static int open_pair(struct socket **pair, u32 flags, struct file **files)
{
    int err = pair[0]->ops->pair == NULL ? -EOPNOTSUPP : pair[0]->ops->pair(pair[0], pair[1]);

    if (err != 0) {
        pair[0]->ops->release(pair[0]);
        pair[1]->ops->release(pair[1]);
        return err;
    }
    err = socket_open(pair[0], flags, &files[0]);
    if (err != 0) {
        pair[1]->ops->release(pair[1]);
        return err;
    }
    err = socket_open(pair[1], flags, &files[1]);
    if (err != 0) {
        file_put(files[0]);
    }
    return err;
}

s64 sys_socketpair(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    u32 flags = (u32)a1 & ~TYPE_MASK, type = (u32)a1 & TYPE_MASK;
    struct socket *pair[2];
    struct file *files[2];
    int err =
        (flags & ~SOCKET_FLAGS) != 0 ? -EINVAL : socket_create((u32)a0, type, (u32)a2, &pair[0]);

    if (err != 0) {
        return err;
    }
    err = socket_create((u32)a0, type, (u32)a2, &pair[1]);
    if (err != 0) {
        pair[0]->ops->release(pair[0]);
        return err;
    }
    err = open_pair(pair, flags & O_NONBLOCK, files);
    return err != 0 ? err : event_install_pair(files, (flags & O_CLOEXEC) != 0, a3);
}

/* ---- Names and connections --------------------------------------------------------------- */

s64 sys_bind(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct socket_address address;
    struct socket *socket;
    struct file *file;
    int err = socket_get(a0, &file, &socket);

    if (err != 0) {
        return err;
    }
    err = socket_address_read(&address, a1, a2);
    if (err == 0) {
        err = socket->ops->bind == NULL ? -EOPNOTSUPP : socket->ops->bind(socket, &address);
    }
    file_put(file);
    return err;
}

s64 sys_listen(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    u32 backlog = MIN((u32)a1, (u32)SOMAXCONN); /* -1 is as many as may be */
    struct socket *socket;
    struct file *file;
    int err = socket_get(a0, &file, &socket);

    if (err == 0) {
        err = socket->ops->listen == NULL ? -EOPNOTSUPP : socket->ops->listen(socket, (int)backlog);
        file_put(file);
    }
    return err;
}

s64 sys_connect(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct socket_address address;
    struct socket *socket;
    struct file *file;
    int err = socket_get(a0, &file, &socket);

    if (err != 0) {
        return err;
    }
    err = socket_address_read(&address, a1, a2);
    if (err == 0) {
        err = socket->ops->connect == NULL
                  ? -EOPNOTSUPP
                  : socket->ops->connect(socket, &address, socket_file_flags(file));
    }
    file_put(file);
    return err;
}

/* The name of who has connected goes where the caller wants it. */
static int write_peer(struct socket *socket, u64 to, u64 len_at)
{
    struct socket_address address;

    if (to == 0) {
        return 0;
    }
    if (socket->ops->name(socket, true, &address) != 0) {
        return -ECONNABORTED;
    }
    return socket_address_write(&address, to, len_at);
}

static int accept_file(u64 fd, u32 flags, u64 to, u64 len_at, struct file **file)
{
    struct socket *socket, *fresh;
    struct file *listener;
    int err = socket_get(fd, &listener, &socket);

    if (err != 0) {
        return err;
    }
    err = socket->ops->accept == NULL
              ? -EOPNOTSUPP
              : socket->ops->accept(socket, socket_file_flags(listener), &fresh);
    if (err == 0) {
        err = socket_open(fresh, flags & O_NONBLOCK, file);
    }
    file_put(listener);
    if (err == 0) {
        err = write_peer(fresh, to, len_at);
        if (err != 0) {
            file_put(*file);
        }
    }
    return err;
}

s64 sys_accept4(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    u32 flags = (u32)a3;
    struct file *file;
    int err = (flags & ~SOCKET_FLAGS) != 0 ? -EINVAL : accept_file(a0, flags, a1, a2, &file);

    return err != 0 ? err : event_install(file, (flags & O_CLOEXEC) != 0);
}

s64 sys_accept(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return sys_accept4(a0, a1, a2, 0, 0, 0);
}

static s64 tell_name(u64 fd, bool of_peer, u64 to, u64 len_at)
{
    struct socket_address address;
    struct socket *socket;
    struct file *file;
    int err = socket_get(fd, &file, &socket);

    if (err != 0) {
        return err;
    }
    err = socket->ops->name(socket, of_peer, &address);
    file_put(file);
    return err != 0 ? err : socket_address_write(&address, to, len_at);
}

s64 sys_getsockname(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return tell_name(a0, false, a1, a2);
}

s64 sys_getpeername(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return tell_name(a0, true, a1, a2);
}

s64 sys_shutdown(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct socket *socket;
    struct file *file;
    int err = socket_get(a0, &file, &socket);

    if (err != 0) {
        return err;
    }
    if ((u32)a1 > 2) {
        err = -EINVAL;
    } else {
        err = socket->ops->shutdown == NULL ? -EOPNOTSUPP
                                            : socket->ops->shutdown(socket, (u32)a1 + 1);
    }
    file_put(file);
    return err;
}
