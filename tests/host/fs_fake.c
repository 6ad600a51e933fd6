/* SPDX-License-Identifier: MIT */
#include "fs_fake.h"

#include "host.h"

#include <kernel/clock.h>
#include <kernel/console.h>
#include <kernel/cpu.h>
#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/kmalloc.h>
#include <kernel/pagecache.h>
#include <kernel/process.h>
#include <kernel/random.h>
#include <kernel/signal.h>
#include <kernel/spinlock.h>
#include <kernel/string.h>
#include <kernel/thread.h>
#include <kernel/uaccess.h>
#include <kernel/vfs.h>
#include <kernel/wait.h>

#define PAGES 1024u
#define ARCH_SET_GS 0x1001
#define NR_ARCH_PRCTL 158

long syscall(long nr, ...);
void *malloc(size_t size);
void free(void *p);

static struct cpu cpu;     /* what the GS base points to */
static struct thread self; /* the only thread */
u8 platform_is_pvm = 1;
vaddr_t direct_map_base;
u64 fs_fake_limit = 1024;
static unsigned mutexes;
static u64 allocations_left = (u64)-1;
static s64 blocks;

void fs_fake_init(void)
{
    cpu.self = &cpu;
    cpu.current = &self;
    cpu.irq_enabled = 1;
    BUG_ON(syscall(NR_ARCH_PRCTL, ARCH_SET_GS, &cpu) != 0);
}

unsigned fs_fake_locks(void)
{
    return mutexes + cpu.locks.count;
}

/* ---- Memory, numbers, time ---------------------------------------------------- */

void *kmalloc(size_t size)
{
    if (allocations_left == 0) {
        return NULL;
    }
    allocations_left -= allocations_left != (u64)-1;
    blocks++;
    return malloc(size);
}

void fs_fake_fail_after(u64 count)
{
    allocations_left = count;
}

s64 fs_fake_live(void)
{
    return blocks;
}

void *kzalloc(size_t size)
{
    void *p = kmalloc(size);

    if (p != NULL) {
        memset(p, 0, size);
    }
    return p;
}

void kfree(void *object)
{
    blocks -= object != NULL;
    free(object);
}

void frame_get_stats(struct frame_stats *stats)
{
    *stats = (struct frame_stats){.total = 4096};
}

void frame_put(pfn_t pfn, unsigned order)
{
}

u64 random_u64(void)
{
    return rnd();
}

nsec_t fs_fake_now = NSEC_PER_SEC;

nsec_t sched_slept_until(void)
{
    return 0;
}

nsec_t clock_now(void)
{
    return fs_fake_now;
}

u64 clock_wall(void)
{
    static u64 now = 1700000000ull * NSEC_PER_SEC;

    return now += 1000;
}

struct rlimit process_limit(unsigned resource)
{
    u64 limit = resource == RLIMIT_FSIZE ? ~0ull : fs_fake_limit;

    return (struct rlimit){limit, limit};
}

bool signal_pending(void)
{
    return false;
}

/* ---- Locks --------------------------------------------------------------------- */

void spin_lock_slow(struct spinlock *lock)
{
    BUG("%s is taken already", lock->name);
}

void spin_debug_locked(struct spinlock *lock, const void *caller)
{
    const char *wrong = lock_rank_check(&cpu.locks, lock, lock->rank);

    if (wrong != NULL) {
        BUG("%s: %s", lock->name, wrong);
    }
    lock_rank_push(&cpu.locks, lock, lock->name, lock->rank);
}

void spin_debug_unlock(struct spinlock *lock)
{
    lock_rank_pop(&cpu.locks, lock);
}

void mutex_init(struct mutex *mutex, const char *name)
{
    mutex->owner = 0;
}

void mutex_lock(struct mutex *mutex)
{
    BUG_ON(mutex->owner != 0 || cpu.locks.count > 0);
    mutex->owner = 1;
    mutexes++;
}

