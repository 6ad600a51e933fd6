/* SPDX-License-Identifier: MIT */
/*
 * What the tests of pipes, polling and the like have in common: system calls
 * made from kernel threads, with application memory to point at.
 */
#pragma once

#include "sched_help.h"

#include <kernel/aspace.h>
#include <kernel/errno.h>
#include <kernel/fd.h>
#include <kernel/pagetable.h>
#include <kernel/poll.h>
#include <kernel/string.h>
#include <kernel/syscall.h>
#include <kernel/vfs.h>

#define EVENT_MEMORY (512 * KIB)

struct event_pollfd {
    s32 fd;
    u16 events, revents;
};

struct event_epoll {
    u32 events;
    u64 data;
} __attribute__((packed));

#define EV_ADD 1
#define EV_DEL 2
#define EV_MOD 3
#define EV_EXCLUSIVE (1u << 28)
#define EV_ONESHOT (1u << 30)
#define EV_ET (1u << 31)

/* Application memory of the running test; NULL and a failed test if there is none. */
static inline u8 *event_memory(void)
{
    vaddr_t addr = 0;

    OK(aspace_map(0, EVENT_MEMORY, PROT_READ | PROT_WRITE, MAP_PLACE_HINT, &addr) == 0);
    return (u8 *)addr;
}

static inline void event_memory_free(u8 *memory)
{
    OK(aspace_unmap((vaddr_t)memory, EVENT_MEMORY) == 0);
}

/* read(2) and write(2), before and without the layer that has them. */
static inline s64 ev_transfer(int fd, const void *buf, u64 size,
                              s64 (*fn)(struct file *file, struct io *io, u64 *pos))
{
    struct file *file = fd_get(fd);
    struct iovec vec;
    struct io io;
    s64 result;

    if (file == NULL) {
        return -EBADF;
    }
    io_init(&io, &vec, (void *)buf, size, false);
    result = fn(file, &io, NULL);
    file_put(file);
    return result;
}

static inline s64 ev_read(int fd, void *buf, u64 size)
{
    return ev_transfer(fd, buf, size, file_read);
}

static inline s64 ev_write(int fd, const void *buf, u64 size)
{
    return ev_transfer(fd, buf, size, file_write);
}

static inline s64 ev_ioctl(int fd, u32 request, u64 arg)
{
    struct file *file = fd_get(fd);
    s64 result = file->ops->ioctl(file, request, arg);

    file_put(file);
    return result;
}

static inline u32 ev_poll_now(int fd)
{
    struct file *file = fd_get(fd);
    u32 events = file_poll(file);

    file_put(file);
    return events;
}

static inline s64 ev_pipe(int *fds, u32 flags, u8 *memory)
{
    s64 err = sys_pipe2((u64)memory, flags, 0, 0, 0, 0);

    memcpy(fds, memory, 2 * sizeof(int));
    return err;
}

static inline s64 ev_poll(u8 *memory, const struct event_pollfd *fds, unsigned count, int ms)
{
    memcpy(memory, fds, count * sizeof(*fds));
    return sys_poll((u64)memory, count, (u64)ms, 0, 0, 0);
}

/* Lies in `memory` while the call runs. */
static inline s64 ev_ctl(u8 *memory, int ep, int op, int fd, u32 events, u64 data)
{
    struct event_epoll event = {events, data};

    memcpy(memory, &event, sizeof(event));
    return sys_epoll_ctl((u64)ep, (u64)op, (u64)fd, (u64)memory, 0, 0);
}

static inline s64 ev_wait(u8 *memory, int ep, int max, int ms)
{
    return sys_epoll_wait((u64)ep, (u64)memory, (u64)max, (u64)ms, 0, 0);
}
