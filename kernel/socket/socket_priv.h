/* SPDX-License-Identifier: MIT */
/*
 * Between the files of kernel/socket/:
 *
 *   socket.c           files and families     socket_syscall.c   socket(2), accept(2) ...
 *   socket_option.c    getsockopt(2)          socket_message.c   sendmsg(2), recvmsg(2) ...
 *   control.c          control messages       parcel.c           files on their way
 *   unix*.c            AF_UNIX
 */
#pragma once

#include <kernel/errno.h>
#include <kernel/socket.h>
#include <kernel/vfs.h>

extern const struct socket_family unix_family;

/* NULL: there is no such family. */
const struct socket_family *socket_family_find(u32 family);

/* A file around a socket, which is released if that fails.  -ENOMEM */
must_check int socket_open(struct socket *socket, u32 flags, struct file **file);
/* The socket of a descriptor; its file is counted: 0, -EBADF, -ENOTSOCK. */
must_check int socket_get(u64 fd, struct file **file, struct socket **socket);

/* MSG_DONTWAIT if the file says so. */
u32 socket_file_flags(struct file *file);
/* What the ops answer, or an error. */
must_check int socket_send(struct socket *socket, struct socket_message *message);
must_check int socket_receive(struct socket *socket, struct socket_message *message);

/* sockaddr from and to the application, as bind(2) and accept(2) have them. */
must_check int socket_address_read(struct socket_address *address, u64 from, u64 len);
must_check int socket_address_write(const struct socket_address *address, u64 to, u64 len_at);
