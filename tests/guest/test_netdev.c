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

/* ---- With the host's TCP and IP in between: two taps in a bridge ----------------- */

#define IP_AT NETDEV_HEADER
#define L4_AT (IP_AT + 20u)
#define TCP_DATA_AT (L4_AT + 20u)

static u32 sum_words(u32 sum, const u8 *data, u32 size)
{
    for (u32 i = 0; i < size; i++) {
        sum += (i & 1) != 0 ? data[i] : (u32)data[i] << 8;
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

static void put_be16(u8 *at, u32 value)
{
    at[0] = (u8)(value >> 8);
    at[1] = (u8)value;
}

static u32 get_be16(const u8 *at)
{
    return (u32)at[0] << 8 | at[1];
}

/* Of addresses, protocol and length, without the complement. */
static u32 pseudo_sum(const u8 *ip, u32 l4_size)
{
    return sum_words(ip[9] + l4_size, ip + 12, 8);
}

/* An IPv4 header of 10.9.0.1 to 10.9.0.2 in front of what is in the packet from L4_AT on. */
static void put_ip(struct packet *packet, u8 protocol, u32 size)
{
    static const u8 addresses[] = {10, 9, 0, 1, 10, 9, 0, 2};
    u8 *ip = packet->data + IP_AT;

    put_be16(packet->data + 12, 0x0800);
    memset(ip, 0, 20);
    ip[0] = 0x45;
    put_be16(ip + 2, size - IP_AT);
    put_be16(ip + 6, 0x4000);
    ip[8] = 64;
    ip[9] = protocol;
    memcpy(ip + 12, addresses, sizeof(addresses));
    put_be16(ip + 10, ~sum_words(0, ip, 20));
}

#define STREAM 60000u
#define SEGMENT 1448u
#define SEQUENCE 1000u

static struct packet *make_segments(u32 data)
{
    u32 size = TCP_DATA_AT + data;
    struct packet *packet = make_packet(&cards[0], &cards[1], 0, size, 3);
    u8 *tcp;

    if (packet == NULL) {
        return NULL;
    }
    tcp = packet->data + L4_AT;
    put_ip(packet, 6, size);
    memset(tcp, 0, 20);
    put_be16(tcp, 4000);
    put_be16(tcp + 2, 5000);
    put_be16(tcp + 6, SEQUENCE);
    tcp[12] = 5 << 4;
    tcp[13] = 0x10; /* ACK */
    put_be16(tcp + 14, 0xffff);
    for (u32 i = 0; i < data; i++) {
        packet->data[TCP_DATA_AT + i] = byte_of(9, i);
    }
    put_be16(tcp + 16, pseudo_sum(packet->data + IP_AT, size - L4_AT));
    packet->send.flags = NETDEV_SEND_CHECKSUM | NETDEV_SEND_SEGMENT;
    packet->send.checksum_start = L4_AT;
    packet->send.checksum_offset = 16;
    packet->send.segment = SEGMENT;
    packet->send.header_size = TCP_DATA_AT;
    return packet;
}

static u8 flat[NETDEV_PACKET_MAX];

static u32 flatten(const struct netdev_buffer *packet)
{
    u32 at = 0;

    for (; packet != NULL; packet = packet->next) {
        memcpy(flat + at, packet->data, packet->size);
        at += packet->size;
    }
    return at;
}

/* How much of the stream it brings, which is as it was sent. */
static u32 check_segment(const struct netdev_buffer *packet)
{
    u32 l4_size, data, at, wrong = 0;

    (void)flatten(packet);
    if (get_be16(flat + 12) != 0x0800 || flat[IP_AT + 9] != 6) {
        return 0;
    }
    l4_size = get_be16(flat + IP_AT + 2) - 20;
    data = l4_size - 20;
    at = (get_be16(flat + L4_AT + 4) << 16 | get_be16(flat + L4_AT + 6)) - SEQUENCE;
    EQ(sum_words(0, flat + IP_AT, 20), 0xffff);
    if ((packet->flags & (NETDEV_CHECKSUM_GOOD | NETDEV_CHECKSUM_PARTIAL)) == 0) {
        EQ(sum_words(pseudo_sum(flat + IP_AT, l4_size), flat + L4_AT, l4_size), 0xffff);
    }
    if (data > SEGMENT) {
        EQ(packet->segment, SEGMENT);
        OK((cards[1].dev->features & NETDEV_RECEIVE_LARGE) != 0);
    }
    if (!OK(at + data <= STREAM)) {
        return 0;
    }
    for (u32 i = 0; i < data; i++) {
        wrong += flat[TCP_DATA_AT + i] != byte_of(9, at + i);
    }
    EQ(wrong, 0);
    return data;
}

/* The card or the host cuts it; it comes whole, in one packet or in many. */
GUEST_TEST(netdev_offload)
{
    nsec_t until = clock_now() + LIMIT;
    struct packet *packet;
    u32 got = 0, packets = 0;

    if (!open_cards(2) || !OK((cards[0].dev->features & NETDEV_SEGMENT_TCP4) != 0)) {
        return;
    }
    packet = make_segments(STREAM);
    if (!OK(packet != NULL)) {
        return;
    }
    netdev_send(cards[0].dev, 0, &packet->send);
    while (got < STREAM) {
        struct netdev_buffer *list = netdev_receive(cards[1].dev, 0, 8);

        if (list == NULL && !sleep_for(&cards[1], NETDEV_LISTEN_RECEIVE, until)) {
            OK(!"a part is missing");
            return;
        }
        while (list != NULL) {
            struct netdev_buffer *next = list->packet;
            u32 bytes = check_segment(list);

            got += bytes;
            packets += bytes != 0;
            netdev_return(cards[1].dev, list);
            list = next;
        }
    }
    EQ(got, STREAM);
    guest_note("%u bytes came in %u packets", STREAM, packets);
    EQ(packets == 1, (cards[1].dev->features & NETDEV_RECEIVE_LARGE) != 0);
    free_sent(&cards[0]);
}

#define FLOWS 64u

static bool send_flow(u32 flow)
{
    const u32 size = 100;
    struct packet *packet = make_packet(&cards[0], &cards[1], flow, size, 1);
    u8 *udp;

    if (!OK(packet != NULL)) {
        return false;
    }
    udp = packet->data + L4_AT;
    put_ip(packet, 17, size);
    put_be16(udp, 6000 + flow);
    put_be16(udp + 2, 7000);
    put_be16(udp + 4, size - L4_AT);
    put_be16(udp + 6, 0); /* none */
    netdev_send(cards[0].dev, flow % cards[0].dev->queues, &packet->send);
    return true;
}

static _Atomic u64 woken_queues;

static void queue_woken(struct netdev *dev, unsigned queue)
{
    if (dev == cards[1].dev) {
        atomic_fetch_or_explicit(&woken_queues, 1ull << queue, memory_order_release);
    }
}

/* Flows by all queues, each of which interrupts for itself. */
GUEST_TEST(netdev_queues)
{
    nsec_t until = clock_now() + LIMIT;
    u64 seen = 0, used = 0;

    if (!open_cards(2)) {
        return;
    }
    EQ(cards[1].dev->queues, MIN(cpu_count(), 4u));
    cards[1].client.wake = queue_woken;
    for (unsigned queue = 0; queue < cards[1].dev->queues; queue++) {
        if (netdev_listen(cards[1].dev, queue, NETDEV_LISTEN_RECEIVE)) {
            atomic_fetch_or_explicit(&woken_queues, 1ull << queue, memory_order_release);
        }
    }
    for (u32 flow = 0; flow < FLOWS; flow++) {
        if (!send_flow(flow)) {
            return;
        }
    }
    while (seen != UINT64_MAX && clock_now() < until) {
        u64 woken = atomic_exchange_explicit(&woken_queues, 0, memory_order_acquire);

        for (unsigned queue = 0; queue < cards[1].dev->queues; queue++) {
            struct netdev_buffer *list;

            if ((woken >> queue & 1) == 0) {
                continue;
            }
            list = netdev_receive(cards[1].dev, queue, FLOWS);
            while (list != NULL) {
                struct netdev_buffer *next = list->packet;

                EQ(list->queue, queue);
                if (flatten(list) == 100 && get_be16(flat + L4_AT + 2) == 7000) {
                    seen |= 1ull << (get_be16(flat + L4_AT) - 6000);
                    used |= 1ull << queue;
                }
                netdev_return(cards[1].dev, list);
                list = next;
            }
            if (netdev_listen(cards[1].dev, queue, NETDEV_LISTEN_RECEIVE)) {
                atomic_fetch_or_explicit(&woken_queues, 1ull << queue, memory_order_release);
            }
        }
        sched_yield();
    }
    EQ(seen, UINT64_MAX);
    OK(cards[1].dev->queues == 1 || (used & (used - 1)) != 0);
    guest_note("%u queues, used: %lx", cards[1].dev->queues, (unsigned long)used);
}
