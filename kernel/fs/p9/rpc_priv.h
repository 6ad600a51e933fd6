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
/* -EIO if a reply was shorter than what was read of it. */
must_check int p9_rpc_check(const struct p9_rpc *rpc);
void p9_rpc_end(struct p9_rpc *rpc);
