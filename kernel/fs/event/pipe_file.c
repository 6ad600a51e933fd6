/* SPDX-License-Identifier: MIT */
/*
 * Pipes and FIFOs as files: pipe(2), fifo(7), and what fcntl(2) and ioctl(2)
 * know of them.
 *
 * The pipe of a FIFO is there while somebody has it open, found by its inode
 * in a list (FIFOs are few).  open(2) counts its end first and waits for the
 * other then; that it looks at how often the other end was ever opened lets it
 * go on also when that one has been closed again meanwhile.
 */
#include "pipe_priv.h"

#include <kernel/errno.h>
#include <kernel/fd.h>
#include <kernel/kmalloc.h>
#include <kernel/process.h>
#include <kernel/signal_queue.h>
#include <kernel/string.h>
#include <kernel/syscall.h>
#include <kernel/uaccess.h>

#include "event_priv.h"

#define F_SETPIPE_SZ 1031u
#define F_GETPIPE_SZ 1032u
#define FIONREAD 0x541bu

/* (l) lock */
static struct {
    struct spinlock lock;
    struct list fifos; /* (l) struct pipe */
} fifos = {.lock = SPINLOCK_INIT("fifos", RANK_TREE), .fifos = {&fifos.fifos, &fifos.fifos}};

static const struct file_ops pipe_ops;

/* ---- The file ------------------------------------------------------------------ */

static u32 flags_of(struct file *file)
{
    return atomic_load_explicit(&file->flags, memory_order_relaxed);
}

static bool file_reads(struct file *file)
{
    return (flags_of(file) & O_ACCMODE) != O_WRONLY;
}

static bool file_writes(struct file *file)
{
    return (flags_of(file) & O_ACCMODE) != O_RDONLY;
}

static u32 nonblock(struct file *file)
{
    return (flags_of(file) & O_NONBLOCK) != 0 ? PIPE_NONBLOCK : 0;
}

static int file_read_pipe(struct file *file, struct io *io, u64 *pos)
{
    return io->left == 0 ? 0 : pipe_read(file->priv, io, nonblock(file));
}

bool pipe_is_file(const struct file *file)
{
    return file->ops == &pipe_ops;
}

int pipe_peek(struct file *file, struct io *io)
{
    return !pipe_is_file(file) ? -EINVAL : pipe_read(file->priv, io, nonblock(file) | PIPE_PEEK);
}

int pipe_begin_move(struct file *file, struct io *io)
{
    return pipe_hold(file->priv, io, nonblock(file));
}

void pipe_end_move(struct file *file, u64 taken)
{
    pipe_let_go(file->priv, taken);
}

void event_signal_broken(void)
{
    struct siginfo info = {.signo = SIGPIPE, .sent.pid = PROCESS_ID}; /* as kill(2) by itself */

    (void)signal_send_thread(thread_current(), SIGPIPE, &info);
}

static int file_write_pipe(struct file *file, struct io *io, u64 *pos)
{
    int err = io->left == 0 ? 0 : pipe_write(file->priv, io, nonblock(file));

    if (err == -EPIPE) {
        event_signal_broken();
    }
    return err;
}

static u32 file_poll_pipe(struct file *file)
{
    struct pipe *pipe = file->priv;
    u32 events = 0;

    if (file_reads(file)) {
        events |= pipe_poll_reader(pipe, file->pos);
    }
    if (file_writes(file)) {
        events |= pipe_poll_writer(pipe);
    }
    return events;
}

static struct poll_source *file_source(struct file *file)
{
    return &((struct pipe *)file->priv)->source;
}

static s64 file_ioctl(struct file *file, u32 request, u64 arg)
{
    u32 count;

    if (request != FIONREAD) {
        return -ENOTTY;
    }
    count = (u32)pipe_pending(file->priv);
    return user_write((void *)arg, &count, sizeof(count));
}

static void file_release(struct file *file)
{
    struct pipe *pipe = file->priv;
    bool irq = spin_lock(&fifos.lock); /* a FIFO is not to be found any more then */
    bool last = pipe_close_end(pipe, file_reads(file), file_writes(file));

    if (last) {
        list_remove(&pipe->fifos);
    }
    spin_unlock(&fifos.lock, irq);
    if (last) {
        pipe_free(pipe);
    }
}

static const struct file_ops pipe_ops = {
    .read = file_read_pipe,
    .write = file_write_pipe,
    .ioctl = file_ioctl,
    .poll = file_poll_pipe,
    .source = file_source,
    .release = file_release,
};

/* ---- pipe(2) -------------------------------------------------------------------- */

/* One end as a file; the pipe's end is counted. */
static int new_end(struct pipe *pipe, u32 flags, struct file **file)
{
    int err = file_new(&pipe_ops, "pipe", flags, pipe, file);

    if (err == 0) {
        (void)pipe_open_end(pipe, (flags & O_ACCMODE) == O_RDONLY, (flags & O_ACCMODE) == O_WRONLY);
    }
    return err;
}

