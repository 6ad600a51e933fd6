/* SPDX-License-Identifier: MIT */
/* sources: hugepages/policy.c */
/* The large-page policy: what a fault gets, for every kind of question. */
#include "host.h"

#include <hugepages/policy.h>
#include <kernel/frame.h>

#define TOTAL (1024ull * 512) /* 2 GiB of frames */

static struct page_policy_query query(void)
{
    return (struct page_policy_query){
        .addr = 10 * LARGE_SIZE + 0x1234,
        .start = 8 * LARGE_SIZE,
        .end = 100 * LARGE_SIZE,
        .pages = PAGES_DEFAULT,
        .write = true,
        .window_empty = true,
        .free_frames = TOTAL,
        .zeroed_frames = 64 * 512,
        .total_frames = TOTAL,
    };
}

static struct page_policy_answer ask(struct page_policy_query q)
{
    return hugepages_policy.on_fault(&q);
}

static void test_default(void)
{
    struct page_policy_query q = query();

    EQ(ask(q).order, ORDER_2M);
    EQ(ask(q).ahead, 0);
    q.write = false;
    EQ(ask(q).order, ORDER_2M);
}

static void test_window_must_fit(void)
{
    struct page_policy_query q = query();

    q.start = 10 * LARGE_SIZE;
    q.end = 11 * LARGE_SIZE;
    EQ(ask(q).order, ORDER_2M);
    q.start += PAGE_SIZE;
    EQ(ask(q).order, ORDER_4K);
    q.start -= PAGE_SIZE;
    q.end -= PAGE_SIZE;
    EQ(ask(q).order, ORDER_4K);
    q.end += PAGE_SIZE;
    q.window_empty = false;
    EQ(ask(q).order, ORDER_4K);
}

static void test_advice(void)
{
    struct page_policy_query q = query();

    q.pages = PAGES_SMALL;
    EQ(ask(q).order, ORDER_4K);
    q.pages = PAGES_LARGE;
    EQ(ask(q).order, ORDER_2M);
}

static void test_scarce(void)
{
    struct page_policy_query q = query();

    q.zeroed_frames = 0;
    q.free_frames = TOTAL / 16 + 512;
    EQ(ask(q).order, ORDER_2M);
    q.free_frames--;
    EQ(ask(q).order, ORDER_4K);
    q.pages = PAGES_LARGE; /* asked for by name: to the last one */
    EQ(ask(q).order, ORDER_2M);
    q.free_frames = 511;
    EQ(ask(q).order, ORDER_4K);
    q.pages = PAGES_DEFAULT; /* a machine of 32 MiB */
    q.total_frames = 32 * MIB / PAGE_SIZE;
    q.free_frames = 10 * MIB / PAGE_SIZE;
    EQ(ask(q).order, ORDER_2M);
    q.free_frames--;
    EQ(ask(q).order, ORDER_4K);
}

static void test_streak(void)
{
    const unsigned ahead[] = {0, 1, 3, 7, 15, 15, 15};
    struct page_policy_query q = query();

    for (unsigned i = 0; i < ARRAY_SIZE(ahead); i++) {
        q.streak = i;
        q.pages = PAGES_DEFAULT;
        EQ(ask(q).order, ORDER_2M);
        EQ(ask(q).ahead, ahead[i]);
        q.pages = PAGES_SMALL;
        EQ(ask(q).order, ORDER_4K);
        EQ(ask(q).ahead, ahead[i]);
    }
    q.streak = ~0u;
    EQ(ask(q).ahead, FAULT_PAGES_MAX - 1);
}

/* Where no large page fits, the group around the place; not if small ones were asked for. */
static void test_around(void)
{
    struct page_policy_query q = query();

    EQ(ask(q).around, 0);
    q.end = q.addr + PAGE_SIZE;
    EQ(ask(q).order, ORDER_4K);
    EQ(ask(q).around, 16);
    EQ(ask(q).below, 16);
    q.free_frames = TOTAL / 4; /* a machine whose heap is most of it */
    EQ(ask(q).around, 8);
    EQ(ask(q).below, 0);
    q.free_frames = TOTAL / 8;
    EQ(ask(q).around, 0);
    q.free_frames = TOTAL;
    q.pages = PAGES_SMALL;
    EQ(ask(q).around, 0);
}

