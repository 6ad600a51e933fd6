/* SPDX-License-Identifier: MIT */
/*
 * Requests and their completion.
 *
 * An interrupt costs 20 us on kvm_pvm and waking a halted CPU more, while
 * the host answers a read of cached data within 50 to 100.  So who has sent
 * a request first looks at the ring for a while, whose length follows how
 * long the answers take, and sleeps after that.  Interrupts are on only
 * while somebody sleeps.  Whoever looks, or the interrupt, takes everything
 * that is done and wakes its owners, after the lock is dropped (a wake-up
 * takes locks of lower ranks).
 *
 * Rejected: one table of waiting threads with a thread that reaps (two
 * switches more); handing the callback to the interrupt (the callers all
 * wait).
 */
#include "virtio_request_priv.h"

#include <kernel/assert.h>
#include <kernel/clock.h>
#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/kmalloc.h>
#include <kernel/print.h>
#include <kernel/sched.h>
#include <kernel/thread.h>

#define POLL_START (100 * NSEC_PER_USEC)
#define POLL_MAX (250 * NSEC_PER_USEC)
#define POLL_LEAST (10 * NSEC_PER_USEC)
#define LOOK_AGAIN NSEC_PER_MSEC

static u64 cycles_of(nsec_t duration)
{
    return duration * clock_tsc_khz() / 1000000;
}

static int add_request(struct virtio_requests *requests, u16 table_max, u32 extra)
{
    size_t table = table_max * sizeof(struct ring_desc);
    struct virtio_request *request = kzalloc(sizeof(*request));
    struct ring_desc *desc = kmalloc_aligned(table + extra, 16);
    bool indirect = (requests->queue.device->features & VIRTIO_F_INDIRECT_DESC) != 0;

    if (request == NULL || desc == NULL) {
        kfree(request);
        kfree(desc);
        return -ENOMEM;
    }
    request->extra = (char *)desc + table;
    ring_table_init(&request->table, desc, indirect ? virt_to_phys(desc) : 0, table_max);
    list_push_back(&requests->free, &request->link);
    requests->count++;
    requests->free_count++;
    return 0;
}

int virtio_requests_init(struct virtio_requests *requests, struct virtio_device *device, u16 index,
                         u16 count, u16 table_max, u32 extra)
{
    int err = virtio_queue_init(&requests->queue, device, index, 256);

    if (err != 0) {
        return err;
    }
    /* There is always room in the ring for all requests. */
    count = MIN(count, requests->queue.ring.size);
    if ((device->features & VIRTIO_F_INDIRECT_DESC) == 0) {
        count = MIN(count, 8u);
        table_max = MIN(table_max, requests->queue.ring.size / count);
    }
    requests->table_max = table_max;
    list_init(&requests->free);
    wait_queue_init(&requests->taken, "virtio requests");
    atomic_init(&requests->poll_cycles, cycles_of(POLL_START));
    for (u16 i = 0; i < count && err == 0; i++) {
        err = add_request(requests, table_max, extra);
    }
    /* Fewer than wanted will do. */
    return list_empty(&requests->free) ? err : 0;
}

/* One of more than so many. */
static struct virtio_request *try_take(struct virtio_requests *requests, u16 left)
{
    struct virtio_request *request = NULL;
    bool irq = spin_lock(&requests->queue.lock);

    if (requests->free_count > left) {
        request = list_entry(list_pop_front(&requests->free), struct virtio_request, link);
        request->table.count = 0;
        requests->free_count--;
    }
    spin_unlock(&requests->queue.lock, irq);
    return request;
}

struct virtio_request *virtio_request_take(struct virtio_requests *requests)
{
    struct virtio_request *request;

    wait_until(&requests->taken, (request = try_take(requests, 0)) != NULL);
    return request;
}

struct virtio_request *virtio_request_try(struct virtio_requests *requests)
{
    return try_take(requests, requests->count / 2);
}

void virtio_request_put(struct virtio_requests *requests, struct virtio_request *request)
{
    bool irq = spin_lock(&requests->queue.lock);

    list_push_front(&requests->free, &request->link);
    requests->free_count++;
    spin_unlock(&requests->queue.lock, irq);
    (void)wait_wake_one(&requests->taken);
}

/* Under the lock: from here on its owner no longer says that it sleeps. */
static struct virtio_request *mark_collected(struct virtio_requests *requests,
                                             struct virtio_request *request,
                                             struct virtio_request *done)
{
    request->collected = true;
    request->next_done = done;
    requests->waiting -= request->thread != NULL;
    return request;
}

/* Of a device that breaks the rules: everything fails, now and later. */
static struct virtio_request *fail_all(struct virtio_requests *requests,
                                       struct virtio_request *done)
{
    struct virtio_request *request;

    while ((request = ring_abandon(&requests->queue.ring)) != NULL) {
        request->error = -EIO;
        done = mark_collected(requests, request, done);
    }
    return done;
}

/* Under the lock: takes what is done. */
static struct virtio_request *collect(struct virtio_requests *requests)
{
    struct ring *ring = &requests->queue.ring;
    struct virtio_request *done = NULL;
    struct virtio_request *request;
    u32 length;

