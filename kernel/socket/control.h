/* SPDX-License-Identifier: MIT */
/* The control part of messages, SCM_RIGHTS and SCM_CREDENTIALS: control.c. */
#pragma once

#include <kernel/socket.h>

/*
 * Takes the control part of sendmsg(2) apart, into message->parcel and credentials.
 * -EBADF, -EINVAL, -EFAULT, -ESRCH (credentials of nobody), -ENOMEM, -ENOBUFS.
 */
must_check int control_read(struct socket_message *message, u64 control, u64 size);
/*
 * Tells the application what came with a message: bytes of the control part used.
 * Descriptors are made of the parcel, which goes.  message->told gets MSG_CTRUNC if
 * there was no room for all.
 */
u64 control_write(struct socket *socket, struct socket_message *message, u64 control, u64 size);