static int new_files(u32 flags, struct file **ends)
{
    struct pipe *pipe;
    int err = pipe_new(PIPE_SLOTS, (flags & O_DIRECT) != 0 ? PIPE_BUF : 0, &pipe);

    if (err != 0) {
        return err;
    }
    err = new_end(pipe, O_RDONLY | flags, &ends[0]);
    if (err != 0) {
        pipe_free(pipe);
        return err;
    }
    err = new_end(pipe, O_WRONLY | flags, &ends[1]);
    if (err != 0) {
        file_put(ends[0]);
    }
    return err;
}

/* False if another thread has closed it already. */
static bool withdraw(int fd)
{
    return fd_close(fd) == 0;
}

s64 event_install_pair(struct file **ends, bool cloexec, u64 to)
{
    s64 first = event_install(ends[0], cloexec), second;
    int fds[2];

    if (first < 0) {
        file_put(ends[1]);
        return first;
    }
    second = event_install(ends[1], cloexec);
    fds[0] = (int)first;
    fds[1] = (int)second;
    if (second >= 0 && user_write((void *)to, fds, sizeof(fds)) != 0) {
        (void)withdraw(fds[1]);
        second = -EFAULT;
    }
    if (second < 0) {
        (void)withdraw(fds[0]);
    }
    return second < 0 ? second : 0;
}

s64 sys_pipe2(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    u32 flags = (u32)a1;
    struct file *ends[2];
    int err;

    if ((flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT)) != 0) {
        return -EINVAL;
    }
    err = new_files(flags & ~O_CLOEXEC, ends);
    return err != 0 ? err : event_install_pair(ends, (flags & O_CLOEXEC) != 0, a0);
}

s64 sys_pipe(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return sys_pipe2(a0, 0, 0, 0, 0, 0);
}

s64 pipe_fcntl(struct file *file, u32 command, u64 arg)
{
    if (file->ops != &pipe_ops) {
        return -EBADF;
    }
    if (command == F_GETPIPE_SZ) {
        return (s64)pipe_size(file->priv);
    }
    return command == F_SETPIPE_SZ ? pipe_resize(file->priv, (u32)arg) : -EINVAL;
}

/* ---- FIFOs ---------------------------------------------------------------------- */

static struct pipe *find_fifo(struct inode *inode)
{
    list_for_each (link, &fifos.fifos) {
        struct pipe *pipe = list_entry(link, struct pipe, fifos);

        if (pipe->inode == inode) {
            return pipe;
        }
    }
    return NULL;
}

/* The inode's pipe, with the file's ends counted; NULL: no memory. */
static struct pipe *join_fifo(struct inode *inode, struct file *file, struct pipe_others *others)
{
    struct pipe *fresh, *pipe;
    bool irq;

    if (pipe_new(PIPE_SLOTS, 0, &fresh) != 0) {
        return NULL;
    }
    irq = spin_lock(&fifos.lock);
    pipe = find_fifo(inode);
    if (pipe == NULL) {
        pipe = fresh;
        fresh = NULL;
        pipe->inode = inode;
        list_push_back(&fifos.fifos, &pipe->fifos);
    }
    *others = pipe_open_end(pipe, file_reads(file), file_writes(file));
    spin_unlock(&fifos.lock, irq);
    if (fresh != NULL) {
        pipe_free(fresh);
    }
    return pipe;
}

/* Until the other end has been opened more often than that. */
static int await_other(struct pipe *pipe, struct file *file, u64 before)
{
    bool reads = file_reads(file), irq = spin_lock(&pipe->lock);
    u64 *opened = reads ? &pipe->writes_opened : &pipe->reads_opened;
    u32 *others = reads ? &pipe->writers : &pipe->readers;
    int err = 0;

    while (*others == 0 && *opened == before && err == 0) {
        err = event_wait(&pipe->lock, &irq, &pipe->open_waiters, 0, SCHED_NEVER);
    }
    if (*others != 0 || *opened != before) {
        err = 0;
    }
    spin_unlock(&pipe->lock, irq);
    return err;
}

int fifo_open(struct inode *inode, struct file *file)
{
    struct pipe_others others;
    struct pipe *pipe = join_fifo(inode, file, &others);
    int err = 0;

    if (pipe == NULL) {
        return -ENOMEM;
    }
    file->priv = pipe;
    if (others.none && nonblock(file) == 0) {
        err = await_other(pipe, file, others.opened);
    } else if (others.none && file_writes(file)) {
        err = -ENXIO;
    } else if (others.none) {
        file->pos = others.opened;
    }
    if (err != 0) {
        file_release(file);
        file->priv = NULL;
        return err;
    }
    file->ops = &pipe_ops;
    file->seekable = false;
    return 0;
}
