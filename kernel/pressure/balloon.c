/* SPDX-License-Identifier: MIT */
/*
 * What the host has of our memory: the balloon, which it asks for and keeps, and
 * free memory, which it has until we use that again (frame_lent.c).
 *
 * The balloon takes blocks of 2 MiB while there are any, so that what is left
 * is whole too.  What was taken last goes back first.
 *
 * One mutex is held while the device is asked, which waits: by the thread of
 * pressure.c, by whoever has no memory, and by whoever gives some away.
 */
#include "policy_priv.h"
#include "pressure_priv.h"

#include <kernel/clock.h>
#include <kernel/errno.h>
#include <kernel/kmalloc.h>
#include <kernel/print.h>
#include <kernel/signal.h>
#include <kernel/wait.h>

#define MOVE_FRAMES 2048u /* at a time, in or out of the balloon: 8 MiB */
#define REPORT_FRAMES (64 * MIB / PAGE_SIZE)
#define CHUNK_BLOCKS 800u
_Static_assert(BALLOON_BATCH <= CHUNK_BLOCKS, "one chunk takes what is moved at a time");

struct chunk {
    struct chunk *next;
    u32 count;
    u32 pfn[CHUNK_BLOCKS];
    u8 order[CHUNK_BLOCKS];
};

/* (m) the mutex   (c) constant after start-up   (a) atomic */
static struct {
    struct mutex mutex;
    const struct balloon_ops *ops;            /* (c) NULL: there is no device */
    void *device;                             /* (c) */
    _Atomic unsigned features;                /* (a) BALLOON_*, while it works */
    bool started, broken;                     /* (m) */
    struct chunk *held;                       /* (m) what is in it, last in first out */
    struct frame_block blocks[BALLOON_BATCH]; /* (m) being moved */
    _Atomic u64 frames;                       /* (a) in it */
    _Atomic u64 wanted;                       /* (a) what the host asks for */
    _Atomic bool changed;                     /* (a) perhaps it asks for something else */
    _Atomic u64 inflated, deflated, given;
    nsec_t taken_back; /* (m) when memory was out; 0: never */
} balloon;

void balloon_register(const struct balloon_ops *ops, void *device)
{
    if (balloon.ops == NULL) {
        mutex_init(&balloon.mutex, "balloon");
        balloon.device = device;
        balloon.ops = ops;
        atomic_store_explicit(&balloon.changed, true, memory_order_relaxed);
    }
}

bool balloon_is_there(void)
{
    return balloon.ops != NULL;
}

void balloon_changed(void)
{
    atomic_store_explicit(&balloon.changed, true, memory_order_release);
    pressure_wake();
}

u64 balloon_frames(void)
{
    return atomic_load_explicit(&balloon.frames, memory_order_relaxed);
}

static bool can(unsigned feature)
{
    return (atomic_load_explicit(&balloon.features, memory_order_relaxed) & feature) != 0;
}

u64 balloon_kept_frames(void)
{
    return can(BALLOON_TAKE_BACK) ? 0 : balloon_frames();
}

/* Mutex held. */
static bool works(void)
{
    return balloon.started && !balloon.broken;
}

static void count(_Atomic u64 *counter, u64 frames)
{
    atomic_fetch_add_explicit(counter, frames, memory_order_relaxed);
}

bool balloon_start(void)
{
    unsigned features = 0;
    int error = 0;
    bool working;

    if (balloon.ops == NULL) {
        return false;
    }
    mutex_lock(&balloon.mutex);
    if (!balloon.started) {
        error = balloon.ops->start(balloon.device, &features);
        balloon.started = true;
        balloon.broken = error != 0;
        atomic_store_explicit(&balloon.features, error == 0 ? features : 0, memory_order_relaxed);
    }
    working = works();
    mutex_unlock(&balloon.mutex);
    if (error != 0) {
        kprintf("balloon: left out, error %d\n", -error);
    }
    return working;
}

bool balloon_can_report(void)
{
    return can(BALLOON_REPORT);
}

