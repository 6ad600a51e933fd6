/* SPDX-License-Identifier: MIT */
/*
 * A channel to a 9P server (virtio-9p), as a driver offers it to the file
 * system.  One message, one reply; many at a time, told apart by the tag that
 * is in them.
 */
#pragma once

#include <kernel/types.h>

struct p9_segment { /* physically contiguous */
    paddr_t address;
    u32 size;
};

struct p9_transport {
    char tag[64]; /* mount tag */
    u32 size_max; /* of a message */
    u32 segments_max;
    /*
     * Sends the `out` segments, waits for the reply in the `in` segments, and
     * tells its length.  Thread context; not interrupted by signals (the 9P
     * client sends Tflush and waits).  0 or -EIO.
     */
    int (*request)(struct p9_transport *transport, const struct p9_segment *out, unsigned outs,
                   const struct p9_segment *in, unsigned ins, u32 *length);
    /*
     * Likewise, but does not wait: what stands for the request, or NULL if there is no room for
     * it now.  The server hears of it with the next `request`, `show` or `finish` of anybody.
     */
    void *(*start)(struct p9_transport *transport, const struct p9_segment *out, unsigned outs,
                   const struct p9_segment *in, unsigned ins);
    void (*show)(struct p9_transport *transport);
    /* Would `finish` wait?  It never is done if it was not shown. */
    bool (*is_done)(struct p9_transport *transport, void *started);
    /* Waits for what was started, which is then no more.  As `request`. */
    int (*finish)(struct p9_transport *transport, void *started, u32 *length);
    void *priv;
};

void p9_register(struct p9_transport *transport);
struct p9_transport *p9_find(unsigned number); /* NULL if there are not so many */
