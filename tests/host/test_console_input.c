/* SPDX-License-Identifier: MIT */
/* sources: kernel/fs/console_input.c */
/*
 * Input that comes in frames: cut at every place, asked for once a frame, ends
 * of file between frames, and a host that sends on its own account.
 */
#include "host.h"

#include <kernel/errno.h>
#include <kernel/string.h>
#include <kernel/wait.h>

#include "../../kernel/fs/console_priv.h"

static struct {
    u8 bytes[4096];
    u64 size, at, there; /* sent in all, taken, arrived */
    bool closed;
    unsigned asked;
    u64 wanted;
    bool locked;
} fake;

void mutex_lock(struct mutex *mutex)
{
    OK(!fake.locked);
    fake.locked = true;
}

void mutex_unlock(struct mutex *mutex)
{
    OK(fake.locked);
    fake.locked = false;
}

static void want(u64 size)
{
    fake.asked++;
    fake.wanted = size;
}

static const struct console_host host = {.want = want};

const struct console_host *console_host(void)
{
    return &host;
}

static s64 raw_read(struct byte_channel *channel, void *data, u64 size)
{
    u64 count = MIN(size, fake.there - fake.at);

    if (count == 0) {
        return fake.closed && fake.at == fake.size ? -ENODATA : 0;
    }
    memcpy(data, fake.bytes + fake.at, count);
    fake.at += count;
    return (s64)count;
}

static u32 raw_poll(struct byte_channel *channel)
{
    return (fake.there > fake.at ? POLLIN : 0) |
           (fake.closed && fake.at == fake.size ? POLLIN | POLLHUP : 0);
}

static u32 raw_waiting(struct byte_channel *channel)
{
    return (u32)(fake.there - fake.at);
}

static struct byte_channel channel = {.read = raw_read, .poll = raw_poll, .waiting = raw_waiting};

static void put(const void *data, u64 size)
{
    memcpy(fake.bytes + fake.size, data, size);
    fake.size += size;
}

static void put_frame(const char *text, u32 flags)
{
    u32 size = (u32)strlen(text) | flags;

    put(&size, sizeof(size)); /* little-endian, as this machine */
    put(text, strlen(text));
    fake.there = fake.size;
}

/* Everything is taken, nothing asked for: as after start-up, or behind a frame. */
static void begin(void)
{
    memset(&fake, 0, sizeof(fake));
}

static bool reads(const char *text, u64 most)
{
    char got[4096];
    s64 size = input_read(&channel, got, most);

    return size == (s64)strlen(text) && memcmp(got, text, strlen(text)) == 0;
}

static void test_asked(void)
{
    char byte;

    begin();
    EQ(input_read(&channel, &byte, 1), 0);
    EQ(fake.asked, 1);
    EQ(fake.wanted, 1);
    EQ(input_read(&channel, &byte, 1), 0);
    EQ(input_poll(&channel), 0);
    EQ(input_waiting(&channel), 0);
    EQ(fake.asked, 1); /* once is enough */
    put_frame("abc", 0);
    EQ(input_poll(&channel), POLLIN);
    EQ(input_waiting(&channel), 3);
    OK(reads("ab", 2));
    OK(reads("c", 100)); /* what is there, and nothing asked for behind it */
    EQ(fake.asked, 1);
    EQ(input_poll(&channel), 0);
    EQ(fake.asked, 2);
    EQ(fake.wanted, 4096);
    put_frame("d", 0);
    OK(reads("d", 1));
    EQ(console_input_taken(), 4);
}

static void test_cut_anywhere(void)
{
    static const char text[] = "hello";

    for (u64 cut = 0; cut < 4 + sizeof(text) - 1; cut++) {
        char got[16];
        u64 size;
        s64 first;

        begin();
        put_frame(text, 0);
        fake.there = cut;
        first = input_read(&channel, got, sizeof(got));
        EQ(first, cut > 4 ? (s64)cut - 4 : 0);
        fake.there = fake.size;
        size = (u64)first;
        EQ(input_read(&channel, got + size, sizeof(got) - size), (s64)(sizeof(text) - 1 - size));
        OK(memcmp(got, text, sizeof(text) - 1) == 0);
    }
}

static void test_flows(void)
{
    begin();
    put_frame("one", INPUT_FLOWS);
    put_frame("two", INPUT_FLOWS);
    OK(reads("onetwo", 100));
    OK(reads("", 100));
    EQ(input_poll(&channel), 0);
    EQ(fake.asked, 0);
    fake.closed = true;
    EQ(input_poll(&channel), POLLIN | POLLHUP);
    EQ(input_read(&channel, &(char){0}, 1), -ENODATA);
    EQ(input_read(&channel, &(char){0}, 1), -ENODATA);
    /* For the tests that follow: a host that waits to be asked. */
    begin();
    put_frame("x", 0);
    OK(reads("x", 1));
}

/* A terminal's end of file: one read, and there may be more. */
static void test_ends_between(void)
{
    begin();
    put_frame("line", 0);
    put_frame("", 0);
    OK(reads("line", 100));
    EQ(input_poll(&channel) & POLLIN, POLLIN);
    EQ(input_read(&channel, &(char){0}, 1), -ENODATA);
    put_frame("more", 0);
    OK(reads("more", 100));
    put_frame("", 0);
    EQ(input_waiting(&channel), 0); /* has looked at it */
    EQ(input_poll(&channel), POLLIN);
    EQ(input_read(&channel, &(char){0}, 1), -ENODATA);
    EQ(input_poll(&channel), 0);
}

static void test_small_reads(void)
{
    begin();
    put_frame("abc", INPUT_FLOWS);
    put_frame("", 0);
    put_frame("def", 0);
    for (const char *at = "abc"; *at != '\0'; at++) {
        char byte = 0;

        EQ(input_read(&channel, &byte, 1), 1);
        EQ(byte, *at);
    }
    EQ(input_read(&channel, &(char){0}, 1), -ENODATA);
    OK(reads("def", 3));
}

int main(void)
{
    run("what is asked for, once", test_asked);
    run("cut at each place", test_cut_anywhere);
    run("a host that sends on its own account", test_flows);
    run("an end, and more", test_ends_between);
    run("bytes", test_small_reads);
    return finish();
}
