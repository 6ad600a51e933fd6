/* SPDX-License-Identifier: MIT */
/*
 * Devices: tests/devices.sh boots a machine that has them and names these
 * tests; without its device a test is skipped.
 */
#include "guest.h"

#include <drivers/devices.h>
#include <drivers/power.h>
#include <kernel/block.h>
#include <kernel/clock.h>
#include <kernel/console.h>
#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/kmalloc.h>
#include <kernel/p9.h>
#include <kernel/random.h>
#include <kernel/sched.h>
#include <kernel/string.h>
#include <kernel/thread.h>
#include <kernel/wait.h>

#define THREADS 4u
#define BUFFER (64 * KIB)

static struct block_device *need_disk(unsigned number)
{
    struct block_device *disk;

    devices_init();
    disk = block_find(number);
    if (disk == NULL) {
        guest_skip("no disk");
    }
    return disk;
}

static struct byte_channel *need_channel(const char *name)
{
    struct byte_channel *channel;

    devices_init();
    channel = channel_find(name);
    if (channel == NULL) {
        guest_skip("no such console port");
    }
    return channel;
}

/* The pattern of tests/devices.sh: a line of 511 digits, the sector's number. */
static bool sector_is(const char *text, u64 sector)
{
    if (text[BLOCK_SECTOR - 1] != '\n') {
        return false;
    }
    for (unsigned i = BLOCK_SECTOR - 1; i-- > 0; sector /= 10) {
        if (text[i] != (char)('0' + sector % 10)) {
            return false;
        }
    }
    return true;
}

struct reader {
    struct block_device *disk;
    unsigned number;
    u64 read, wrong;
    int error;
};

/* Every fourth piece of 64 KiB, in pieces of memory of uneven sizes. */
static void read_stripe(void *arg)
{
    struct reader *reader = arg;
    char *memory = kmalloc_aligned(BUFFER, PAGE_SIZE);
    u64 per = BUFFER / BLOCK_SECTOR;

    for (u64 at = reader->number * per; memory != NULL && at < reader->disk->sectors;
         at += THREADS * per) {
        u64 size = MIN(per, reader->disk->sectors - at) * BLOCK_SECTOR;
        u64 first = MIN(size, (1 + guest_random() % 20) * BLOCK_SECTOR);
        struct block_segment segments[2] = {
            {virt_to_phys(memory), (u32)first},
            {virt_to_phys(memory + first), (u32)(size - first)},
        };
        int err = reader->disk->transfer(reader->disk, false, at, segments, size > first ? 2 : 1);

        reader->error = err != 0 ? err : reader->error;
        for (u64 i = 0; i < size / BLOCK_SECTOR; i++) {
            reader->wrong += !sector_is(memory + i * BLOCK_SECTOR, at + i);
            reader->read++;
        }
    }
    kfree(memory);
}

