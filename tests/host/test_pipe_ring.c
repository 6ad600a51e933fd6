/* SPDX-License-Identifier: MIT */
/* sources: kernel/fs/event/pipe_ring.c kernel/fs/io.c */
#include "../../kernel/fs/event/pipe_ring.h"
#include "host.h"

#include <kernel/kmalloc.h>
#include <kernel/uaccess.h>
#include <string.h>

/* What the sources call of the kernel. */
void *kmalloc(size_t size)
{
    return test_alloc(size);
}

void *kzalloc(size_t size)
{
    void *p = test_alloc(size);

    return p != NULL ? memset(p, 0, size) : NULL;
}

void kfree(void *object)
{
    test_free(object);
}

static const u8 *faults_at;

int user_read(void *dst, const void *src, size_t size)
{
    if (faults_at != NULL && (const u8 *)src + size > faults_at) {
        return -EFAULT;
    }
    memcpy(dst, src, size);
    return 0;
}

int user_write(void *dst, const void *src, size_t size)
{
    memcpy(dst, src, size);
    return 0;
}

static u8 bytes[2 * MIB], out[2 * MIB];

static int put(struct pipe_ring *ring, u64 from, u64 size)
{
    struct iovec vec;
    struct io io;
    int err;

    io_init(&io, &vec, &bytes[from], size, false);
    err = pipe_ring_fill(ring, ring->head, &io, size);
    ring->head += io.done;
    return err;
}

static void get(struct pipe_ring *ring, u64 to, u64 size)
{
    struct iovec vec;
    struct io io;

    io_init(&io, &vec, &out[to], size, false);
    EQ(pipe_ring_drain(ring, ring->tail, &io, size), 0);
    EQ(io.done, size);
    ring->tail += size;
}

static void test_random(void)
{
    struct pipe_ring ring;
    u64 written = 0, read = 0;

    for (u64 i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (u8)rnd();
    }
    EQ(pipe_ring_init(&ring, PIPE_SLOTS), 0);
    while (read < sizeof(bytes)) {
        u64 limit = rnd_below(2) != 0 ? 100 : 70000;
        u64 n = 1 + rnd_below(limit), m = 1 + rnd_below(limit);

        n = MIN(MIN(n, pipe_ring_room(&ring)), sizeof(bytes) - written);
        EQ(put(&ring, written, n), 0);
        written += n;
        m = MIN(m, pipe_ring_used(&ring));
        get(&ring, read, m);
        read += m;
        OK(pipe_ring_used(&ring) == written - read);
        if (rnd_below(4) == 0) {
            pipe_ring_rewind(&ring);
            OK(pipe_ring_used(&ring) == written - read);
        }
    }
    OK(memcmp(bytes, out, sizeof(bytes)) == 0);
    pipe_ring_free(&ring);
}

static void test_one_page_for_few(void)
{
    struct pipe_ring ring;

    EQ(pipe_ring_init(&ring, PIPE_SLOTS), 0);
    for (unsigned i = 0; i < 100000; i++) {
        OK(put(&ring, i, 1) == 0);
        get(&ring, i, 1);
        pipe_ring_rewind(&ring);
    }
    EQ(test_live(), 1);
    pipe_ring_free(&ring);
}

static void test_no_memory(void)
{
    struct pipe_ring ring, big;

    EQ(pipe_ring_init(&ring, 4), 0);
    fail_after(2);
    EQ(put(&ring, 0, 3 * PAGE_SIZE), -ENOMEM);
    EQ(pipe_ring_used(&ring), 2 * PAGE_SIZE);
    EQ(pipe_ring_init(&big, 64), -ENOMEM);
    pipe_ring_free(&big);
    fail_after(1);
    EQ(pipe_ring_init(&big, 64), 0);
    EQ(pipe_ring_move(&ring, &big), -ENOMEM);
    EQ(pipe_ring_used(&ring), 2 * PAGE_SIZE);
    EQ(pipe_ring_used(&big), 0);
    fail_after(-1);
    EQ(pipe_ring_move(&ring, &big), 0);
    get(&big, 0, 2 * PAGE_SIZE);
    OK(memcmp(bytes, out, 2 * PAGE_SIZE) == 0);
    pipe_ring_free(&ring);
    pipe_ring_free(&big);
}

static void test_fault(void)
{
    struct pipe_ring ring;

    EQ(pipe_ring_init(&ring, PIPE_SLOTS), 0);
    faults_at = &bytes[PAGE_SIZE + 10];
    EQ(put(&ring, 0, 3 * PAGE_SIZE), -EFAULT);
    faults_at = NULL;
    EQ(pipe_ring_used(&ring), PAGE_SIZE);
    EQ(put(&ring, PAGE_SIZE, 100), 0);
    get(&ring, 0, PAGE_SIZE + 100);
    OK(memcmp(bytes, out, PAGE_SIZE + 100) == 0);
    pipe_ring_free(&ring);
}

static void test_headers(void)
{
    struct pipe_ring ring;
    u32 value;

    EQ(pipe_ring_init(&ring, 2), 0);
    ring.head = ring.tail = PAGE_SIZE - 2; /* across two pages */
    value = 0x12345678;
    EQ(pipe_ring_put(&ring, ring.head, &value, 4), 0);
    value = 0;
    pipe_ring_get(&ring, ring.tail, &value, 4);
    EQ(value, 0x12345678);
    pipe_ring_free(&ring);
}

int main(void)
{
    run("random sizes", test_random);
    run("single bytes need one page", test_one_page_for_few);
    run("no memory", test_no_memory);
    run("a fault on the way", test_fault);
    run("a header across pages", test_headers);
    return finish();
}
