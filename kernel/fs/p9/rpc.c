/* SPDX-License-Identifier: MIT */
/*
 * Requests: a tag, memory for both messages in one block, and what comes
 * back checked before anybody reads it.  A thread waits for its own reply;
 * any number of threads have requests on their way.  One that is started goes
 * with the next, in one notification: p9_rpc_start().
 *
 * kmalloc's memory is contiguous in the direct map, so a message is one
 * segment.  Data is not in that block: it goes from and to the frames.
 *
 * Tflush is never sent: a request is not interrupted, it ends with its reply.
 */
#include "rpc_priv.h"

#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/kmalloc.h>
#include <kernel/string.h>

#define NUMBERS_FIRST 64u
#define SEGMENTS_OWN 2u /* of a request's, besides the payload's */

void p9_numbers_init(struct p9_numbers *numbers)
{
    *numbers = (struct p9_numbers){.next = 0};
    mutex_init(&numbers->lock, "p9 numbers");
}

u32 p9_number_get(struct p9_numbers *numbers)
{
    u32 number;

    mutex_lock(&numbers->lock);
    number = numbers->count > 0 ? numbers->back[--numbers->count] : numbers->next++;
    mutex_unlock(&numbers->lock);
    return number;
}

/* Room for twice as many; without memory the number is lost, of which there are 2^32. */
static bool numbers_grow(struct p9_numbers *numbers)
{
    u32 capacity = numbers->capacity == 0 ? NUMBERS_FIRST : 2 * numbers->capacity;
    u32 *back = kmalloc(capacity * sizeof(*back));

    if (back == NULL) {
        return false;
    }
    if (numbers->count > 0) {
        memcpy(back, numbers->back, numbers->count * sizeof(*back));
    }
    kfree(numbers->back);
    numbers->back = back;
    numbers->capacity = capacity;
    return true;
}

void p9_number_put(struct p9_numbers *numbers, u32 number)
{
    mutex_lock(&numbers->lock);
    if (numbers->count < numbers->capacity || numbers_grow(numbers)) {
        numbers->back[numbers->count++] = number;
    }
    mutex_unlock(&numbers->lock);
}

void p9_numbers_free(struct p9_numbers *numbers)
{
    kfree(numbers->back);
    numbers->back = NULL;
    numbers->count = numbers->capacity = 0;
}

int p9_rpc_begin(struct p9_rpc *rpc, struct p9_client *client, u8 type, u32 out, u32 in)
{
    u32 number = type == P9_VERSION ? P9_NO_TAG : p9_number_get(&client->tags);

    *rpc = (struct p9_rpc){
        .client = client,
        .type = type,
        .tag = (u16)number,
        .out_size = P9_HEADER + out,
        /* An error fits, whatever was asked for. */
        .size = P9_HEADER + MAX(in, (u32)sizeof(u32)),
    };
    if (number > P9_NO_TAG || (number == P9_NO_TAG && type != P9_VERSION)) {
        p9_number_put(&client->tags, number);
        return -EAGAIN;
    }
    rpc->memory = kmalloc(rpc->out_size + rpc->size);
    if (rpc->memory == NULL) {
        if (type != P9_VERSION) {
            p9_number_put(&client->tags, number);
        }
        return -ENOMEM;
    }
    return 0;
}

void p9_rpc_end(struct p9_rpc *rpc)
{
    if (rpc->type != P9_VERSION) {
        p9_number_put(&rpc->client->tags, rpc->tag);
    }
    kfree(rpc->memory);
}

/* Lists the segments: ours first, the payload behind the one that it belongs to. */
static int send(struct p9_rpc *rpc, const struct p9_buffer *out)
{
    struct p9_transport *transport = rpc->client->transport;
    struct p9_segment *list = kmalloc((SEGMENTS_OWN + rpc->payload_count) * sizeof(*list));
    unsigned outs = 1 + (rpc->payload_in ? 0 : rpc->payload_count);
    unsigned ins = 1 + (rpc->payload_in ? rpc->payload_count : 0);
    int err;

    if (list == NULL) {
        return -ENOMEM;
    }
    list[0] = (struct p9_segment){virt_to_phys(out->data), out->size};
    list[outs] = (struct p9_segment){virt_to_phys(rpc->memory + rpc->out_size), rpc->size};
    for (unsigned i = 0; i < rpc->payload_count; i++) {
        list[(rpc->payload_in ? outs : 0) + 1 + i] = rpc->payload[i];
    }
    err = transport->request(transport, list, outs, list + outs, ins, &rpc->length);
    kfree(list);
    return err;
}

/* The reply has come: 0 if it is one, to this request. */
static int open_reply(struct p9_rpc *rpc)
{
    if (rpc->length > rpc->size + (rpc->payload_in ? rpc->payload_size : 0)) {
        return -EIO;
    }
    return p9_open_reply(&rpc->in, rpc->memory + rpc->out_size, rpc->size, rpc->length, rpc->type,
                         rpc->tag);
}

int p9_rpc_run(struct p9_rpc *rpc, const char *shape, ...)
{
    struct p9_buffer out;
    va_list args;
    int err;

    p9_begin(&out, rpc->memory, rpc->out_size, rpc->type, rpc->tag);
    va_start(args, shape);
    p9_pack(&out, shape, args);
    va_end(args);
    err = p9_finish(&out, rpc->payload_in ? 0 : rpc->payload_size);
    if (err == 0) {
        err = send(rpc, &out);
    }
    return err != 0 ? err : open_reply(rpc);
}

int p9_rpc_start(struct p9_rpc *rpc, const char *shape, ...)
{
    struct p9_transport *transport = rpc->client->transport;
    struct p9_segment list[SEGMENTS_OWN];
    struct p9_buffer out;
    va_list args;

    if (transport->start == NULL) {
        return -EAGAIN;
    }
    p9_begin(&out, rpc->memory, rpc->out_size, rpc->type, rpc->tag);
    va_start(args, shape);
    p9_pack(&out, shape, args);
    va_end(args);
    if (p9_finish(&out, 0) != 0) {
        return -EAGAIN; /* which p9_rpc_run() tells */
    }
    list[0] = (struct p9_segment){virt_to_phys(out.data), out.size};
    list[1] = (struct p9_segment){virt_to_phys(rpc->memory + rpc->out_size), rpc->size};
    rpc->started = transport->start(transport, list, 1, list + 1, 1);
    return rpc->started == NULL ? -EAGAIN : 0;
}

int p9_rpc_finish(struct p9_rpc *rpc)
{
    struct p9_transport *transport = rpc->client->transport;
    int err = transport->finish(transport, rpc->started, &rpc->length);

    return err != 0 ? err : open_reply(rpc);
}

int p9_rpc_check(const struct p9_rpc *rpc)
{
    return rpc->in.bad ? -EIO : 0;
}
