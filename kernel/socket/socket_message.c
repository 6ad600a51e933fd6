/* SPDX-License-Identifier: MIT */
/*
 * sendto(2), recvfrom(2), sendmsg(2), recvmsg(2), sendmmsg(2), recvmmsg(2).
 *
 * All of them fill in one `struct socket_message` and give it to the family.
 */
#include "control.h"
#include "parcel.h"
#include "socket_priv.h"

#include <kernel/clock.h>
#include <kernel/kmalloc.h>
#include <kernel/sched.h>
#include <kernel/string.h>
#include <kernel/syscall.h>
#include <kernel/timespec.h>
#include <kernel/uaccess.h>

#define VECTORS_MAX 1024u
#define VECTORS_FEW 8u

struct msghdr {
    u64 name;
    u32 name_len, pad;
    u64 vec, vec_count;
    u64 control, control_len;
    u32 flags, pad2;
};
_Static_assert(sizeof(struct msghdr) == 56, "recvmsg(2)");

/* sendmmsg(2) */
struct mmsghdr {
    struct msghdr header;
    u32 len, pad;
};

/* A call's data. */
struct call {
    struct msghdr header;
    struct iovec few[VECTORS_FEW];
    struct iovec *vec;
    struct socket_message message;
    struct socket_address address;
};

/* ---- A header and its vectors --------------------------------------------------------------- */

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

/* call_end() after success. */
static int call_begin(struct call *call, u64 from, u32 flags)
{
    u64 count, size;
    int err;

    if (user_read(&call->header, (const void *)from, sizeof(call->header)) != 0) {
        return -EFAULT;
    }
    count = call->header.vec_count;
    if ((s32)call->header.name_len < 0) {
        return -EINVAL;
    }
    if (count > VECTORS_MAX) {
        return -EMSGSIZE;
    }
    call->vec = count <= VECTORS_FEW ? call->few : kmalloc(count * sizeof(struct iovec));
    if (call->vec == NULL) {
        return -ENOMEM;
    }
    err = user_read(call->vec, (const void *)call->header.vec, count * sizeof(struct iovec));
    if (err == 0) {
        err = sum_sizes(call->vec, count, &size);
    }
    if (err != 0 && call->vec != call->few) {
        kfree(call->vec);
    }
    if (err == 0) {
        call->message = (struct socket_message){.flags = flags};
        io_init_vec(&call->message.io, call->vec, (unsigned)count, size);
    }
    return err;
}

static void call_end(struct call *call)
{
    if (call->vec != call->few) {
        kfree(call->vec);
    }
}

/* ---- Sending ------------------------------------------------------------------------------- */

static s64 send_message(struct socket *socket, struct file *file, struct socket_message *message)
{
    int err;

    message->flags |= socket_file_flags(file);
    err = socket_send(socket, message);
    return message->io.done != 0 ? (s64)message->io.done : err;
}

static s64 send_header(struct socket *socket, struct file *file, u64 from, u32 flags)
{
    struct call call;
    s64 result = call_begin(&call, from, flags);

    if (result != 0) {
        return result;
    }
    if (call.header.name != 0 && call.header.name_len != 0) {
        result = socket_address_read(&call.address, call.header.name,
                                     MIN(call.header.name_len, SOCKET_ADDRESS_MAX));
        call.message.address = &call.address;
    }
    if (result == 0) {
        result = control_read(&call.message, call.header.control, call.header.control_len);
    }
    if (result == 0) {
        result = send_message(socket, file, &call.message);
        parcel_drop(call.message.parcel); /* it was not sent */
    }
    call_end(&call);
    return result;
}

s64 sys_sendto(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct socket_message message = {.flags = (u32)a3};
    struct socket_address address;
    struct socket *socket;
    struct iovec vec;
    struct file *file;
    s64 result = socket_get(a0, &file, &socket);

    if (result != 0) {
        return result;
    }
    io_init(&message.io, &vec, (void *)a1, MIN(a2, (u64)INT64_MAX), false);
    if (a4 != 0) {
        result = socket_address_read(&address, a4, a5);
        message.address = address.len != 0 ? &address : NULL;
    }
    if (result == 0) {
        result = send_message(socket, file, &message);
    }
    file_put(file);
    return result;
}

s64 sys_sendmsg(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct socket *socket;
    struct file *file;
    s64 result = socket_get(a0, &file, &socket);

    if (result == 0) {
        result = send_header(socket, file, a1, (u32)a2);
        file_put(file);
    }
    return result;
}