/* The group below as well, near the end of a long mapping and where faults go down. */
static void test_below(void)
{
    struct page_policy_query q = query();

    q.window_empty = false;
    EQ(ask(q).around, 16);
    EQ(ask(q).below, 0);
    q.falls = true;
    EQ(ask(q).below, 16);
    q.falls = false;
    q.addr = q.end - 16 * PAGE_SIZE;
    EQ(ask(q).below, 16);
    q.addr -= PAGE_SIZE;
    EQ(ask(q).below, 0);
    q.addr = q.end - PAGE_SIZE;
    q.start = q.end - 64 * PAGE_SIZE;
    EQ(ask(q).below, 16);
    q.start += PAGE_SIZE;
    EQ(ask(q).below, 0);
}

static void test_ahead_needs_memory(void)
{
    struct page_policy_query q = query();

    q.streak = 10;
    q.free_frames = TOTAL / 4 + 512 + 5 * 512;
    EQ(ask(q).ahead, 5);
    q.free_frames = TOTAL / 4 + 512 + 511;
    EQ(ask(q).ahead, 0);
    EQ(ask(q).order, ORDER_2M);
    q.free_frames = 0;
    EQ(ask(q).ahead, 0);
    EQ(ask(q).order, ORDER_4K);
}

static void test_ahead_needs_zeroes(void)
{
    struct page_policy_query q = query();

    q.streak = 10;
    q.zeroed_frames = 9 * 512 + 100;
    EQ(ask(q).ahead, 9);
    q.zeroed_frames = 0;
    EQ(ask(q).ahead, 3);
    q.pages = PAGES_SMALL; /* small pages are zeroed quickly */
    EQ(ask(q).ahead, 15);
}

/* Whatever is asked, the answer is one that can be used. */
static void test_random(void)
{
    for (unsigned i = 0; i < 100000; i++) {
        struct page_policy_query q = {
            .start = rnd_below(1000) * PAGE_SIZE + LARGE_SIZE,
            .pages = (enum region_pages)rnd_below(3),
            .window_empty = rnd_below(2) != 0,
            .streak = (unsigned)rnd_below(10),
            .total_frames = 1 + rnd_below(TOTAL),
        };
        struct page_policy_answer a;

        q.end = q.start + (1 + rnd_below(3000)) * PAGE_SIZE;
        q.addr = q.start + rnd_below(q.end - q.start);
        q.free_frames = rnd_below(q.total_frames);
        q.zeroed_frames = rnd_below(q.free_frames + 1);
        a = ask(q);
        OK(a.order == ORDER_4K || a.order == ORDER_2M);
        OK(a.ahead < FAULT_PAGES_MAX);
        OK((u64)a.ahead << a.order <= q.free_frames);
        if (a.order == ORDER_2M) {
            vaddr_t window = ALIGN_DOWN(q.addr, LARGE_SIZE);

            OK(q.window_empty && q.pages != PAGES_SMALL && q.free_frames >= 512);
            OK(window >= q.start && window + LARGE_SIZE <= q.end);
        }
        OK(a.ahead == 0 || q.free_frames > q.total_frames / 4);
    }
}

int main(void)
{
    run("2 MiB by default", test_default);
    run("2 MiB only where the window is empty and in the region", test_window_must_fit);
    run("advice counts", test_advice);
    run("4 KiB when memory is scarce", test_scarce);
    run("maps ahead as a streak goes on", test_streak);
    run("maps around where no large page fits", test_around);
    run("maps the group below where faults go down", test_below);
    run("maps ahead only with plenty of memory", test_ahead_needs_memory);
    run("maps far ahead only with zeroed frames", test_ahead_needs_zeroes);
    run("random questions get answers that can be used", test_random);
    return finish();
}
