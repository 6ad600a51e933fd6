/* SPDX-License-Identifier: MIT */
/*
 * process_vm_readv(2), process_vm_writev(2): there is one process, so both
 * sides are its own memory.  The bytes go by way of a buffer, since either side
 * may fault.
 */
#include <kernel/errno.h>
#include <kernel/io.h>
#include <kernel/kmalloc.h>
#include <kernel/process.h>
#include <kernel/syscall.h>
#include <kernel/thread.h>
#include <kernel/uaccess.h>

#define VECTORS_MAX 1024u

/* The vectors of an argument, kmalloc'ed, as an io. */
static int fetch(u64 from, u64 count, struct iovec **vec, struct io *io)
{
    u64 size = 0;
    int err = 0;

    *vec = NULL;
    if (count > VECTORS_MAX) {
        return -EINVAL;
    }
    *vec = kmalloc(MAX(count, 1ull) * sizeof(struct iovec));
    if (*vec == NULL) {
        return -ENOMEM;
    }
    err = user_read(*vec, (const void *)from, count * sizeof(struct iovec));
    for (u64 i = 0; i < count && err == 0; i++) {
        if ((s64)(*vec)[i].len < 0 || (*vec)[i].len > (u64)INT64_MAX - size) {
            err = -EINVAL;
        }
        size += (*vec)[i].len;
    }
    if (err == 0) {
        io_init_vec(io, *vec, (unsigned)count, size);
    }
    return err;
}

/* Whatever can be: bytes, or -EFAULT if that is none. */
static s64 copy(struct io *from, struct io *to, char *buf)
{
    int err = 0;

    while (err == 0 && from->left != 0 && to->left != 0) {
        u64 before = from->done, size = MIN(MIN(from->left, to->left), PAGE_SIZE);

        err = io_take(from, buf, size);
        size = from->done - before;
        if (size != 0) {
            int put = io_put(to, buf, size);

            err = put != 0 ? put : err;
        }
    }
    return to->done != 0 ? (s64)to->done : err;
}

static bool is_ours(int pid)
{
    struct thread *t = pid > 0 ? thread_find((u32)pid) : NULL;

    if (t != NULL) {
        thread_put(t);
    }
    return t != NULL;
}

static s64 transfer(u64 pid, u64 local[2], u64 remote[2], u64 flags, bool write)
{
    struct iovec *near, *far = NULL;
    struct io here, there;
    char *buf = NULL;
    s64 result;

    if (flags != 0) {
        return -EINVAL;
    }
    result = fetch(local[0], local[1], &near, &here);
    if (result == 0) {
        result = fetch(remote[0], remote[1], &far, &there);
    }
    if (result == 0 && !is_ours((int)pid)) {
        result = -ESRCH;
    }
    if (result == 0) {
        buf = kmalloc(PAGE_SIZE);
        result = buf == NULL ? -ENOMEM
                 : write     ? copy(&here, &there, buf)
                             : copy(&there, &here, buf);
    }
    kfree(buf);
    kfree(far);
    kfree(near);
    return result;
}

s64 sys_process_vm_readv(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return transfer(a0, (u64[2]){a1, a2}, (u64[2]){a3, a4}, a5, false);
}

s64 sys_process_vm_writev(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return transfer(a0, (u64[2]){a1, a2}, (u64[2]){a3, a4}, a5, true);
}
