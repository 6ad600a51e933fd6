/* SPDX-License-Identifier: MIT */
/*
 * Fids: numbers by which the server knows files, given out here, and given back
 * by a clunk.
 *
 * Nobody needs the reply to a clunk but for using the number again, so it is
 * posted: it goes to the server with the next request (at once if the file was
 * open there), and its reply is looked for when the next fid comes or goes.
 * There are few of them on their way; when all places are taken, the caller
 * waits for its own.
 */
#include "client_priv.h"

#include "rpc_priv.h"
#include <kernel/errno.h>
#include <kernel/kmalloc.h>

struct p9_posted {
    struct p9_fid *fid;
    struct p9_rpc rpc;
};

/* It has come back, or is waited for.  `posting` is held. */
static void finish(struct p9_client *client, unsigned place)
{
    struct p9_posted *posted = client->posted[place];
    int err = p9_rpc_finish(&posted->rpc);

    client->posted[place] = NULL;
    p9_rpc_end(&posted->rpc);
    p9_fid_drop(posted->fid, err);
    kfree(posted);
}

/* Of those that have come back, the numbers can be used again.  `posting` is held. */
static void reap(struct p9_client *client)
{
    struct p9_transport *transport = client->transport;

    for (unsigned i = 0; i < P9_POSTED_MAX; i++) {
        if (client->posted[i] != NULL &&
            transport->is_done(transport, client->posted[i]->rpc.started)) {
            finish(client, i);
        }
    }
}

void p9_fids_settle(struct p9_client *client)
{
    mutex_lock(&client->posting);
    for (unsigned i = 0; i < P9_POSTED_MAX; i++) {
        if (client->posted[i] != NULL) {
            finish(client, i);
        }
    }
    mutex_unlock(&client->posting);
}

int p9_fid_new(struct p9_client *client, struct p9_fid **fid)
{
    *fid = kzalloc(sizeof(**fid));
    if (*fid == NULL) {
        return -ENOMEM;
    }
    (*fid)->client = client;
    (*fid)->number = p9_number_get(&client->fids);
    atomic_init(&(*fid)->references, 1);
    return 0;
}

/* If nobody knows whether the server has it, its number is not used again. */
void p9_fid_drop(struct p9_fid *fid, int err)
{
    if (err != -EIO) {
        p9_number_put(&fid->client->fids, fid->number);
    }
    kfree(fid);
}

struct p9_fid *p9_fid_get(struct p9_fid *fid)
{
    atomic_fetch_add_explicit(&fid->references, 1, memory_order_relaxed);
    return fid;
}

/* The clunk, waited for. */
static void clunk(struct p9_fid *fid)
{
    struct p9_rpc rpc;
    int err;

    if (p9_rpc_begin(&rpc, fid->client, P9_CLUNK, 4, 0) != 0) {
        kfree(fid); /* without memory the number is lost, and the server keeps it */
        return;
    }
    err = p9_rpc_run(&rpc, "4", (u64)fid->number);
    p9_rpc_end(&rpc);
    /* If it was sent, the server does not know it any more, whatever it answers. */
    p9_fid_drop(fid, err == -ENOMEM ? -EIO : err);
}

static struct p9_posted *start(struct p9_fid *fid)
{
    struct p9_posted *posted = kmalloc(sizeof(*posted));

    if (posted == NULL) {
        return NULL;
    }
    posted->fid = fid;
    if (p9_rpc_begin(&posted->rpc, fid->client, P9_CLUNK, 4, 0) != 0) {
        kfree(posted);
        return NULL;
    }
    if (p9_rpc_start(&posted->rpc, "4", (u64)fid->number) != 0) {
        p9_rpc_end(&posted->rpc);
        kfree(posted);
        return NULL;
    }
    return posted;
}

/* False: there is no place for it now. */
static bool post(struct p9_fid *fid)
{
    struct p9_client *client = fid->client;
    unsigned place = 0;
    bool posted = false;

    mutex_lock(&client->posting);
    reap(client);
    while (place < P9_POSTED_MAX && client->posted[place] != NULL) {
        place++;
    }
    if (place < P9_POSTED_MAX) {
        client->posted[place] = start(fid);
        posted = client->posted[place] != NULL;
    }
    mutex_unlock(&client->posting);
    return posted;
}

/* The last reference? */
static bool is_last(struct p9_fid *fid)
{
    return fid != NULL && atomic_fetch_sub_explicit(&fid->references, 1, memory_order_acq_rel) == 1;
}

void p9_fid_put_later(struct p9_fid *fid)
{
    if (is_last(fid) && !post(fid)) {
        clunk(fid);
    }
}

void p9_fid_put(struct p9_fid *fid)
{
    struct p9_transport *transport;
    bool opened;

    if (!is_last(fid)) {
        return;
    }
    transport = fid->client->transport;
    opened = fid->opened;
    if (fid->written || !post(fid)) {
        clunk(fid);
    } else if (opened) {
        transport->show(transport);
    }
}