void mutex_unlock(struct mutex *mutex)
{
    BUG_ON(mutex->owner == 0);
    mutex->owner = 0;
    mutexes--;
}

void wait_begin(struct wait_queue *queue, struct waiter *waiter)
{
}

int wait_sleep(struct wait_queue *queue, struct waiter *waiter, nsec_t deadline)
{
    BUG("nobody would wake us");
}

void wait_abort(struct wait_queue *queue, struct waiter *waiter)
{
}

void wait_queue_init(struct wait_queue *queue, const char *name)
{
}

int wait_sleep_signal(struct wait_queue *queue, struct waiter *waiter, nsec_t deadline)
{
    BUG("nobody would wake us");
}

unsigned wait_wake_all(struct wait_queue *queue)
{
    return 0;
}

/* ---- The application, and what else files touch --------------------------------- */

int user_read(void *dst, const void *src, size_t size)
{
    BUG_ON(cpu.locks.count > 0);
    if ((u64)src < 64 * KIB) {
        return -EFAULT;
    }
    for (size_t i = 0; i < size; i++) { /* user_path() looks past the end of a string */
        ((char *)dst)[i] = __builtin_object_size(src, 0) ? ((const char *)src)[i] : 0;
    }
    return 0;
}

int user_write(void *dst, const void *src, size_t size)
{
    BUG_ON(cpu.locks.count > 0);
    if ((u64)dst < 64 * KIB) {
        return -EFAULT;
    }
    memcpy(dst, src, size);
    return 0;
}

int user_read_u32(const u32 *addr, u32 *value)
{
    return user_read(value, addr, sizeof(*value));
}

size_t strlcpy(char *dst, const char *src, size_t size)
{
    size_t len = strlen(src), part = MIN(len, size - 1);

    memcpy(dst, src, part);
    dst[part] = '\0';
    return len;
}

struct byte_channel *channel_find(const char *name)
{
    return NULL;
}

struct poll_source *channel_terminal_source(void)
{
    return NULL;
}

int poll_wait_file(struct file *file, u32 events, nsec_t deadline)
{
    return -EINTR;
}

void poll_watch_add(struct poll_source *source, struct poll_watch *watch,
                    void (*notify)(struct poll_watch *watch, u32 events))
{
}

void poll_watch_remove(struct poll_watch *watch)
{
}

int signal_send_thread(struct thread *thread, int signal, const struct siginfo *info)
{
    return 0;
}

void system_time_begin(void)
{
}

void system_time_end(void)
{
}

void epoll_forget_file(struct file *file)
{
}

int fifo_open(struct inode *inode, struct file *file)
{
    return -ENXIO;
}

bool pipe_is_file(const struct file *file)
{
    return false;
}

int pipe_begin_move(struct file *file, struct io *io)
{
    return -EINVAL;
}

void pipe_end_move(struct file *file, u64 taken)
{
}

s64 pipe_fcntl(struct file *file, u32 command, u64 arg)
{
    return -EBADF;
}

_Atomic u32 fsnotify_watch_count = 1; /* so that all is told */

u32 fsnotify_cookie(void)
{
    return 1;
}

void fsnotify(struct inode *inode, u32 mask, struct inode *dir, const char *name, size_t len,
              u32 cookie)
{
    BUG_ON(cpu.locks.count > 0);
}

/* ---- Page cache ------------------------------------------------------------------ */

struct page_cache {
    struct inode *inode;
    const struct page_cache_ops *ops;
    char *pages[PAGES];
    u64 count;
};

int page_cache_new(struct inode *inode, const struct page_cache_ops *ops, struct page_cache **cache)
{
    *cache = kzalloc(sizeof(**cache));
    if (*cache == NULL) {
        return -ENOMEM;
    }
    (*cache)->inode = inode;
    (*cache)->ops = ops;
    return 0;
}

