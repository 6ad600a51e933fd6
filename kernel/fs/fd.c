/* SPDX-License-Identifier: MIT */
/*
 * The table of descriptors (kernel/fd.h).
 *
 * Two levels: a fixed array of chunks of 1,024 slots.  A chunk is made when a
 * number in it is first used and stays for good, so a lookup needs no lock:
 * it loads the chunk, loads the slot, counts the file.
 *
 * Between the load of the slot and the counting, another CPU may close the
 * descriptor, the file may die, and its memory may even become another file.
 * Three things make that harmless:
 *
 *   - a struct file's memory becomes another struct file and never anything
 *     else (file.c), so the counter is always a counter;
 *   - a counter at 0 is never counted up by a lookup (file_get_unless_zero),
 *     so a dying file is not brought back;
 *   - after counting, the slot is read again.  If it holds another file, or
 *     none, the reference is dropped and the lookup starts anew.  If it still
 *     holds this one, then this file was the descriptor's at that moment,
 *     were it the same file all along or its memory's next.
 *
 * A lookup is repeated only when the slot changed under it.  The orders: the
 * slot is stored with release after the file was filled in, and loaded with
 * acquire; the successful count is acquire, and the second load cannot come
 * before it (the count is a locked instruction).
 *
 * Changes take the lock.  The lowest free number is found in a bitmap, from
 * a hint below which all are taken.  Cost: a lookup and its file_put() are
 * two locked instructions.  Rejected: counting per CPU (a call may block and
 * end on another CPU), and not counting while there is one thread (a JVM has
 * dozens).
 */
#include <kernel/fd.h>

#include <kernel/errno.h>
#include <kernel/kmalloc.h>
#include <kernel/spinlock.h>
#include <kernel/string.h>
#include <kernel/vfs.h>
#include <stdatomic.h>

#include "fs_priv.h"

#define CHUNK_SLOTS 1024u
#define CHUNK_WORDS (CHUNK_SLOTS / 64)
#define CHUNKS 1024u
#define FD_MAX (CHUNKS * CHUNK_SLOTS) /* Linux's fs.nr_open */

/* (l) the table's lock   (a) atomic, changed under (l) */
struct fd_chunk {
    _Atomic(struct file *) slots[CHUNK_SLOTS]; /* (a) */
    u64 used[CHUNK_WORDS];                     /* (l) the bit is set while the slot has a file */
    _Atomic u64 cloexec[CHUNK_WORDS];          /* (a) */
};

static struct {
    struct spinlock lock;
    _Atomic(struct fd_chunk *) chunks[CHUNKS]; /* (a) */
    unsigned lowest;                           /* (l) all below are in use */
} table = {
    .lock = SPINLOCK_INIT("descriptors", RANK_FD),
};

u64 fd_limit(void)
{
    return process_limit(RLIMIT_NOFILE).soft;
}

static struct fd_chunk *chunk_of(unsigned fd)
{
    return atomic_load_explicit(&table.chunks[fd / CHUNK_SLOTS], memory_order_acquire);
}

static struct file *slot_get(unsigned fd)
{
    struct fd_chunk *chunk = chunk_of(fd);

    for (;;) {
        struct file *file;

        if (chunk == NULL) {
            return NULL;
        }
        file = atomic_load_explicit(&chunk->slots[fd % CHUNK_SLOTS], memory_order_acquire);
        if (file == NULL) {
            return NULL;
        }
        if (unlikely(!file_get_unless_zero(file))) {
            continue;
        }
        if (likely(atomic_load_explicit(&chunk->slots[fd % CHUNK_SLOTS], memory_order_acquire) ==
                   file)) {
            return file;
        }
        file_put(file);
    }
}

struct file *fd_peek(int fd)
{
    struct fd_chunk *chunk = (unsigned)fd < FD_MAX ? chunk_of((unsigned)fd) : NULL;

    return chunk != NULL ? atomic_load_explicit(&chunk->slots[(unsigned)fd % CHUNK_SLOTS],
                                                memory_order_relaxed)
                         : NULL;
}

struct file *fd_get_path(int fd)
{
    return (unsigned)fd < FD_MAX ? slot_get((unsigned)fd) : NULL;
}

struct file *fd_get(int fd)
{
    struct file *file = (unsigned)fd < FD_MAX ? slot_get((unsigned)fd) : NULL;

    if (file != NULL &&
        unlikely(atomic_load_explicit(&file->flags, memory_order_relaxed) & O_PATH)) {
        file_put(file);
        return NULL;
    }
    return file;
}

/* The chunk for `fd`, made if need be; no lock held. */
static int chunk_make(unsigned fd)
{
    struct fd_chunk *expected = NULL, *made;

    if (chunk_of(fd) != NULL) {
        return 0;
    }
    made = kzalloc(sizeof(*made));
    if (made == NULL) {
        return -ENOMEM;
    }
    if (!atomic_compare_exchange_strong_explicit(&table.chunks[fd / CHUNK_SLOTS], &expected, made,
                                                 memory_order_release, memory_order_relaxed)) {
        kfree(made); /* another CPU was first */
    }
    return 0;
}