s64 sys_sendmmsg(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    u32 count = MIN((u32)a2, VECTORS_MAX), done = 0;
    struct mmsghdr *list = (struct mmsghdr *)a1;
    struct socket *socket;
    struct file *file;
    s64 result = socket_get(a0, &file, &socket);

    if (result != 0) {
        return result;
    }
    while (done < count) {
        u32 len;

        result = send_header(socket, file, (u64)&list[done].header, (u32)a3);
        if (result < 0) {
            break;
        }
        len = (u32)result;
        if (user_write(&list[done].len, &len, sizeof(len)) != 0) {
            result = -EFAULT;
            break;
        }
        done++;
    }
    file_put(file);
    return done != 0 ? done : result;
}

/* ---- Receiving ----------------------------------------------------------------------------- */

static s64 receive_message(struct socket *socket, struct file *file, struct socket_message *message)
{
    int err;

    message->flags |= socket_file_flags(file);
    err = socket_receive(socket, message);
    return message->io.done != 0 ? (s64)message->io.done : err;
}

/* Tells what has come; the descriptors' parcel goes. */
static int write_header(struct socket *socket, struct call *call, u64 to)
{
    struct msghdr *header = &call->header, *there = (struct msghdr *)to;
    u64 used = control_write(socket, &call->message, header->control,
                             header->control != 0 ? header->control_len : 0);
    u32 told = call->message.told | (call->message.flags & MSG_CMSG_CLOEXEC);
    int err = 0;

    if (header->name != 0) {
        err = socket_address_write(&call->address, header->name, (u64)&there->name_len);
    }
    if (err == 0) {
        err = user_write(&there->flags, &told, sizeof(told));
    }
    return err != 0 ? err : user_write(&there->control_len, &used, sizeof(used));
}

static s64 receive_header(struct socket *socket, struct file *file, u64 at, u32 flags)
{
    struct call call;
    s64 result = call_begin(&call, at, flags);

    if (result != 0) {
        return result;
    }
    call.address.len = 0;
    call.message.address = &call.address;
    result = receive_message(socket, file, &call.message);
    call_end(&call);
    if (result < 0) {
        parcel_drop(call.message.parcel);
        return result;
    }
    return write_header(socket, &call, at) != 0 ? -EFAULT : result;
}

s64 sys_recvfrom(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct socket_message message = {.flags = (u32)a3};
    struct socket_address address = {.len = 0};
    struct socket *socket;
    struct iovec vec;
    struct file *file;
    s64 result = socket_get(a0, &file, &socket);
    int err = 0;

    if (result != 0) {
        return result;
    }
    io_init(&message.io, &vec, (void *)a1, MIN(a2, (u64)INT64_MAX), false);
    message.address = &address;
    result = receive_message(socket, file, &message);
    parcel_drop(message.parcel);
    file_put(file);
    if (result >= 0 && a4 != 0) {
        err = socket_address_write(&address, a4, a5);
    }
    return err != 0 ? err : result;
}

s64 sys_recvmsg(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct socket *socket;
    struct file *file;
    s64 result = socket_get(a0, &file, &socket);

    if (result == 0) {
        result = receive_header(socket, file, a1, (u32)a2);
        file_put(file);
    }
    return result;
}

/* With the time-out looked at after each message, as on Linux. */
static s64 receive_many(struct socket *socket, struct file *file, struct mmsghdr *list, u32 count,
                        u32 flags, nsec_t deadline)
{
    s64 result = 0;
    u32 done = 0;

    while (done < count) {
        u32 len;

        result = receive_header(socket, file, (u64)&list[done].header, flags & ~MSG_WAITFORONE);
        if (result < 0) {
            break;
        }
        len = (u32)result;
        if (user_write(&list[done].len, &len, sizeof(len)) != 0) {
            result = -EFAULT;
            break;
        }
        done++;
        if ((flags & MSG_WAITFORONE) != 0) {
            flags |= MSG_DONTWAIT;
        }
        if (deadline != SCHED_NEVER && clock_now() >= deadline) {
            break;
        }
    }
    return done != 0 ? done : result;
}

s64 sys_recvmmsg(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    nsec_t deadline = SCHED_NEVER;
    struct socket *socket;
    struct file *file;
    s64 result = timespec_read_deadline(a4, &deadline);

    if (result != 0) {
        return result;
    }
    result = socket_get(a0, &file, &socket);
    if (result == 0) {
        result = receive_many(socket, file, (struct mmsghdr *)a1, MIN((u32)a2, VECTORS_MAX),
                              (u32)a3, deadline);
        file_put(file);
    }
    return result;
}
