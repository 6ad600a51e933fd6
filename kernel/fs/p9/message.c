/* SPDX-License-Identifier: MIT */
/*
 * Packing and unpacking of 9P messages, by the shapes that message_priv.h
 * explains.  Nothing of a reply is trusted: each read looks first whether
 * there are as many bytes.
 *
 * Rejected: a struct and two functions for each of twenty messages (most are
 * three numbers), and casting structs onto the bytes (strings are in the middle).
 */
#include "message_priv.h"

#include <kernel/errno.h>
#include <kernel/string.h>

#define ERRNO_MAX 4095u

/* The next `size` bytes, or NULL. */
static u8 *take(struct p9_buffer *buffer, u32 size)
{
    u8 *data = buffer->data + buffer->at;

    if (buffer->bad || size > buffer->size - buffer->at) {
        buffer->bad = true;
        return NULL;
    }
    buffer->at += size;
    return data;
}

static void put_number(struct p9_buffer *buffer, u64 value, u32 size)
{
    u8 *data = take(buffer, size);

    for (u32 i = 0; data != NULL && i < size; i++) {
        data[i] = (u8)(value >> 8 * i);
    }
}

static u64 get_number(struct p9_buffer *buffer, u32 size)
{
    const u8 *data = take(buffer, size);
    u64 value = 0;

    for (u32 i = 0; data != NULL && i < size; i++) {
        value |= (u64)data[i] << 8 * i;
    }
    return value;
}

static void put_string(struct p9_buffer *buffer, const char *text, size_t size)
{
    u8 *data;

    if (size > 0xffff) {
        buffer->bad = true;
        return;
    }
    put_number(buffer, size, 2);
    data = take(buffer, (u32)size);
    if (data != NULL) {
        memcpy(data, text, size);
    }
}

void p9_begin(struct p9_buffer *buffer, void *data, u32 size, u8 type, u16 tag)
{
    *buffer = (struct p9_buffer){.data = data, .size = size};
    put_number(buffer, 0, 4);
    put_number(buffer, type, 1);
    put_number(buffer, tag, 2);
}

void p9_pack(struct p9_buffer *buffer, const char *shape, va_list args)
{
    for (; *shape != 0; shape++) {
        if (*shape == 's') {
            const char *text = va_arg(args, const char *);

            put_string(buffer, text, va_arg(args, size_t));
        } else {
            put_number(buffer, va_arg(args, u64), (u32)(*shape - '0'));
        }
    }
}

int p9_finish(struct p9_buffer *buffer, u32 payload)
{
    u32 size = buffer->at;

    if (buffer->bad) {
        return -ENAMETOOLONG;
    }
    buffer->at = 0;
    put_number(buffer, (u64)size + payload, 4);
    buffer->at = buffer->size = size;
    return 0;
}

static void get_string(struct p9_buffer *buffer, struct p9_string *string)
{
    u16 size = (u16)get_number(buffer, 2);
    const u8 *data = take(buffer, size);

    *string = (struct p9_string){.at = (const char *)data, .size = data == NULL ? 0 : size};
}

static void get_qid(struct p9_buffer *buffer, struct p9_qid *qid)
{
    qid->type = (u8)get_number(buffer, 1);
    qid->version = (u32)get_number(buffer, 4);
    qid->path = get_number(buffer, 8);
}

void p9_unpack(struct p9_buffer *buffer, const char *shape, ...)
{
    va_list args;

    va_start(args, shape);
    for (; *shape != 0; shape++) {
        switch (*shape) {
        case '1':
            *va_arg(args, u8 *) = (u8)get_number(buffer, 1);
            break;
        case '2':
            *va_arg(args, u16 *) = (u16)get_number(buffer, 2);
            break;
        case '4':
            *va_arg(args, u32 *) = (u32)get_number(buffer, 4);
            break;
        case '8':
            *va_arg(args, u64 *) = get_number(buffer, 8);
            break;
        case 'q':
            get_qid(buffer, va_arg(args, struct p9_qid *));
            break;
        default:
            get_string(buffer, va_arg(args, struct p9_string *));
        }
    }
    va_end(args);
}

int p9_open_reply(struct p9_buffer *buffer, void *data, u32 size, u32 length, u8 type, u16 tag)
{
    u32 stated;
    u32 error;
    u8 got;
    u16 got_tag;

    *buffer = (struct p9_buffer){.data = data, .size = MIN(size, length)};
    p9_unpack(buffer, "412", &stated, &got, &got_tag);
    if (buffer->bad || stated != length || got_tag != tag) {
        return -EIO;
    }
    if (got == type + 1) {
        return 0;
    }
    p9_unpack(buffer, "4", &error);
    if (got != P9_LERROR + 1 || buffer->bad || error == 0 || error > ERRNO_MAX) {
        return -EIO;
    }
    return -(int)error;
}