static void drop_page(struct page_cache *cache, u64 index)
{
    if (cache->pages[index] != NULL) {
        kfree(cache->pages[index]);
        cache->pages[index] = NULL;
        cache->count--;
        BUG_ON(cache->ops->reserve(cache->inode, -1) != 0);
    }
}

bool page_cache_seek(struct page_cache *cache, u64 *index, u64 end, bool data)
{
    while (*index < end) {
        if ((*index < PAGES && cache->pages[*index] != NULL) == data) {
            return true;
        }
        ++*index;
    }
    return false;
}

void page_cache_free(struct page_cache *cache)
{
    for (u64 i = 0; i < PAGES; i++) {
        drop_page(cache, i);
    }
    kfree(cache);
}

static int make_page(struct page_cache *cache, u64 index)
{
    int error = index >= PAGES ? -EFBIG : 0;

    if (error != 0 || cache->pages[index] != NULL) {
        return error;
    }
    error = cache->ops->reserve(cache->inode, 1);
    if (error != 0) {
        return error;
    }
    cache->pages[index] = kzalloc(PAGE_SIZE);
    if (cache->pages[index] == NULL) {
        BUG_ON(cache->ops->reserve(cache->inode, -1) != 0);
        return -ENOMEM;
    }
    cache->count++;
    return 0;
}

int page_cache_read(struct page_cache *cache, struct io *io, u64 *pos)
{
    u64 size = atomic_load(&cache->inode->size);
    int error = 0;

    while (io->left > 0 && *pos < size && error == 0) {
        u64 part = MIN(MIN(io->left, size - *pos), PAGE_SIZE - *pos % PAGE_SIZE);
        const char *page = cache->pages[*pos / PAGE_SIZE];

        error = page == NULL ? io_put_zeros(io, part) : io_put(io, page + *pos % PAGE_SIZE, part);
        *pos += error == 0 ? part : 0;
    }
    return error;
}

int page_cache_write(struct page_cache *cache, struct io *io, u64 *pos)
{
    int error = 0;

    while (io->left > 0 && error == 0) {
        u64 part = MIN(io->left, PAGE_SIZE - *pos % PAGE_SIZE);

        error = make_page(cache, *pos / PAGE_SIZE);
        if (error == 0) {
            error = io_take(io, cache->pages[*pos / PAGE_SIZE] + *pos % PAGE_SIZE, part);
        }
        if (error == 0) {
            *pos += part;
            atomic_store(&cache->inode->size, MAX(*pos, atomic_load(&cache->inode->size)));
        }
    }
    return error;
}

int page_cache_get(struct page_cache *cache, u64 index, bool write, pfn_t *frame)
{
    int error = make_page(cache, index);

    *frame = 0;
    return error;
}

int page_cache_punch(struct page_cache *cache, u64 start, u64 end)
{
    for (u64 pos = start; pos < end && pos / PAGE_SIZE < PAGES; pos++) {
        if (IS_ALIGNED(pos, PAGE_SIZE) && end - pos >= PAGE_SIZE) {
            drop_page(cache, pos / PAGE_SIZE);
        }
        if (cache->pages[pos / PAGE_SIZE] != NULL) {
            cache->pages[pos / PAGE_SIZE][pos % PAGE_SIZE] = 0;
        }
    }
    return 0;
}

void page_cache_truncate(struct page_cache *cache, u64 size)
{
    u64 edge = ALIGN_UP(size, PAGE_SIZE);

    if (edge > size) {
        (void)!page_cache_punch(cache, size, edge);
    }
    for (u64 i = edge / PAGE_SIZE; i < PAGES; i++) {
        drop_page(cache, i);
    }
}

int page_cache_sync(struct page_cache *cache, u64 start, u64 end)
{
    return 0;
}

void page_cache_forget(struct page_cache *cache, u64 start, u64 end)
{
}

void page_cache_will_need(struct page_cache *cache, u64 index, u64 count)
{
}

u64 page_cache_pages(struct page_cache *cache)
{
    return cache->count;
}
