/* SPDX-License-Identifier: MIT */
/* sources: kernel/fs/event/inotify_queue.c */
#include "../../kernel/fs/event/inotify_queue.h"
#include "host.h"

#include <kernel/kmalloc.h>
#include <stdio.h>
#include <string.h>

void *kmalloc(size_t size)
{
    return test_alloc(size);
}

void kfree(void *object)
{
    test_free(object);
}

static struct inotify_queue queue;

static bool add(s32 wd, u32 mask, const char *name)
{
    const struct inotify_event event = {.wd = wd, .mask = mask};

    return inotify_queue_add(&queue, &event, name, name != NULL ? strlen(name) : 0);
}

static void expect(s32 wd, u32 mask, u32 len, const char *name)
{
    struct inotify_record *record;

    if (!OK(inotify_queue_take(&queue, 4096, &record) == 0)) {
        return;
    }
    EQ(record->event.wd, wd);
    EQ(record->event.mask, mask);
    EQ(record->event.len, len);
    for (u32 i = 0; i < len; i++) {
        EQ(record->name[i], i < strlen(name) ? name[i] : 0);
    }
    kfree(record);
}

static void test_order_and_names(void)
{
    struct inotify_record *record;

    inotify_queue_init(&queue);
    EQ(inotify_queue_take(&queue, 4096, &record), -EAGAIN);
    OK(add(1, 2, NULL));
    OK(add(1, 2, "a"));
    OK(add(1, 2, "123456789012345"));
    OK(add(1, 2, "1234567890123456"));
    EQ(queue.bytes, 16 + 32 + 32 + 48);
    EQ(inotify_queue_take(&queue, 15, &record), -EINVAL);
    expect(1, 2, 0, "");
    EQ(inotify_queue_take(&queue, 31, &record), -EINVAL);
    expect(1, 2, 16, "a");
    expect(1, 2, 16, "123456789012345");
    expect(1, 2, 32, "1234567890123456");
    EQ(queue.bytes, 0);
    EQ(inotify_queue_take(&queue, 4096, &record), -EAGAIN);
}

static void test_equal_events(void)
{
    inotify_queue_init(&queue);
    OK(add(1, 2, "name"));
    OK(!add(1, 2, "name"));
    OK(add(1, 2, "nam"));
    OK(add(1, 2, "names"));
    OK(add(1, 2, NULL));
    OK(!add(1, 2, NULL));
    OK(add(2, 2, NULL));
    OK(add(2, 4, NULL));
    OK(add(2, 2, NULL));
    OK(add(2, IN_IGNORED, NULL));
    OK(add(2, IN_IGNORED, NULL));
    EQ(queue.count, 9);
    inotify_queue_free(&queue);
}

static void test_overflow(void)
{
    char name[16];

    inotify_queue_init(&queue);
    for (u32 i = 0; i < INOTIFY_QUEUE_MAX; i++) {
        snprintf(name, sizeof(name), "%u", i);
        OK(add(1, 2, name));
    }
    OK(add(1, 4, "lost"));
    OK(!add(1, 4, "lost"));
    OK(!add(1, 8, "lost too"));
    for (u32 i = 0; i < INOTIFY_QUEUE_MAX; i++) {
        snprintf(name, sizeof(name), "%u", i);
        expect(1, 2, 16, name);
    }
    expect(-1, IN_Q_OVERFLOW, 0, "");
    OK(add(1, 4, "found"));
    inotify_queue_free(&queue);
}

static void test_no_memory(void)
{
    inotify_queue_init(&queue);
    fail_after(0);
    OK(!add(1, 2, "a"));
    fail_after(-1);
    OK(add(1, 2, "a"));
    expect(1, 2, 16, "a");
    EQ(queue.count, 0);
}

int main(void)
{
    run("order and names", test_order_and_names);
    run("equal events in a row are one", test_equal_events);
    run("overflow", test_overflow);
    run("no memory", test_no_memory);
    return finish();
}
