/* SPDX-License-Identifier: MIT */
/* One request and its reply; for client.c and transfer.c. */
#pragma once

#include "client_priv.h"

struct p9_rpc {
    struct p9_client *client;
    u8 type;
    u16 tag;
    u8 *memory;          /* request, reply */
    u32 out_size, size;  /* room for the one, for the other */
    struct p9_buffer in; /* behind the reply's header, once it is there */
    u32 length;          /* of the whole reply */
    void *started;       /* by p9_rpc_start(): the transport's name for it */
    /* What follows the message's own bytes: to be sent, or to be filled. */
    const struct p9_segment *payload;
    unsigned payload_count;
    u32 payload_size;
    bool payload_in;
};

/* Room for `out` bytes behind the request's header, and `in` behind the reply's. */
must_check int p9_rpc_begin(struct p9_rpc *rpc, struct p9_client *client, u8 type, u32 out, u32 in);
/* Sends what the shape says and waits for the reply: see p9_pack(). */
must_check int p9_rpc_run(struct p9_rpc *rpc, const char *shape, ...);
/*
 * Sends it with the next request of anybody, and does not wait.  -EAGAIN: it was not sent, for
 * there is no room, and p9_rpc_run() is to be called.
 */
must_check int p9_rpc_start(struct p9_rpc *rpc, const char *shape, ...);
/* Waits for the reply to what was started: as p9_rpc_run(). */
must_check int p9_rpc_finish(struct p9_rpc *rpc);
/* -EIO if a reply was shorter than what was read of it. */
must_check int p9_rpc_check(const struct p9_rpc *rpc);
void p9_rpc_end(struct p9_rpc *rpc);
