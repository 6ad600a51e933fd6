/* SPDX-License-Identifier: MIT */
/*
 * What kprintf() hands to the console's device: whole lines, one write for as
 * many as there are, those of several CPUs apart.  The device is a buffer
 * while a test runs, so claims are checked after it is put back.
 */
#include "guest.h"

#include <kernel/cpu.h>
#include <kernel/string.h>
#include <kernel/thread.h>

#define LINES_EACH 200ul
#define LINE_MAX 512

/* Written under the console's lock. */
static struct {
    const struct console_ops *device;
    unsigned writes;
    size_t len;
    char text[64 * KIB];
} capture;

/* Start-up may still be saying its last line, on another CPU: that is let through. */
static void capture_write(const char *text, size_t len)
{
    if (strncmp(text, "boot:", 5) == 0) {
        if (capture.device != NULL) {
            capture.device->write(text, len);
        }
        return;
    }
    capture.writes++;
    for (size_t i = 0; i < len && capture.len < sizeof(capture.text) - 1; i++) {
        capture.text[capture.len++] = text[i];
    }
}

static void capture_begin(void)
{
    static const struct console_ops ops = {.write = capture_write};

    memset(&capture, 0, sizeof(capture));
    capture.device = console_set(&ops);
}

static void capture_end(void)
{
    console_set(capture.device);
}

static bool captured(const char *text, unsigned writes)
{
    return capture.writes == writes && strcmp(capture.text, text) == 0;
}

GUEST_TEST(console_writes_whole_lines)
{
    bool nothing_yet, completed, burst;

    capture_begin();
    kprintf("one %d", 1);
    nothing_yet = captured("", 0);
    kprintf(", two\n");
    completed = captured("one 1, two\n", 1);
    capture_end();
    OK(nothing_yet);
    OK(completed);

    capture_begin();
    kprintf("a\nb\nc");
    burst = captured("a\nb\n", 1);
    kprintf("\n");
    capture_end();
    OK(burst);
    OK(captured("a\nb\nc\n", 2));
}

GUEST_TEST(console_flush_writes_the_rest)
{
    bool flushed;

    capture_begin();
    kprintf("so far");
    console_flush();
    flushed = captured("so far", 1);
    console_flush();
    kprintf(" done\n");
    capture_end();
    OK(flushed);
    OK(captured("so far done\n", 2));
}

GUEST_TEST(console_cuts_long_lines)
{
    capture_begin();
    kprintf("%600d\n", 7);
    kprintf("%500d", 8);
    kprintf("%500d", 9);
    kprintf("next\n");
    capture_end();
    EQ(capture.writes, 3);
    EQ(capture.len, 2 * LINE_MAX + strlen("next\n"));
    EQ(capture.text[LINE_MAX - 1], '\n');
    EQ(capture.text[LINE_MAX + 499], '8');
    EQ(capture.text[2 * LINE_MAX - 1], '\n');
    OK(strcmp(capture.text + 2 * LINE_MAX, "next\n") == 0);
}

/* A line in four pieces, with time for others between them. */
static void print_thread(void *arg)
{
    unsigned long letter = 'a' + (unsigned long)arg % 26;

    for (unsigned long i = 0; i < LINES_EACH; i++) {
        kprintf("%c%03lu", (int)letter, i);
        cpu_pause();
        kprintf(" %c", (int)letter);
        kprintf("%c ", (int)letter);
        kprintf("%c.\n", (int)letter);
    }
}

/* Each line is "x123 xx x.", and each letter's numbers count up from 0. */
static bool lines_are_apart(unsigned writers)
{
    unsigned next[26] = {0};
    char line[16];
    size_t at = 0;

    for (unsigned i = 0; i < writers * LINES_EACH; i++) {
        unsigned letter = (unsigned)capture.text[at] - 'a';

        if (letter >= 26) {
            return false;
        }
        ksnprintf(line, sizeof(line), "%c%03u %c%c %c.\n", 'a' + letter, next[letter]++,
                  'a' + letter, 'a' + letter, 'a' + letter);
        if (strncmp(capture.text + at, line, strlen(line)) != 0) {
            return false;
        }
        at += strlen(line);
    }
    return at == capture.len;
}

GUEST_TEST(console_lines_do_not_mix)
{
    unsigned writers = MIN(cpu_count(), 26);
    struct thread *threads[26] = {NULL};

    capture_begin();
    for (unsigned i = 0; i < writers; i++) {
        struct thread_attr attr = {
            .name = "printer",
            .entry = print_thread,
            .arg = (void *)(u64)i,
            .affinity = 1ull << i,
            .class = SCHED_CLASS_FAIR,
        };

        if (thread_create(&attr, &threads[i]) != 0) {
            break;
        }
    }
    for (unsigned i = 0; i < writers && threads[i] != NULL; i++) {
        thread_join(threads[i], NULL);
    }
    capture_end();
    OK(threads[writers - 1] != NULL);
    OK(lines_are_apart(writers));
}