/* Runs fn on THREADS threads, each with its own of args, `size` bytes each. */
static void run_threads(void (*fn)(void *arg), void *args, size_t size)
{
    struct thread *threads[THREADS];

    for (unsigned i = 0; i < THREADS; i++) {
        const struct thread_attr attr = {
            .name = "device test",
            .entry = fn,
            .arg = (char *)args + i * size,
            .class = SCHED_CLASS_FAIR,
        };

        EQ(thread_create(&attr, &threads[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        thread_join(threads[i], NULL);
    }
}

GUEST_TEST(devices_disk_every_sector)
{
    struct block_device *disk = need_disk(0);
    struct reader readers[THREADS];
    u64 read = 0;

    if (disk == NULL) {
        return;
    }
    for (unsigned i = 0; i < THREADS; i++) {
        readers[i] = (struct reader){.disk = disk, .number = i};
    }
    run_threads(read_stripe, readers, sizeof(readers[0]));
    for (unsigned i = 0; i < THREADS; i++) {
        EQ(readers[i].error, 0);
        EQ(readers[i].wrong, 0);
        read += readers[i].read;
    }
    EQ(read, disk->sectors);
    OK(disk->sectors > 0);
}

GUEST_TEST(devices_disk_refuses)
{
    struct block_device *disk = need_disk(0);
    char *memory = kmalloc_aligned(PAGE_SIZE, PAGE_SIZE);
    struct block_segment segment = {0};

    if (disk == NULL || !OK(memory != NULL)) {
        kfree(memory);
        return;
    }
    segment = (struct block_segment){virt_to_phys(memory), 1024};
    EQ(disk->transfer(disk, false, disk->sectors - 1, &segment, 1), -ENOSPC);
    EQ(disk->transfer(disk, false, ~0ull, &segment, 1), -ENOSPC);
    segment.size = 100;
    EQ(disk->transfer(disk, false, 0, &segment, 1), -EINVAL);
    if (disk->read_only) {
        segment.size = 512;
        EQ(disk->transfer(disk, true, 0, &segment, 1), -EROFS);
    }
    kfree(memory);
}

/* The script compares the disk's file with the pattern afterwards. */
GUEST_TEST(devices_disk_write)
{
    struct block_device *disk = need_disk(1);
    char *memory = kmalloc_aligned(BUFFER, PAGE_SIZE);
    struct block_segment segment = {0};
    u64 per = BUFFER / BLOCK_SECTOR;

    if (disk == NULL || !OK(memory != NULL)) {
        kfree(memory);
        return;
    }
    OK(!disk->read_only);
    for (u64 at = 0; at < disk->sectors; at += per) {
        for (u64 i = 0; i < per; i++) {
            char *text = memory + i * BLOCK_SECTOR;
            u64 sector = at + i;

            text[BLOCK_SECTOR - 1] = '\n';
            for (unsigned j = BLOCK_SECTOR - 1; j-- > 0; sector /= 10) {
                text[j] = (char)('0' + sector % 10);
            }
        }
        segment = (struct block_segment){virt_to_phys(memory), (u32)BUFFER};
        EQ(disk->transfer(disk, true, at, &segment, 1), 0);
    }
    EQ(disk->flush(disk), 0);
    kfree(memory);
}

/* The script has made sector 100 of the first disk unreadable. */
GUEST_TEST(devices_disk_read_error)
{
    struct block_device *disk = need_disk(0);
    char *memory = kmalloc_aligned(PAGE_SIZE, PAGE_SIZE);
    struct block_segment segment = {0};

    if (disk == NULL || !OK(memory != NULL)) {
        kfree(memory);
        return;
    }
    segment = (struct block_segment){virt_to_phys(memory), 512};
    if (disk->transfer(disk, false, 100, &segment, 1) == 0) {
        guest_skip("all sectors can be read");
    } else {
        EQ(disk->transfer(disk, false, 100, &segment, 1), -EIO);
        EQ(disk->transfer(disk, false, 8, &segment, 1), 0);
        OK(sector_is(memory, 8));
    }
    kfree(memory);
}

/* Up to `most` reads, one after the other. */
static void time_reads(struct block_device *disk, u32 size, unsigned most)
{
    unsigned requests = (unsigned)MIN(disk->sectors / (size / BLOCK_SECTOR), most);
    char *memory = kmalloc_aligned(size, PAGE_SIZE);
    struct block_segment segment = {virt_to_phys(memory), size};
    u64 per = size / BLOCK_SECTOR;
    nsec_t start = clock_now();

    if (!OK(memory != NULL && requests > 0)) {
        kfree(memory);
        return;
    }
    for (unsigned i = 0; i < requests; i++) {
        EQ(disk->transfer(disk, false, i * per, &segment, 1), 0);
    }
    start = clock_now() - start;
    guest_note("%u reads of %u KiB: %lu us each, %lu MiB/s", requests, size / 1024,
               (unsigned long)(start / requests / NSEC_PER_USEC),
               (unsigned long)((u64)size * requests * 1000 / (start / 1000000 + 1) / MIB));
    kfree(memory);
}

GUEST_TEST(devices_disk_speed)
{
    struct block_device *disk = need_disk(0);

    if (disk == NULL) {
        return;
    }
    time_reads(disk, 1 * MIB, 256);
    time_reads(disk, 1 * MIB, 256);
    time_reads(disk, 128 * KIB, 512);
    time_reads(disk, 4 * KIB, 256);
}

/* As a blocking read or write waits: until the port tells. */
static struct {
    struct wait_queue queue;
    struct poll_watch watch;
} port_wait;

static void port_told(struct poll_watch *watch, u32 events)
{
    (void)watch;
    (void)events;
    wait_wake_all(&port_wait.queue);
}

static void wait_for(struct byte_channel *channel, u32 events)
{
    wait_queue_init(&port_wait.queue, "device test");
    poll_watch_add(&channel->source, &port_wait.watch, port_told);
    wait_until(&port_wait.queue, (channel->poll(channel) & events) != 0);
    poll_watch_remove(&port_wait.watch);
}

static void write_all(struct byte_channel *channel, const void *data, u64 size)
{
    for (u64 done = 0; done < size;) {
        s64 n = channel->write(channel, (const char *)data + done, size - done);

        if (!OK(n >= 0)) {
            return;
        }
        done += (u64)n;
        if (n == 0) {
            wait_for(channel, POLLOUT);
        }
    }
}

/* Copies stdin to stdout until its end; in pieces of changing sizes. */
GUEST_TEST(devices_console_echo)
{
    struct byte_channel *in = need_channel("stdin");
    struct byte_channel *out = need_channel("stdout");
    char *memory = kmalloc(BUFFER);
    u64 total = 0;
    s64 n = 0;

    if (in == NULL || out == NULL || !OK(memory != NULL)) {
        kfree(memory);
        return;
    }
    while (n >= 0) {
        n = in->read(in, memory, 1 + guest_random() % BUFFER);
        if (n > 0) {
            write_all(out, memory, (u64)n);
            total += (u64)n;
        } else if (n == 0) {
            wait_for(in, POLLIN | POLLHUP);
        }
    }
    EQ(n, -ENODATA);
    OK((in->poll(in) & (POLLIN | POLLHUP)) == (POLLIN | POLLHUP));
    out->drain(out);
    guest_note("%lu bytes", (unsigned long)total);
    kfree(memory);
}

/* Small writes, as of a program that prints lines: few notifications. */
GUEST_TEST(devices_console_lines)
{
    struct byte_channel *out = need_channel("stdout");
    nsec_t start = clock_now();
    char line[64];

    if (out == NULL) {
        return;
    }
    for (unsigned i = 0; i < 20000; i++) {
        int len = ksnprintf(line, sizeof(line), "this is line %u of the output\n", i);

        write_all(out, line, (u64)len);
    }
    out->drain(out);
    guest_note("%lu ns a line", (unsigned long)((clock_now() - start) / 20000));
}

GUEST_TEST(devices_random_is_seeded)
{
    u64 before = random_u64();

    devices_init();
    random_add("0123456789abcdef", 16);
    OK(random_u64() != before);
    OK(random_is_seeded());
}

#define P9_VERSION_SIZE 19u

/* size[4] type[1]=Tversion tag[2]=NOTAG msize[4] version[s] */
static void p9_version(struct p9_transport *server)
{
    static const u8 request[P9_VERSION_SIZE + 2] = {
        21, 0, 0, 0, 100, 0xff, 0xff, 0, 0x20, 0, 0, 8, 0, '9', 'P', '2', '0', '0', '0', '.', 'L'};
    u8 *memory = kzalloc(512);
    u32 length = 0;
    struct p9_segment out, in;

    if (!OK(memory != NULL)) {
        return;
    }
    memcpy(memory, request, sizeof(request));
    out = (struct p9_segment){virt_to_phys(memory), sizeof(request)};
    in = (struct p9_segment){virt_to_phys(memory + 256), 256};
    EQ(server->request(server, &out, 1, &in, 1, &length), 0);
    EQ(length, sizeof(request));
    EQ(memory[256 + 4], 101); /* Rversion */
    OK(memcmp(memory + 256 + 13, "9P2000.L", 8) == 0);
    kfree(memory);
}

static void p9_many(void *arg)
{
    struct p9_transport *server = arg;

    for (unsigned i = 0; i < 50; i++) {
        p9_version(server);
    }
}

GUEST_TEST(devices_9p_answers)
{
    struct p9_transport *server;
    nsec_t start;

    devices_init();
    server = p9_find(0);
    if (server == NULL) {
        guest_skip("no 9P server");
        return;
    }
    OK(strcmp(server->tag, "share") == 0);
    start = clock_now();
    run_threads(p9_many, server, 0); /* the same for all */
    guest_note("%lu us a request", (unsigned long)((clock_now() - start) / 200 / NSEC_PER_USEC));
}

static _Atomic unsigned button_presses;

static void button_pressed(void)
{
    button_presses++;
}

/* The script presses it when it reads the line. */
GUEST_TEST(devices_power_button)
{
    struct byte_channel *out = need_channel("stdout");

    if (out == NULL) {
        return;
    }
    EQ(power_button_set(button_pressed), 0);
    write_all(out, "press\n", 6);
    for (unsigned i = 0; i < 60000 && button_presses == 0; i++) {
        sched_delay(NSEC_PER_MSEC);
    }
    EQ(button_presses, 1);
}

/* The script counts how often the machine starts. */
GUEST_TEST(devices_reboot)
{
    struct byte_channel *port = need_channel("reboot");

    if (port != NULL) {
        OK(port->poll(port) != 0);
        machine_reboot();
    }
}

/* A line from the host, answered: what a program has without a console. */
GUEST_TEST(devices_serial_answers)
{
    struct byte_channel *port = need_channel("serial");
    char line[32];
    u64 len = 0;

    if (port == NULL || need_channel("ask") == NULL) {
        return;
    }
    write_all(port, "name?\n", 6);
    while (len < sizeof(line) - 1 && (len == 0 || line[len - 1] != '\n')) {
        s64 n = port->read(port, line + len, sizeof(line) - 1 - len);

        if (n == 0) {
            wait_for(port, POLLIN);
        }
        len += (u64)n;
    }
    line[len] = '\0';
    OK(strcmp(line, "moka\n") == 0);
}

GUEST_TEST(devices_start_time)
{
    nsec_t start = clock_now();

    devices_init();
    guest_note("devices_init() took %lu us",
               (unsigned long)((clock_now() - start) / NSEC_PER_USEC));
    OK(channel_find("serial") != NULL);
}
