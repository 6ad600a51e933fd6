/* SPDX-License-Identifier: MIT */
/*
 * signalfd(2): a file whose reads take signals of a mask out of the queues.
 * Whose queues, the reading thread's and the process's; what is pending is
 * therefore asked of kernel/signal.h each time, and nothing kept here but
 * the mask.
 */
#include <kernel/errno.h>
#include <kernel/fd.h>
#include <kernel/io.h>
#include <kernel/kmalloc.h>
#include <kernel/signal_queue.h>
#include <kernel/syscall.h>
#include <kernel/uaccess.h>

#include "event_priv.h"

struct signalfd {
    _Atomic u64 mask;
};

struct signalfd_siginfo { /* as in signalfd(2) */
    u32 signo;
    s32 error, code;
    u32 pid, uid;
    s32 fd;
    u32 tid, band, overrun, trapno;
    s32 status, value;
    u64 pointer, utime, stime, addr;
    u16 addr_lsb;
    u8 pad[46];
};
_Static_assert(sizeof(struct signalfd_siginfo) == 128, "ABI");

static u64 mask_of(struct file *file)
{
    struct signalfd *s = file->priv;

    return atomic_load_explicit(&s->mask, memory_order_relaxed);
}

/* What is set depends on who sent it, as for sigaction(2). */
static void convert(const struct siginfo *info, struct signalfd_siginfo *to)
{
    *to = (struct signalfd_siginfo){
        .signo = (u32)info->signo, .error = info->error, .code = info->code};
    if (info->code == SI_TIMER) {
        to->tid = (u32)info->timer.id;
        to->overrun = (u32)info->timer.overrun;
        to->pointer = info->timer.value;
        to->value = (s32)info->timer.value;
    } else if (info->code > 0 && info->code != SI_KERNEL &&
               (info->signo == SIGSEGV || info->signo == SIGBUS || info->signo == SIGILL ||
                info->signo == SIGFPE || info->signo == SIGTRAP)) {
        to->addr = info->fault.addr;
        to->addr_lsb = (u16)info->fault.addr_lsb;
    } else {
        to->pid = (u32)info->sent.pid;
        to->uid = info->sent.uid;
        to->pointer = info->sent.value;
        to->value = (s32)info->sent.value;
    }
}

/* The first, waiting for it unless O_NONBLOCK: its number, or -errno. */
static int take_first(struct file *file, struct siginfo *info)
{
    bool block = (atomic_load_explicit(&file->flags, memory_order_relaxed) & O_NONBLOCK) == 0;

    for (;;) {
        int signal = signal_take(mask_of(file), info), err;

        if (signal != 0) {
            return signal;
        }
        if (!block) {
            return -EAGAIN;
        }
        err = poll_wait_file(file, POLLIN, SCHED_NEVER);
        if (err != 0) {
            return err == -EINTR ? -ERESTARTSYS : err;
        }
    }
}

/* As many as there are and as fit. */
static int signalfd_read(struct file *file, struct io *io, u64 *pos)
{
    struct signalfd_siginfo record;
    struct siginfo info;
    int signal, err = 0;

    if (io->left < sizeof(record)) {
        return -EINVAL;
    }
    signal = take_first(file, &info);
    while (signal > 0 && err == 0) {
        convert(&info, &record);
        err = io_put(io, &record, sizeof(record));
        signal = err == 0 && io->left >= sizeof(record) ? signal_take(mask_of(file), &info) : 0;
    }
    return signal < 0 ? signal : err;
}

static u32 signalfd_poll(struct file *file)
{
    return signal_pending_in(mask_of(file)) ? POLLIN : 0;
}

static struct poll_source *signalfd_source(struct file *file)
{
    return signal_poll_source();
}

static void signalfd_release(struct file *file)
{
    kfree(file->priv);
}

static const struct file_ops signalfd_ops = {
    .read = signalfd_read,
    .poll = signalfd_poll,
    .source = signalfd_source,
    .release = signalfd_release,
};

static s64 change_mask(int fd, u64 mask)
{
    struct file *file = fd_get(fd);
    s64 result = fd;

    if (file == NULL) {
        return -EBADF;
    }
    if (file->ops == &signalfd_ops) {
        struct signalfd *s = file->priv;

        atomic_store_explicit(&s->mask, mask, memory_order_seq_cst);
        poll_notify(signal_poll_source(), POLLIN); /* what is pending may be wanted now */
    } else {
        result = -EINVAL;
    }
    file_put(file);
    return result;
}

static s64 signalfd_new(u64 mask, u32 flags)
{
    struct signalfd *s = kmalloc(sizeof(*s));
    struct file *file;

    if (s == NULL) {
        return -ENOMEM;
    }
    atomic_init(&s->mask, mask);
    if (file_new(&signalfd_ops, "anon_inode:[signalfd]", O_RDWR | (flags & O_NONBLOCK), s, &file) !=
        0) {
        kfree(s);
        return -ENOMEM;
    }
    return event_install(file, (flags & O_CLOEXEC) != 0);
}

s64 sys_signalfd4(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    u32 flags = (u32)a3;
    u64 mask;

    if (a2 != sizeof(mask)) {
        return -EINVAL;
    }
    if (user_read(&mask, (const void *)a1, sizeof(mask)) != 0) {
        return -EFAULT;
    }
    if ((flags & ~(O_CLOEXEC | O_NONBLOCK)) != 0) {
        return -EINVAL;
    }
    mask &= ~(SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSTOP));
    return (int)a0 == -1 ? signalfd_new(mask, flags) : change_mask((int)a0, mask);
}

s64 sys_signalfd(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return sys_signalfd4(a0, a1, a2, 0, 0, 0);
}
