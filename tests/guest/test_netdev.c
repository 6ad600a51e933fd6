/* SPDX-License-Identifier: MIT */
/*
 * Network cards, two of which are wired to each other by the host
 * (tests/netdev.sh): what one sends the other receives, each byte compared.
 */
#include "sched_help.h"

#include <kernel/clock.h>
#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/kmalloc.h>
#include <kernel/netdev.h>
#include <kernel/sched.h>
#include <kernel/string.h>
#include <stdatomic.h>

#include <drivers/devices.h>

#define LIMIT (20 * NSEC_PER_SEC) /* only finds hangs */
#define TYPE_TEST 0x88b5          /* IEEE 802: for local experiments */
#define WINDOW 64u

struct card {
    struct netdev *dev;
    struct netdev_client client;
    _Atomic unsigned wakes, links;
    struct thread *_Atomic sleeper;
};

static struct card cards[2];

static void woken(struct netdev *dev, unsigned queue)
{
    struct card *card = dev->client->priv;
    struct thread *sleeper = atomic_load_explicit(&card->sleeper, memory_order_acquire);

    (void)queue;
    atomic_fetch_add_explicit(&card->wakes, 1, memory_order_release);
    if (sleeper != NULL) {
        (void)sched_wake(sleeper);
    }
}

static void link_changed(struct netdev *dev)
{
    struct card *card = dev->client->priv;

    atomic_fetch_add_explicit(&card->links, 1, memory_order_release);
}

static bool open_cards(unsigned count)
{
    devices_init();
    for (unsigned i = 0; i < count; i++) {
        cards[i].dev = netdev_find(i);
        if (cards[i].dev == NULL) {
            guest_skip("the machine has not enough network cards");
            return false;
        }
        if (cards[i].client.wake == NULL) {
            cards[i].client = (struct netdev_client){woken, link_changed, &cards[i]};
            if (!EQ(netdev_open(cards[i].dev, &cards[i].client), 0)) {
                return false;
            }
        }
    }
    return true;
}

/* A packet of ours, with its memory behind it. */
struct packet {
    struct netdev_send send;
    struct netdev_fragment fragment[4];
    u8 headroom[NETDEV_HEADROOM];
    u8 data[];
};

static u8 byte_of(u32 number, u32 at)
{
    return (u8)(number * 31 + at * 7 + (at >> 8));
}

/* Of `size` bytes, in as many fragments as fit. */
static struct packet *make_packet(const struct card *from, const struct card *to, u32 number,
                                  u32 size, u16 fragments)
{
    struct packet *packet = kzalloc(sizeof(*packet) + size);
    u32 at = 0;

    if (packet == NULL) {
        return NULL;
    }
    memcpy(packet->data, to->dev->address, 6);
    memcpy(packet->data + 6, from->dev->address, 6);
    packet->data[12] = TYPE_TEST >> 8;
    packet->data[13] = TYPE_TEST & 0xff;
    memcpy(packet->data + 14, &number, 4);
    for (u32 i = 18; i < size; i++) {
        packet->data[i] = byte_of(number, i);
    }
    for (u16 i = 0; i < fragments; i++) {
        u32 part = i + 1 == fragments ? size - at : MIN(size / fragments + i, size - at);

        packet->fragment[i] = (struct netdev_fragment){virt_to_phys(packet->data + at), part};
        at += part;
    }
    packet->send.fragments = packet->fragment;
    packet->send.count = fragments;
    return packet;
}

static void free_sent(struct card *card)
{
    struct netdev_send *send = netdev_sent(card->dev, 0);

    while (send != NULL) {
        struct netdev_send *next = send->next;

        kfree(container_of(send, struct packet, send));
        send = next;
    }
}

/* 0: not one of the test's.  Else its number + 1, and it is as it was sent. */
static u32 check_packet(const struct netdev_buffer *packet, u32 *size)
{
    static u8 whole[NETDEV_PACKET_MAX];
    u32 at = 0, number, wrong = 0;

    for (const struct netdev_buffer *piece = packet; piece != NULL; piece = piece->next) {
        memcpy(whole + at, piece->data, piece->size);
        at += piece->size;
    }
    EQ(at, packet->total);
    if (whole[12] != TYPE_TEST >> 8 || whole[13] != (TYPE_TEST & 0xff)) {
        return 0;
    }
    memcpy(&number, whole + 14, 4);
    for (u32 i = 18; i < at; i++) {
        wrong += whole[i] != byte_of(number, i);
    }
    EQ(wrong, 0);
    *size = at;
    return number + 1;
}