    for (;;) {
        while ((request = ring_take(ring, &length)) != NULL) {
            request->length = length;
            request->error = 0;
            done = mark_collected(requests, request, done);
        }
        if (ring->broken) {
            return fail_all(requests, done);
        }
        if (requests->waiting == 0) {
            ring_interrupts_off(ring);
            return done;
        }
        if (!ring_interrupts_on(ring)) {
            return done;
        }
    }
}

/* Without the lock.  Once it is `done`, a request is its owner's again. */
static void finish(struct virtio_request *done)
{
    while (done != NULL) {
        struct virtio_request *next = done->next_done;
        struct thread *thread = done->thread;

        atomic_store_explicit(&done->done, true, memory_order_release);
        if (thread != NULL) {
            (void)sched_wake(thread);
        }
        done = next;
    }
}

void virtio_requests_interrupt(struct virtio_requests *requests)
{
    bool irq = spin_lock(&requests->queue.lock);
    bool broken = requests->queue.ring.broken;
    struct virtio_request *done = collect(requests);

    broken = !broken && requests->queue.ring.broken;
    spin_unlock(&requests->queue.lock, irq);
    finish(done);
    if (broken) {
        kprintf("%s: broke the rules of its queue, is used no more\n",
                requests->queue.device->name);
    }
}

static bool is_done(const struct virtio_request *request)
{
    return atomic_load_explicit(&request->done, memory_order_acquire);
}

static bool poll_until_done(struct virtio_requests *requests, struct virtio_request *request,
                            u64 start)
{
    u64 limit = atomic_load_explicit(&requests->poll_cycles, memory_order_relaxed);

    while (!is_done(request)) {
        if (ring_pending(&requests->queue.ring)) {
            virtio_requests_interrupt(requests);
        } else if (rdtsc() - start > limit || this_cpu()->need_resched || !sched_is_alone()) {
            return false;
        } else {
            cpu_pause();
        }
    }
    return true;
}

static void sleep_until_done(struct virtio_requests *requests, struct virtio_request *request)
{
    bool irq = spin_lock(&requests->queue.lock);

    if (!request->collected) {
        request->thread = thread_current();
        requests->waiting++;
    }
    spin_unlock(&requests->queue.lock, irq);
    /* Turns interrupts on, or finds that it is done. */
    virtio_requests_interrupt(requests);
    while (!is_done(request)) {
        if (request->thread == NULL) {
            cpu_pause(); /* another CPU is about to say so */
            continue;
        }
        sched_prepare_sleep();
        if (is_done(request)) {
            sched_cancel_sleep();
        } else {
            (void)sched_sleep(SCHED_NEVER);
        }
    }
}

/* Of a device without interrupts.  Such are asked seldom, and for much. */
static void look_until_done(struct virtio_requests *requests, struct virtio_request *request)
{
    while (!is_done(request)) {
        sched_delay(LOOK_AGAIN);
        virtio_requests_interrupt(requests);
    }
}

/* Looking pays while answers come within POLL_MAX: then up to twice as long as they took. */
static void adapt(struct virtio_requests *requests, u64 took)
{
    u64 limit = atomic_load_explicit(&requests->poll_cycles, memory_order_relaxed);

    if (took <= cycles_of(POLL_MAX)) {
        limit = MAX(limit / 2 + took, cycles_of(POLL_LEAST));
    } else {
        limit -= limit / 4;
    }
    atomic_store_explicit(&requests->poll_cycles, MIN(limit, cycles_of(POLL_MAX)),
                          memory_order_relaxed);
}

int virtio_request_start(struct virtio_requests *requests, struct virtio_request *request)
{
    bool irq;
    int err;

    atomic_store_explicit(&request->done, false, memory_order_relaxed);
    request->thread = NULL;
    request->collected = false;
    irq = spin_lock(&requests->queue.lock);
    err = ring_add(&requests->queue.ring, &request->table, request);
    spin_unlock(&requests->queue.lock, irq);
    assert(err == 0 || err == -EIO);
    return err;
}

void virtio_requests_show(struct virtio_requests *requests)
{
    bool irq = spin_lock(&requests->queue.lock);
    bool notify = ring_publish(&requests->queue.ring);

    spin_unlock(&requests->queue.lock, irq);
    if (notify) {
        virtio_queue_notify(&requests->queue);
    }
}

bool virtio_request_is_done(struct virtio_requests *requests, struct virtio_request *request)
{
    if (!is_done(request) && ring_pending(&requests->queue.ring)) {
        virtio_requests_interrupt(requests);
    }
    return is_done(request);
}

int virtio_request_wait(struct virtio_requests *requests, struct virtio_request *request,
                        u32 *length)
{
    u64 start = rdtsc();

    if (!is_done(request)) {
        virtio_requests_show(requests);
        if (!poll_until_done(requests, request, start)) {
            if (requests->queue.device->interrupt == NULL) {
                look_until_done(requests, request);
            } else {
                sleep_until_done(requests, request);
            }
        }
        adapt(requests, rdtsc() - start);
    }
    *length = request->length;
    return request->error;
}

int virtio_request_run(struct virtio_requests *requests, struct virtio_request *request,
                       u32 *length)
{
    int err = virtio_request_start(requests, request);

    return err != 0 ? err : virtio_request_wait(requests, request, length);
}
