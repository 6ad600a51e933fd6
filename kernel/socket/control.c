/* SPDX-License-Identifier: MIT */
/* Control messages of sockets (unix(7), cmsg(3)). */
#include "control.h"

#include "parcel.h"
#include <kernel/errno.h>
#include <kernel/fd.h>
#include <kernel/process.h>
#include <kernel/uaccess.h>
#include <kernel/vfs.h>

#define SCM_RIGHTS 1u
#define SCM_CREDENTIALS 2u
#define CONTROL_MAX 131072u /* net.core.optmem_max */
#define NOBODY 65534u       /* fs.overflowuid: what is not told */

struct cmsghdr {
    u64 len;
    u32 level, type;
};

/* ---- Sending ------------------------------------------------------------------------- */

/* Adds the descriptors of one header; the parcel is made with the first. */
static int add_files(struct socket_message *message, u64 from, u64 size)
{
    u64 count = size / sizeof(s32);
    struct parcel *parcel = message->parcel;

    if (count > PARCEL_MAX || (parcel != NULL && parcel->count + count > PARCEL_MAX)) {
        return -EINVAL;
    }
    if (count != 0 && parcel == NULL) {
        parcel = message->parcel = parcel_new(PARCEL_MAX);
        if (parcel == NULL) {
            return -ENOMEM;
        }
    }
    for (u64 i = 0; i < count; i++) {
        struct file *file;
        s32 fd;

        if (user_read(&fd, (const s32 *)from + i, sizeof(fd)) != 0) {
            return -EFAULT;
        }
        file = fd_get_path(fd);
        if (file == NULL) {
            return -EBADF;
        }
        parcel->files[parcel->count++] = file;
    }
    return 0;
}

/* Root may say to be anybody, but not a process that is not there. */
static int read_credentials(struct credentials *credentials, u64 from, u64 size)
{
    if (size != sizeof(*credentials)) {
        return -EINVAL;
    }
    if (user_read(credentials, (const void *)from, sizeof(*credentials)) != 0) {
        return -EFAULT;
    }
    if (credentials->uid == ~0u || credentials->gid == ~0u) {
        return -EINVAL;
    }
    return credentials->pid == PROCESS_ID ? 0 : -ESRCH;
}

static int read_header(struct socket_message *message, const struct cmsghdr *head, u64 data)
{
    if (head->level != SOL_SOCKET) {
        return 0;
    }
    switch (head->type) {
    case SCM_RIGHTS:
        return add_files(message, data, head->len - sizeof(*head));
    case SCM_CREDENTIALS:
        return read_credentials(&message->credentials, data, head->len - sizeof(*head));
    default:
        return -EINVAL;
    }
}

int control_read(struct socket_message *message, u64 control, u64 size)
{
    u64 at = 0;
    int err = size > CONTROL_MAX ? -ENOBUFS : 0;

    while (err == 0 && size - at >= sizeof(struct cmsghdr)) {
        struct cmsghdr head;

        if (user_read(&head, (const void *)(control + at), sizeof(head)) != 0) {
            err = -EFAULT;
        } else if (head.len < sizeof(head) || head.len > size - at) {
            err = -EINVAL;
        } else {
            err = read_header(message, &head, control + at + sizeof(head));
            at = MIN(at + ALIGN_UP(head.len, sizeof(u64)), size);
        }
    }
    if (err != 0) {
        parcel_drop(message->parcel);
        message->parcel = NULL;
    }
    return err;
}

/* ---- Receiving ----------------------------------------------------------------------- */

/* As many as there is room for: how many became descriptors. */
static u32 install(struct parcel *parcel, u64 to, u32 room, bool cloexec)
{
    u32 done = 0;

    while (done < parcel->count && done < room) {
        int fd = fd_install(file_get(parcel->files[done]), 0, cloexec);

        if (fd < 0) {
            file_put(parcel->files[done]);
            break;
        }
        if (user_write((s32 *)to + done, &fd, sizeof(fd)) != 0) {
            fd = fd_close(fd);
            break;
        }
        done++;
    }
    return done;
}

/* Bytes used. */
static u64 write_files(struct socket_message *message, u64 control, u64 size)
{
    u64 room = size > sizeof(struct cmsghdr) ? (size - sizeof(struct cmsghdr)) / sizeof(s32) : 0;
    struct cmsghdr head = {.level = SOL_SOCKET, .type = SCM_RIGHTS};
    struct parcel *parcel = message->parcel;
    u32 done = install(parcel, control + sizeof(head), (u32)MIN(room, (u64)PARCEL_MAX),
                       (message->flags & MSG_CMSG_CLOEXEC) != 0);

    if (done < parcel->count) {
        message->told |= MSG_CTRUNC;
    }
    message->parcel = NULL;
    parcel_drop(parcel);
    head.len = sizeof(head) + done * sizeof(s32);
    if (done == 0 || user_write((void *)control, &head, sizeof(head)) != 0) {
        return 0;
    }
    return MIN(ALIGN_UP(head.len, sizeof(u64)), size);
}

static u64 write_credentials(struct socket_message *message, u64 control, u64 size)
{
    struct {
        struct cmsghdr head;
        struct credentials credentials;
    } what = {.head = {.level = SOL_SOCKET, .type = SCM_CREDENTIALS},
              .credentials = message->credentials};
    u64 len = sizeof(what.head) + sizeof(what.credentials);

    if (size < sizeof(what.head)) {
        message->told |= MSG_CTRUNC;
        return 0;
    }
    if (len > size) {
        message->told |= MSG_CTRUNC;
        len = size;
    }
    if (what.credentials.pid == 0) {
        what.credentials.uid = what.credentials.gid = NOBODY;
    }
    what.head.len = len;
    if (user_write((void *)control, &what, len) != 0) {
        return 0;
    }
    return MIN(ALIGN_UP(len, sizeof(u64)), size);
}

u64 control_write(struct socket *socket, struct socket_message *message, u64 control, u64 size)
{
    u64 used = 0;

    if (socket_has(socket, SOCKET_PASSCRED)) {
        used = write_credentials(message, control, size);
    }
    if (message->parcel != NULL) {
        used += write_files(message, control + used, size - used);
    }
    return used;
}