/* Sleeps until the card has something, or for too long. */
static bool sleep_for(struct card *card, unsigned what, nsec_t until)
{
    unsigned wakes = atomic_load_explicit(&card->wakes, memory_order_acquire);

    if (netdev_listen(card->dev, 0, what)) {
        return true;
    }
    atomic_store_explicit(&card->sleeper, thread_current(), memory_order_release);
    while (atomic_load_explicit(&card->wakes, memory_order_acquire) == wakes &&
           clock_now() < until) {
        sched_prepare_sleep();
        if (atomic_load_explicit(&card->wakes, memory_order_acquire) != wakes) {
            sched_cancel_sleep();
        } else {
            (void)sched_sleep(until);
        }
    }
    atomic_store_explicit(&card->sleeper, NULL, memory_order_release);
    return atomic_load_explicit(&card->wakes, memory_order_acquire) != wakes;
}

/* Takes packets until `wanted` is the next number; each has come, in order, whole. */
static bool receive_until(struct card *card, u32 *next, u32 wanted, u32 (*size_of)(u32 number))
{
    nsec_t until = clock_now() + LIMIT;

    while (*next < wanted) {
        struct netdev_buffer *packet = netdev_receive(card->dev, 0, 16);

        if (packet == NULL && !sleep_for(card, NETDEV_LISTEN_RECEIVE, until)) {
            return OK(!"a packet was lost");
        }
        while (packet != NULL) {
            struct netdev_buffer *after = packet->packet;
            u32 size = 0, number = check_packet(packet, &size);

            if (number != 0) {
                EQ(number - 1, *next);
                EQ(size, size_of(number - 1));
                *next = number;
            }
            netdev_return(card->dev, packet);
            packet = after;
        }
    }
    return !guest_failed();
}

#define SIZE_FIRST 60u

static u32 every_size(u32 number)
{
    return SIZE_FIRST + number;
}

GUEST_TEST(netdev_every_size)
{
    u32 next = 0;

    if (!open_cards(2)) {
        return;
    }
    EQ(memcmp(cards[0].dev->address, cards[1].dev->address, 6) == 0, 0);
    for (u32 size = SIZE_FIRST; size <= cards[0].dev->mtu + NETDEV_HEADER; size++) {
        u32 number = size - SIZE_FIRST;
        struct packet *packet =
            make_packet(&cards[0], &cards[1], number, size, (u16)(1 + number % 4));

        if (!OK(packet != NULL)) {
            return;
        }
        netdev_send(cards[0].dev, 0, &packet->send);
        if (!receive_until(&cards[1], &next, number + 1, every_size)) {
            return;
        }
        free_sent(&cards[0]);
    }
}

static u32 same_size(u32 number)
{
    return 1000 + number % 500;
}

/* Windows of packets, each with one call; then exits are few. */
GUEST_TEST(netdev_windows)
{
    struct netdev_stats before, after;
    u32 next = 0;

    if (!open_cards(2)) {
        return;
    }
    netdev_get_stats(cards[0].dev, &before);
    for (u32 number = 0; number < 100 * WINDOW;) {
        struct netdev_send *list = NULL, **end = &list;

        for (unsigned i = 0; i < WINDOW; i++, number++) {
            struct packet *packet = make_packet(&cards[0], &cards[1], number, same_size(number), 2);

            if (!OK(packet != NULL)) {
                return;
            }
            *end = &packet->send;
            end = &packet->send.next;
        }
        netdev_send(cards[0].dev, 0, list);
        if (!receive_until(&cards[1], &next, number, same_size)) {
            return;
        }
        free_sent(&cards[0]);
    }
    netdev_get_stats(cards[0].dev, &after);
    guest_note("%lu packets took %lu notifications and %lu interrupts",
               (unsigned long)(after.send_packets - before.send_packets),
               (unsigned long)(after.notifications - before.notifications),
               (unsigned long)(after.interrupts - before.interrupts));
    OK(after.notifications - before.notifications <= 100);
}

