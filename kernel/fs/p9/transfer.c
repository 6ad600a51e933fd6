/* SPDX-License-Identifier: MIT */
/*
 * The 9P requests that move data.  The transport writes a read's data into
 * the frames themselves, and takes a write's from there: nothing is copied.
 * Frames that follow each other in memory become one segment.
 *
 *   Rread   [size type tag count] [frame] [frame] ...
 *            11 bytes, as many as an error's reply: that fits in, too
 */
#include "client_priv.h"

#include "rpc_priv.h"
#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/kmalloc.h>
#include <kernel/string.h>

#define COUNT_SIZE 4u  /* in front of the data of a reply */
#define WRITE_HEAD 16u /* in front of the data of a request: fid offset count */
#define ENTRY_MIN 24u  /* of Rreaddir, with an empty name */
#define ENTRY_MAX (ENTRY_MIN + NAME_MAX)

/*
 * Segments for the bytes [start, start + size) of the frames, as far as there
 * is room; how many, and in *size how much that is.
 */
static unsigned list_segments(const pfn_t *frames, u64 start, u64 *size, struct p9_segment *list,
                              unsigned max)
{
    unsigned count = 0;
    u64 done = 0;

    while (done < *size) {
        u64 at = start + done;
        paddr_t address = (frames[at >> PAGE_SHIFT] << PAGE_SHIFT) + at % PAGE_SIZE;
        u32 part = (u32)MIN(PAGE_SIZE - at % PAGE_SIZE, *size - done);

        if (count > 0 && list[count - 1].address + list[count - 1].size == address) {
            list[count - 1].size += part;
        } else if (count < max) {
            list[count++] = (struct p9_segment){address, part};
        } else {
            break;
        }
        done += part;
    }
    *size = done;
    return count;
}

/* Sets the payload: kmalloc'ed, the caller frees it.  NULL: no memory. */
static struct p9_segment *add_payload(struct p9_rpc *rpc, const pfn_t *frames, u64 start, u64 *size,
                                      bool in)
{
    struct p9_client *client = rpc->client;
    unsigned most = MAX(client->transport->segments_max, 3u) - 2;
    unsigned pages;
    struct p9_segment *list;

    *size = MIN(*size, (u64)(client->msize - P9_HEADER - WRITE_HEAD));
    pages = (unsigned)((start % PAGE_SIZE + *size + PAGE_SIZE - 1) >> PAGE_SHIFT);
    most = MIN(most, pages);
    list = kmalloc(most * sizeof(*list));
    if (list != NULL) {
        rpc->payload_count = list_segments(frames, start, size, list, most);
        rpc->payload = list;
        rpc->payload_size = (u32)*size;
        rpc->payload_in = in;
    }
    return list;
}

static s64 transfer(struct p9_fid *fid, u8 type, u64 offset, const pfn_t *frames, u64 start,
                    u64 size)
{
    bool in = type == P9_READ;
    struct p9_segment *list;
    struct p9_rpc rpc;
    u32 count = 0;
    int err = p9_rpc_begin(&rpc, fid->client, type, WRITE_HEAD, COUNT_SIZE);

    if (err != 0) {
        return err;
    }
    list = add_payload(&rpc, frames, start, &size, in);
    err = list == NULL ? -ENOMEM : p9_rpc_run(&rpc, "484", (u64)fid->number, offset, size);
    if (err == 0) {
        p9_unpack(&rpc.in, "4", &count);
        err = p9_rpc_check(&rpc);
    }
    /* It may say less than was asked for, and for a read only what it sent. */
    if (err == 0 && (count > size || (in && count > rpc.length - P9_HEADER - COUNT_SIZE))) {
        err = -EIO;
    }
    kfree(list);
    p9_rpc_end(&rpc);
    return err != 0 ? err : (s64)count;
}

s64 p9_read(struct p9_fid *fid, u64 offset, const pfn_t *frames, u64 start, u64 size)
{
    return transfer(fid, P9_READ, offset, frames, start, size);
}

s64 p9_write(struct p9_fid *fid, u64 offset, const pfn_t *frames, u64 start, u64 size)
{
    return transfer(fid, P9_WRITE, offset, frames, start, size);
}

static bool is_dot(const struct p9_string *name)
{
    return name->at[0] == '.' && (name->size == 1 || (name->size == 2 && name->at[1] == '.'));
}

/* A name that no directory can have would be taken for a path, or for two names. */
static bool name_is_bad(const struct p9_string *name)
{
    return name->size == 0 || name->size > NAME_MAX || memchr(name->at, '/', name->size) != NULL ||
           memchr(name->at, 0, name->size) != NULL;
}

/* Hands on what a reply has: 1 if there is room for more, 0 if not, -EIO. */
static int emit_entries(struct p9_buffer *in, u64 *pos, struct dir_emit *emit)
{
    while (in->at < in->size) {
        struct p9_string name;
        struct p9_qid qid;
        u64 next;
        u8 type;

        p9_unpack(in, "q81s", &qid, &next, &type, &name);
        if (in->bad || name_is_bad(&name)) {
            return -EIO;
        }
        if (!is_dot(&name) &&
            !emit->fn(emit, name.at, name.size, qid.path, (u32)type << 12 & S_IFMT, next)) {
            return 0;
        }
        *pos = next;
    }
    return 1;
}

/*
 * As emit_entries(), and 2 at the end of the directory: the server (QEMU) fills a reply as far as
 * there is room, so that the last one tells that it is.
 */
static int readdir_once(struct p9_fid *fid, u64 *pos, struct dir_emit *emit)
{
    u32 room = (u32)MIN((u64)fid->client->msize - P9_HEADER - COUNT_SIZE, P9_READDIR_SIZE);
    struct p9_rpc rpc;
    u32 count;
    int err = p9_rpc_begin(&rpc, fid->client, P9_READDIR, 16, COUNT_SIZE + room);

    if (err != 0) {
        return err;
    }
    err = p9_rpc_run(&rpc, "484", (u64)fid->number, *pos, (u64)room);
    if (err == 0) {
        p9_unpack(&rpc.in, "4", &count);
        if (rpc.in.bad || count > rpc.in.size - rpc.in.at || (count > 0 && count < ENTRY_MIN)) {
            err = -EIO;
        } else {
            rpc.in.size = rpc.in.at + count;
            err = count == 0 ? 2 : emit_entries(&rpc.in, pos, emit);
            err = err == 1 && room - count >= ENTRY_MAX ? 2 : err;
        }
    }
    p9_rpc_end(&rpc);
    return err;
}

int p9_readdir(struct p9_fid *fid, u64 *pos, struct dir_emit *emit)
{
    int result;

    do {
        u64 before = *pos;

        result = readdir_once(fid, pos, emit);
        /* A server that stays where it is would be asked for ever. */
        if (result == 1 && *pos == before) {
            return -EIO;
        }
    } while (result == 1);
    return result < 0 ? result : result == 2;
}
