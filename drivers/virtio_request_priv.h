/* SPDX-License-Identifier: MIT */
/*
 * Requests to a device that answers each one (disk, 9P, random numbers): a
 * queue, a pool of requests, and waiting for the answer.
 *
 * A thread takes a request, fills its table, and calls virtio_request_run(),
 * which returns when the device is done with it.  As many threads at a time
 * as there are requests; more wait for one.
 *
 * Or it tries to take one, starts it, and goes on: the device is told of it with
 * the next one that somebody waits for, in one notification.  Half of the requests
 * are kept for those who wait, so that somebody always gets on.
 */
#pragma once

#include "virtio_priv.h"

#include <kernel/list.h>
#include <kernel/wait.h>

struct thread;

/* (o) the thread that has taken it   (q) the queue's lock   (a) atomic */
struct virtio_request {
    struct list link;                 /* (q) in the pool */
    struct ring_table table;          /* (o) */
    void *extra;                      /* (c) `extra` bytes of the pool's, physically contiguous */
    struct thread *thread;            /* (q) sleeps until it is done; NULL: does not */
    bool collected;                   /* (q) taken from the ring, about to be done */
    struct virtio_request *next_done; /* (q), then whoever reaps */
    u32 length;                       /* written before done */
    int error;                        /* written before done */
    _Atomic bool done;                /* (a) */
};

struct virtio_requests {
    struct virtio_queue queue;
    struct list free;        /* (q) */
    u16 count, free_count;   /* (c), (q) */
    struct wait_queue taken; /* who waits for a free one */
    unsigned waiting;        /* (q) threads that sleep until the device answers */
    _Atomic u64 poll_cycles; /* (a) how long to look before sleeping */
    u16 table_max;           /* (c) buffers of one request */
};

/*
 * Queue `index` of the device with `count` requests of up to `table_max`
 * buffers, less if the device knows no indirect tables: see table_max.
 */
must_check int virtio_requests_init(struct virtio_requests *requests, struct virtio_device *device,
                                    u16 index, u16 count, u16 table_max, u32 extra);
/* Thread context, no spinlock held.  The table is empty. */
struct virtio_request *virtio_request_take(struct virtio_requests *requests);
void virtio_request_put(struct virtio_requests *requests, struct virtio_request *request);
/*
 * 0 and the number of bytes that the device wrote, or -EIO.  Thread context,
 * no spinlock held; is not ended by signals.
 */
must_check int virtio_request_run(struct virtio_requests *requests, struct virtio_request *request,
                                  u32 *length);

/* NULL if there are few left. */
struct virtio_request *virtio_request_try(struct virtio_requests *requests);
/* The device is not told yet.  0, or -EIO: it will not be done. */
must_check int virtio_request_start(struct virtio_requests *requests,
                                    struct virtio_request *request);
/* The device is told of all that were started.  Also from virtio_request_run() and _wait(). */
void virtio_requests_show(struct virtio_requests *requests);
/* Of one that was started and shown: would virtio_request_wait() return at once? */
bool virtio_request_is_done(struct virtio_requests *requests, struct virtio_request *request);
/* As virtio_request_run(), of one that was started. */
must_check int virtio_request_wait(struct virtio_requests *requests, struct virtio_request *request,
                                   u32 *length);

/* From the device's interrupt. */
void virtio_requests_interrupt(struct virtio_requests *requests);