/* The first free number from `from` on; one in a chunk that is not there yet is free. */
static unsigned free_from(unsigned from)
{
    unsigned fd = from;

    assert(spin_is_mine(&table.lock));
    while (fd < FD_MAX) {
        struct fd_chunk *chunk = chunk_of(fd);
        u64 free_bits;

        if (chunk == NULL) {
            return fd;
        }
        free_bits = ~chunk->used[fd % CHUNK_SLOTS / 64] & ~0ull << fd % 64;
        if (free_bits != 0) {
            return ALIGN_DOWN(fd, 64u) + (unsigned)__builtin_ctzll(free_bits);
        }
        fd = ALIGN_DOWN(fd, 64u) + 64;
    }
    return FD_MAX;
}

static void set_cloexec(struct fd_chunk *chunk, unsigned fd, bool cloexec)
{
    u64 bit = 1ull << fd % 64;
    _Atomic u64 *word = &chunk->cloexec[fd % CHUNK_SLOTS / 64];

    if (cloexec) {
        atomic_fetch_or_explicit(word, bit, memory_order_relaxed);
    } else {
        atomic_fetch_and_explicit(word, ~bit, memory_order_relaxed);
    }
}

/* What was there before; the table takes the caller's reference. */
static struct file *slot_set(unsigned fd, struct file *file, bool cloexec)
{
    struct fd_chunk *chunk = chunk_of(fd);
    u64 bit = 1ull << fd % 64;
    u64 *used = &chunk->used[fd % CHUNK_SLOTS / 64];

    assert(spin_is_mine(&table.lock));
    *used = file != NULL ? *used | bit : *used & ~bit;
    set_cloexec(chunk, fd, cloexec);
    return atomic_exchange_explicit(&chunk->slots[fd % CHUNK_SLOTS], file, memory_order_acq_rel);
}

/* Takes the lowest free number, if its chunk is there: else -EAGAIN, and *fd tells which. */
static int install_lowest(struct file *file, unsigned least, u64 limit, bool cloexec, unsigned *fd)
{
    bool irq = spin_lock(&table.lock);
    unsigned found = free_from(MAX(least, table.lowest));
    int result = -EMFILE;

    *fd = found;
    if (found < limit && found < FD_MAX) {
        result = -EAGAIN;
        if (chunk_of(found) != NULL) {
            (void)slot_set(found, file, cloexec);
            if (least <= table.lowest) {
                table.lowest = found + 1;
            }
            result = (int)found;
        }
    }
    spin_unlock(&table.lock, irq);
    return result;
}

int fd_install(struct file *file, int least, bool cloexec)
{
    u64 limit = fd_limit();

    for (;;) {
        unsigned fd;
        int result = install_lowest(file, (unsigned)least, limit, cloexec, &fd);

        if (result != -EAGAIN) {
            return result;
        }
        result = chunk_make(fd);
        if (result != 0) {
            return result;
        }
    }
}

/* What close(2) does to the file before the descriptor's reference goes. */
static int file_closed(struct file *file)
{
    int error = 0;

    if (file->ops->flush != NULL) {
        error = file->ops->flush(file);
    }
    if (file->inode != NULL) {
        file_locks_close(file);
    }
    file_put(file);
    return error;
}

int fd_install_at(struct file *file, int fd, bool cloexec)
{
    struct file *old;
    bool irq;
    int error;

    if ((unsigned)fd >= FD_MAX || (u64)fd >= fd_limit()) {
        return -EBADF;
    }
    error = chunk_make((unsigned)fd);
    if (error != 0) {
        return error;
    }
    irq = spin_lock(&table.lock);
    old = slot_set((unsigned)fd, file, cloexec);
    spin_unlock(&table.lock, irq);
    if (old != NULL) {
        (void)file_closed(old);
    }
    return fd;
}

int fd_close(int fd)
{
    struct file *file = NULL;
    bool irq;

    if ((unsigned)fd >= FD_MAX) {
        return -EBADF;
    }
    irq = spin_lock(&table.lock);
    if (chunk_of((unsigned)fd) != NULL) {
        file = slot_set((unsigned)fd, NULL, false);
        table.lowest = MIN(table.lowest, (unsigned)fd);
    }
    spin_unlock(&table.lock, irq);
    return file == NULL ? -EBADF : file_closed(file);
}

bool fd_cloexec(int fd)
{
    struct fd_chunk *chunk = (unsigned)fd < FD_MAX ? chunk_of((unsigned)fd) : NULL;

    return chunk != NULL && (atomic_load_explicit(&chunk->cloexec[(unsigned)fd % CHUNK_SLOTS / 64],
                                                  memory_order_relaxed) >>
                                 fd % 64 &
                             1) != 0;
}

void fd_set_cloexec(int fd, bool cloexec)
{
    struct fd_chunk *chunk = (unsigned)fd < FD_MAX ? chunk_of((unsigned)fd) : NULL;

    if (chunk != NULL) {
        set_cloexec(chunk, (unsigned)fd, cloexec);
    }
}

int fd_next(int fd)
{
    unsigned at = fd < 0 ? 0 : (unsigned)fd;
    int found = -1;
    bool irq = spin_lock(&table.lock);

    while (at < FD_MAX && found < 0) {
        struct fd_chunk *chunk = chunk_of(at);
        u64 bits = chunk == NULL ? 0 : chunk->used[at % CHUNK_SLOTS / 64] & ~0ull << at % 64;

        if (bits != 0) {
            found = (int)(ALIGN_DOWN(at, 64u) + (unsigned)__builtin_ctzll(bits));
        } else {
            at = chunk == NULL ? ALIGN_DOWN(at, CHUNK_SLOTS) + CHUNK_SLOTS
                               : ALIGN_DOWN(at, 64u) + 64;
        }
    }
    spin_unlock(&table.lock, irq);
    return found;
}