bool balloon_must_be_asked(void)
{
    return can(BALLOON_ASK);
}

/* ---- Blocks in the balloon; the mutex is held. -------------------------------------------- */

/* For all that is moved at a time.  No memory: false. */
static bool make_room(void)
{
    struct chunk *chunk = balloon.held;

    if (chunk != NULL && CHUNK_BLOCKS - chunk->count >= BALLOON_BATCH) {
        return true;
    }
    chunk = kmalloc(sizeof(*chunk));
    if (chunk != NULL) {
        chunk->next = balloon.held;
        chunk->count = 0;
        balloon.held = chunk;
    }
    return chunk != NULL;
}

static void push(const struct frame_block *block)
{
    struct chunk *chunk = balloon.held;

    chunk->pfn[chunk->count] = (u32)block->pfn;
    chunk->order[chunk->count++] = (u8)block->order;
}

static bool pop(struct frame_block *block)
{
    struct chunk *chunk = balloon.held;

    while (chunk != NULL && chunk->count == 0) {
        balloon.held = chunk->next;
        kfree(chunk);
        chunk = balloon.held;
    }
    if (chunk != NULL) {
        chunk->count--;
        block->pfn = chunk->pfn[chunk->count];
        block->order = chunk->order[chunk->count];
    }
    return chunk != NULL;
}

/* 2 MiB, or where there are none or less is wanted, 4 KiB. */
static bool take(u64 frames, struct frame_block *block)
{
    block->order = frames >= 1ull << ORDER_2M ? ORDER_2M : ORDER_4K;
    if (frame_alloc(block->order, 0, &block->pfn) == 0) {
        return true;
    }
    block->order = ORDER_4K;
    return frame_alloc(ORDER_4K, 0, &block->pfn) == 0;
}

static u64 free_blocks(unsigned blocks)
{
    u64 frames = 0;

    for (unsigned i = 0; i < blocks; i++) {
        frame_free(balloon.blocks[i].pfn, balloon.blocks[i].order);
        frames += 1ull << balloon.blocks[i].order;
    }
    return frames;
}

static bool is_done(int error)
{
    if (error != 0) {
        balloon.broken = true;
        atomic_store_explicit(&balloon.features, 0, memory_order_relaxed);
        balloon.ops->stop(balloon.device);
        kprintf("balloon: the device has failed, error %d\n", -error);
    }
    return error == 0;
}

static void tell(s64 frames)
{
    atomic_fetch_add_explicit(&balloon.frames, (u64)frames, memory_order_relaxed);
    count(frames > 0 ? &balloon.inflated : &balloon.deflated, (u64)(frames > 0 ? frames : -frames));
    balloon.ops->tell(balloon.device, balloon_frames());
}

/* How many frames; 0: none could be had, or the device fails. */
static u64 inflate(u64 frames)
{
    unsigned blocks = 0;
    u64 sum = 0;

    if (!make_room()) {
        return 0;
    }
    frames = MIN(frames, MOVE_FRAMES);
    while (blocks < BALLOON_BATCH && sum < frames && take(frames - sum, &balloon.blocks[blocks])) {
        sum += 1ull << balloon.blocks[blocks++].order;
    }
    if (blocks == 0) {
        return 0;
    }
    if (!is_done(balloon.ops->inflate(balloon.device, balloon.blocks, blocks))) {
        (void)free_blocks(blocks);
        return 0;
    }
    for (unsigned i = 0; i < blocks; i++) {
        push(&balloon.blocks[i]);
    }
    tell((s64)sum);
    return sum;
}

/* One batch of them, which are free then.  What the host will not let go: 0. */
static u64 deflate(u64 frames)
{
    unsigned blocks = 0;
    u64 sum = 0;

    frames = MIN(frames, MOVE_FRAMES);
    while (blocks < BALLOON_BATCH && sum < frames && pop(&balloon.blocks[blocks])) {
        sum += 1ull << balloon.blocks[blocks++].order;
    }
    if (blocks == 0) {
        return 0;
    }
    if (!is_done(balloon.ops->deflate(balloon.device, balloon.blocks, blocks))) {
        return 0; /* whether the host knows is not known: these are lost */
    }
    (void)free_blocks(blocks);
    tell(-(s64)sum);
    return sum;
}

