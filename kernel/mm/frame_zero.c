/* SPDX-License-Identifier: MIT */
/*
 * 2 MiB frames zeroed ahead of need, by idle CPUs: the first touch of a large
 * page then costs no 200,000 cycles of zeroing.  When half of the pool is used
 * up, whoever was handed to frame_zero_on_low() gets an idle CPU to work, and
 * that fills it again: a CPU that sleeps would not notice.
 *
 * A CPU zeroes its frame in chunks that take about three microseconds and stops
 * between two of them when it has something better to do; the next time it
 * goes on where it was.  Its lock is held during a chunk, which costs nobody
 * anything, but lets a CPU that is out of memory take the unfinished frame.
 *
 * The pool is bounded by an eighth of the free memory, so that nothing else
 * runs short because of it; and it is given up whenever something does.  It is
 * small at first and grows by a quarter of what has been wanted: a program that is
 * over at once would else pay, with its host, for 128 MiB that nobody uses (an
 * eighth of a second on kvm_pvm).  And it ends at 64 MiB: what lies in it is memory that the
 * host must find, up to 5 ms for each frame, whether or not it is ever used; and with twice as
 * much the pauses of a heap that grows differed by less than from one run to the next.
 */
#include "frame_priv.h"

#include <kernel/assert.h>
#include <kernel/cpu.h>
#include <kernel/spinlock.h>
#include <kernel/string.h>

#define POOL_MAX 32
#define POOL_FIRST 4
#define POOL_PACE 4  /* one frame more for so many that were wanted */
#define POOL_SHARE 8 /* of the free frames: one in so many */
#define WANTED_MOST (POOL_MAX * POOL_PACE)
#define CHUNK (64 * KIB)
#define FRAMES_IN_2M (1ull << ORDER_2M)

/* One CPU's unfinished frame.  (l) lock */
struct zeroing {
    struct spinlock lock;
    bool active; /* (l) */
    u32 pfn;     /* (l) */
    u64 done;    /* (l) bytes */
} aligned_to(CACHE_LINE);

/* (l) lock   (a) atomic */
static struct {
    struct spinlock lock;
    u32 count;              /* (l) frames in the pool */
    u32 pfns[POOL_MAX];     /* (l) the tag says FRAME_TAG_ZEROED */
    _Atomic u32 ready;      /* (a) count, for a look without the lock */
    _Atomic u32 unfinished; /* (a) frames that some CPU is at */
    _Atomic u32 wanted;     /* (a) how often one was, up to WANTED_MOST */
    u32 wanted_seen;        /* frame_take_unused()'s caller's */
    u64 own_seen;           /* the same one's */
    void (*on_low)(void);   /* set at start-up, or NULL */
    struct zeroing cpu[MAX_CPUS];
} pool = {.lock = SPINLOCK_INIT("zeroed frames", RANK_ZEROED)};

void frame_zero_on_low(void (*fn)(void))
{
    pool.on_low = fn;
}

void zeroed_init(void)
{
    for (unsigned i = 0; i < MAX_CPUS; i++) {
        spinlock_init(&pool.cpu[i].lock, "zeroing", RANK_MAGAZINE);
    }
}

static u32 count_ready(void)
{
    return atomic_load_explicit(&pool.ready, memory_order_relaxed);
}

static u32 count_unfinished(void)
{
    return atomic_load_explicit(&pool.unfinished, memory_order_relaxed);
}

/* Pool lock held. */
static u32 pop(void)
{
    u32 pfn = pool.pfns[--pool.count];

    atomic_store_explicit(&pool.ready, pool.count, memory_order_relaxed);
    BUG_ON(zone_desc(pfn)->tag != FRAME_TAG_ZEROED);
    zone_desc(pfn)->tag = 0;
    return pfn;
}

/* How many frames there shall be. */
static u64 target(u64 ours)
{
    u64 free = zone_free_estimate() + zone_lent_estimate() + ours * FRAMES_IN_2M;
    u32 wanted = atomic_load_explicit(&pool.wanted, memory_order_relaxed);
    u64 most = MIN((u64)POOL_MAX, POOL_FIRST + (u64)wanted / POOL_PACE);

    return MIN(most, free / POOL_SHARE / FRAMES_IN_2M);
}

static bool enough(void)
{
    u64 ours = (u64)count_ready() + count_unfinished();

    return ours >= target(ours);
}

static void say_if_low(void)
{
    u64 ours = (u64)count_ready() + count_unfinished();

    if (pool.on_low != NULL && ours < target(ours) / 2) {
        pool.on_low();
    }
}