#define MANY 1000u

static u32 two_hundred(u32 number)
{
    (void)number;
    return 200;
}

/* Takes back all that was sent, by interrupts alone. */
static void wait_for_sent(void *arg)
{
    nsec_t until = clock_now() + LIMIT;
    unsigned *count = arg;

    while (*count < MANY) {
        struct netdev_send *send = netdev_sent(cards[0].dev, 0);

        if (send == NULL && !sleep_for(&cards[0], NETDEV_LISTEN_SENT, until)) {
            OK(!"a packet that was sent is never done");
            return;
        }
        while (send != NULL) {
            struct netdev_send *next = send->next;

            kfree(container_of(send, struct packet, send));
            ++*count;
            send = next;
        }
    }
}

/* More than the ring holds, and the receiver has buffers for: they wait, and none is lost. */
GUEST_TEST(netdev_ring_full)
{
    struct netdev_send *list = NULL, **end = &list;
    struct thread *thread;
    unsigned count = 0;
    u32 next = 0;

    if (!open_cards(2)) {
        return;
    }
    for (unsigned i = 0; i < MANY; i++) {
        struct packet *packet = make_packet(&cards[0], &cards[1], i, 200, 4);

        if (!OK(packet != NULL)) {
            return;
        }
        *end = &packet->send;
        end = &packet->send.next;
    }
    netdev_send(cards[0].dev, 0, list);
    thread = start_kernel(wait_for_sent, &count, 0, SCHED_CLASS_FAIR);
    OK(receive_until(&cards[1], &next, MANY, two_hundred));
    join(thread);
    EQ(count, MANY);
}

/* Who keeps all that he is given: the card does without, and goes on when it gets them back. */
GUEST_TEST(netdev_kept_buffers)
{
    struct netdev_buffer *kept = NULL;
    nsec_t until = clock_now() + LIMIT;
    unsigned count = 0;
    bool scarce = false;
    u32 next = 5000;

    if (!open_cards(2)) {
        return;
    }
    while (!scarce && clock_now() < until) {
        struct packet *packet = make_packet(&cards[0], &cards[1], count, 100, 1);
        struct netdev_buffer *got;

        if (!OK(packet != NULL)) {
            break;
        }
        netdev_send(cards[0].dev, 0, &packet->send);
        while ((got = netdev_receive(cards[1].dev, 0, 1)) == NULL && clock_now() < until) {
            (void)sleep_for(&cards[1], NETDEV_LISTEN_RECEIVE, until);
        }
        if (got != NULL) {
            scarce = (got->flags & NETDEV_SCARCE) != 0;
            got->next = kept;
            kept = got;
            count++;
        }
        free_sent(&cards[0]);
    }
    OK(scarce);
    guest_note("%u buffers were kept", count);
    netdev_return(cards[1].dev, kept);
    for (u32 number = next; number < 5100; number++) {
        struct packet *packet = make_packet(&cards[0], &cards[1], number, same_size(number), 1);

        if (!OK(packet != NULL)) {
            return;
        }
        netdev_send(cards[0].dev, 0, &packet->send);
        if (!receive_until(&cards[1], &next, number + 1, same_size)) {
            return;
        }
        free_sent(&cards[0]);
    }
}

/* The host takes the link down and up again, while the test waits. */
GUEST_TEST(netdev_link)
{
    nsec_t until = clock_now() + LIMIT;
    unsigned links = 0;

    if (!open_cards(1)) {
        return;
    }
    OK(atomic_load(&cards[0].dev->link_up));
    kprintf("# take the link down\n");
    while (links < 2 && clock_now() < until) {
        sched_delay(10 * NSEC_PER_MSEC);
        if (atomic_load(&cards[0].links) != links) {
            links = atomic_load(&cards[0].links);
            EQ(atomic_load(&cards[0].dev->link_up), links % 2 == 0);
            kprintf("# the link is %s\n", links % 2 == 0 ? "up" : "down");
        }
    }
    EQ(links, 2);
}