/* ---- What others ask for. ----------------------------------------------------------------- */

/* Mutex held. */
static u64 wanted_now(void)
{
    if (atomic_exchange_explicit(&balloon.changed, false, memory_order_acquire) ||
        can(BALLOON_ASK)) {
        atomic_store_explicit(&balloon.wanted, balloon.ops->wanted(balloon.device),
                              memory_order_relaxed);
    }
    return atomic_load_explicit(&balloon.wanted, memory_order_relaxed);
}

/* Mutex held; the device works. */
static bool step(struct balloon_state *state, u64 *lacking)
{
    s64 move;
    u64 moved;

    state->has = balloon_frames();
    state->wanted = wanted_now();
    state->last = balloon.taken_back;
    move = balloon_move(state);
    moved = move >= 0 ? inflate((u64)move) : deflate((u64)-move);
    if (move >= 0 && state->wanted > state->has + (u64)move) {
        *lacking = state->wanted - state->has - (u64)move;
    }
    return moved > 0 && balloon_frames() != state->wanted;
}

bool balloon_step(nsec_t now, u64 free, const struct pressure_limits *limits, u64 *lacking)
{
    struct balloon_state state = {.free = free, .now = now};
    bool more;

    *lacking = 0;
    if (balloon.ops == NULL) {
        return false;
    }
    mutex_lock(&balloon.mutex);
    /* What can be had back is taken further. */
    state.floor = can(BALLOON_TAKE_BACK) ? limits->critical : limits->low;
    more = works() && step(&state, lacking);
    mutex_unlock(&balloon.mutex);
    return more;
}

u64 balloon_take_back(u64 frames)
{
    u64 got = 0, part = 1;

    if (balloon.ops == NULL) {
        return 0;
    }
    mutex_lock(&balloon.mutex);
    while (can(BALLOON_TAKE_BACK) && got < frames && part != 0) {
        part = deflate(frames - got);
        got += part;
    }
    if (got > 0) {
        balloon.taken_back = clock_now();
    }
    mutex_unlock(&balloon.mutex);
    return got;
}

/* Mutex held.  One batch: 0 if there are no such blocks, or the device fails. */
static u64 report(u64 frames)
{
    unsigned blocks = frame_lend(balloon.blocks, BALLOON_REPORT_BATCH, frames);
    u64 sum = 0;

    if (blocks == 0) {
        return 0;
    }
    if (!is_done(balloon.ops->report(balloon.device, balloon.blocks, blocks))) {
        frame_lend_cancel(balloon.blocks, blocks);
        return 0;
    }
    for (unsigned i = 0; i < blocks; i++) {
        sum += 1ull << balloon.blocks[i].order;
    }
    frame_lent(balloon.blocks, blocks);
    count(&balloon.given, sum);
    return sum;
}

u64 balloon_report(u64 frames)
{
    u64 got = 0;

    if (balloon.ops == NULL) {
        return 0;
    }
    mutex_lock(&balloon.mutex);
    if (can(BALLOON_REPORT)) {
        got = report(MIN(frames, REPORT_FRAMES));
    }
    mutex_unlock(&balloon.mutex);
    return got;
}

void balloon_get_stats(struct pressure_stats *stats)
{
    stats->balloon = balloon_frames();
    stats->balloon_wanted = atomic_load_explicit(&balloon.wanted, memory_order_relaxed);
    stats->inflated = atomic_load_explicit(&balloon.inflated, memory_order_relaxed);
    stats->deflated = atomic_load_explicit(&balloon.deflated, memory_order_relaxed);
    stats->given_to_host = atomic_load_explicit(&balloon.given, memory_order_relaxed);
}