static bool take(pfn_t *pfn)
{
    bool irq, got;

    if (count_ready() == 0) {
        return false;
    }
    irq = spin_lock(&pool.lock);
    got = pool.count > 0;
    if (got) {
        *pfn = pop();
    }
    spin_unlock(&pool.lock, irq);
    return got;
}

bool zeroed_take(pfn_t *pfn)
{
    if (atomic_load_explicit(&pool.wanted, memory_order_relaxed) < WANTED_MOST) {
        atomic_fetch_add_explicit(&pool.wanted, 1, memory_order_relaxed);
    }
    say_if_low();
    return take(pfn);
}

/* False if the pool is full: other CPUs have filled it meanwhile. */
static bool push(u32 pfn)
{
    bool irq = spin_lock(&pool.lock);
    bool room = pool.count < POOL_MAX;

    if (room) {
        zone_desc(pfn)->tag = FRAME_TAG_ZEROED;
        pool.pfns[pool.count++] = pfn;
        atomic_store_explicit(&pool.ready, pool.count, memory_order_relaxed);
    }
    spin_unlock(&pool.lock, irq);
    return room;
}

/*
 * What the application had comes late, since it may want that again as it is; what the host
 * has comes last, since it has to find the memory.
 */
static bool take_any(u32 *pfn)
{
    pfn_t own;

    while (zone_alloc(ORDER_2M, pfn, 1) == 0) {
        if (frame_take_own(&own)) {
            *pfn = (u32)own;
            return true;
        }
        if (lent_take_back() == 0) {
            return false;
        }
    }
    return true;
}

/* Own lock held.  False if there is no frame to zero, or no need. */
static bool begin(struct zeroing *z)
{
    if (enough() || !take_any(&z->pfn)) {
        return false;
    }
    z->active = true;
    z->done = 0;
    atomic_fetch_add_explicit(&pool.unfinished, 1, memory_order_relaxed);
    return true;
}

/* Own lock held; the frame goes where the caller wants it. */
static void end(struct zeroing *z)
{
    z->active = false;
    atomic_fetch_sub_explicit(&pool.unfinished, 1, memory_order_relaxed);
}

static void zero_chunk(struct zeroing *z)
{
    memzero_uncached((u8 *)pfn_to_virt(z->pfn) + z->done, CHUNK);
    z->done += CHUNK;
    if (z->done == LARGE_SIZE) {
        end(z);
        if (!push(z->pfn)) {
            zone_free(ORDER_2M, &z->pfn, 1);
        }
    }
}

bool frame_zero_ahead(bool (*keep_going)(void))
{
    struct zeroing *z = &pool.cpu[cpu_id()];
    bool active = true;

    do {
        bool irq = spin_lock(&z->lock);

        if (!z->active && !begin(z)) {
            spin_unlock(&z->lock, irq);
            return false;
        }
        zero_chunk(z);
        active = z->active;
        spin_unlock(&z->lock, irq);
    } while (active && keep_going());
    return true;
}

static bool once(void)
{
    return false;
}

bool frame_zero_ahead_idle(void)
{
    return frame_zero_ahead(once);
}

static u64 drain_unfinished(struct zeroing *z)
{
    bool irq = spin_lock(&z->lock);
    u64 frames = 0;

    if (z->active) {
        end(z);
        zone_free(ORDER_2M, &z->pfn, 1);
        frames = FRAMES_IN_2M;
    }
    spin_unlock(&z->lock, irq);
    return frames;
}

u64 zeroed_drain(void)
{
    u64 frames = 0;
    pfn_t pfn;

    while (take(&pfn)) {
        zone_free(ORDER_2M, &(u32){(u32)pfn}, 1);
        frames += FRAMES_IN_2M;
    }
    for (unsigned i = 0; i < MAX_CPUS; i++) {
        frames += drain_unfinished(&pool.cpu[i]);
    }
    return frames;
}

bool frame_take_unused(void)
{
    u32 wanted = atomic_load_explicit(&pool.wanted, memory_order_relaxed);
    u64 taken = own_taken();
    bool unused = wanted == pool.wanted_seen && taken == pool.own_seen;

    if (wanted == WANTED_MOST) { /* it counts no further: the next one would not be seen */
        wanted--;
        atomic_store_explicit(&pool.wanted, wanted, memory_order_relaxed);
    }
    pool.wanted_seen = wanted;
    pool.own_seen = taken;
    return unused;
}

void frame_trim(void)
{
    atomic_store_explicit(&pool.wanted, 0, memory_order_relaxed);
    (void)zeroed_drain();
    (void)own_drain();
}

u64 zeroed_frames(u64 *ready)
{
    *ready = count_ready() * FRAMES_IN_2M;
    return *ready + count_unfinished() * FRAMES_IN_2M;
}
