/* SPDX-License-Identifier: MIT */
/* sources: drivers/virtio_net_send.c drivers/virtio_net_receive.c drivers/virtio_ring.c */
#include "../../drivers/virtio_net_priv.h"
#include "host.h"

#include <kernel/frame.h>
#include <kernel/spinlock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE 64u
#define LIMIT 256u

long syscall(long nr, ...);
#define ARCH_SET_GS 0x1001
#define NR_ARCH_PRCTL 158

/* ---- The kernel as far as the driver calls it ---- */

static struct cpu cpu; /* what the GS base points to */
u8 platform_is_pvm = 1;
vaddr_t direct_map_base; /* 0: physical addresses are our own */

static struct {
    void *frames[4096];
    unsigned count;
    bool out_of_memory, large_only_fail;
    unsigned notifications, lines;
} kernel;

int frame_alloc(unsigned order, unsigned flags, pfn_t *pfn)
{
    void *memory;

    if (kernel.out_of_memory || (order > 0 && kernel.large_only_fail)) {
        return -ENOMEM;
    }
    memory = aligned_alloc(PAGE_SIZE, PAGE_SIZE << order);
    memset(memory, 0xa5, PAGE_SIZE << order);
    kernel.frames[kernel.count++] = memory;
    *pfn = (u64)memory >> PAGE_SHIFT;
    return 0;
}

void virtio_queue_notify(struct virtio_queue *queue)
{
    EQ(cpu.locks.count, 0); /* it is an exit */
    kernel.notifications++;
}

void spin_lock_slow(struct spinlock *lock)
{
    BUG_ON(lock != NULL); /* there is one CPU */
}

void spin_debug_locked(struct spinlock *lock, const void *caller)
{
    cpu.locks.count++;
}

void spin_debug_unlock(struct spinlock *lock)
{
    cpu.locks.count--;
}

void kprintf(const char *fmt, ...)
{
    kernel.lines++;
}

/* ---- A device ---- */

/* One queue as the device sees it. */
struct side {
    struct ring *ring;
    u16 avail_seen, used_next;
    unsigned held;
    u16 heads[SIZE];
};

static struct virtio_device device = {.name = "fake"};
static struct netdev dev;
static struct net_receive rx;
static struct net_send tx;
static struct side in, out; /* of the device: out is what we send */

static void make_queue(struct virtio_queue *queue, struct side *side)
{
    void *memory = aligned_alloc(64, ALIGN_UP(ring_memory_size(SIZE), 64u));
    void **cookies = calloc(SIZE, sizeof(void *));

    memset(memory, 0, ring_memory_size(SIZE));
    spinlock_init(&queue->lock, "test", RANK_DEVICE);
    queue->device = &device;
    ring_init(&queue->ring, SIZE, memory, cookies, (device.features & VIRTIO_F_EVENT_IDX) != 0);
    *side = (struct side){.ring = &queue->ring};
}

static void free_queue(struct virtio_queue *queue)
{
    free(queue->ring.desc);
    free(queue->ring.cookie);
}

static void begin(u64 features, u32 ours)
{
    memset(&kernel, 0, sizeof(kernel));
    memset(&rx, 0, sizeof(rx));
    memset(&tx, 0, sizeof(tx));
    device.features = features;
    dev.features = ours;
    make_queue(&rx.queue, &in);
    make_queue(&tx.queue, &out);
    net_send_init(&tx);
    EQ(net_receive_init(&rx, &dev, 3, LIMIT), 0);
}

static void end(void)
{
    free_queue(&rx.queue);
    free_queue(&tx.queue);
    for (unsigned i = 0; i < kernel.count; i++) {
        free(kernel.frames[i]);
    }
}

static unsigned fetch(struct side *side)
{
    while (side->avail_seen != side->ring->avail->index) {
        if (!OK(side->held < SIZE)) {
            break;
        }
        side->heads[side->held++] = side->ring->avail->ring[side->avail_seen++ % SIZE];
    }
    return side->held;
}

static void put_used(struct side *side, u32 id, u32 length)
{
    side->ring->used->ring[side->used_next % SIZE] = (struct ring_used_entry){id, length};
    side->used_next++;
    side->ring->used->index = side->used_next;
}

/* The oldest that it holds. */
static u16 take_head(struct side *side)
{
    u16 head = side->heads[0];

    memmove(side->heads, side->heads + 1, --side->held * sizeof(head));
    return head;
}

/* Would it interrupt, having used the chains from `old` on?  2.7.7.2 */
static bool interrupts(const struct side *side, u16 old)
{
    if (side->ring->event_index) {
        u16 event = side->ring->avail->ring[SIZE];

        return (u16)(side->used_next - event - 1) < (u16)(side->used_next - old);
    }
    return side->used_next != old && (side->ring->avail->flags & 1) == 0;
}

static u8 byte_of(u32 number, u32 at)
{
    return (u8)(number * 13 + at);
}

/* Receives a packet as a device that obeys: false if it has not enough buffers. */
static bool deliver(u32 number, u32 size, struct net_header header)
{
    u32 total = size + (u32)sizeof(header), at = 0, pieces = (total + NET_ROOM - 1) / NET_ROOM;

    if (fetch(&in) < pieces) {
        return false;
    }
    header.buffers = (u16)pieces;
    for (u32 i = 0; i < pieces; i++) {
        u16 head = take_head(&in);
        const struct ring_desc *desc = &in.ring->desc[head];
        u32 part = MIN(total - at, NET_ROOM);
        u8 *memory = (u8 *)desc->address;

        EQ(desc->size, NET_ROOM);
        EQ(desc->flags, RING_DESC_WRITE);
        for (u32 j = 0; j < part; j++, at++) {
            memory[j] = at < sizeof(header) ? ((u8 *)&header)[at]
                                            : byte_of(number, at - (u32)sizeof(header));
        }
        put_used(&in, head, part);
    }
    return true;
}

static u32 length_of(const struct netdev_buffer *packet)
{
    u32 sum = 0;

    for (; packet != NULL; packet = packet->next) {
        sum += packet->size;
    }
    return sum;
}

/* As it was delivered, each byte. */
static void check(const struct netdev_buffer *packet, u32 number, u32 size)
{
    u32 at = 0, pieces = 0;

    EQ(packet->total, size);
    EQ(packet->queue, 3);
    OK(packet->size >= NETDEV_HEADER);
    for (const struct netdev_buffer *piece = packet; piece != NULL; piece = piece->next) {
        pieces++;
        for (u32 i = 0; i < piece->size; i++, at++) {
            if (piece->data[i] != byte_of(number, at) && !EQ(piece->data[i], byte_of(number, at))) {
                return;
            }
        }
    }
    EQ(at, size);
    EQ(packet->pieces, pieces);
}

static unsigned kept(void)
{
    return rx.total - rx.free_count - rx.posted;
}

/* Equations that always hold when nobody keeps a packet. */
static void check_all_back(void)
{
    unsigned partial = 0;

    for (struct netdev_buffer *piece = rx.packet; piece != NULL; piece = piece->next) {
        partial++;
    }
    EQ(kept(), partial);
    OK(rx.total <= LIMIT + 16);
    EQ(rx.posted + rx.queue.ring.free_count, SIZE);
}

/* ---- Receiving ---- */

#define MERGE (VIRTIO_F_VERSION_1 | NET_F_MRG_RXBUF)

static void receive_all(u64 features)
{
    u32 sent = 0, taken = 0;
    static u32 sizes[20000];

    begin(features, NETDEV_RECEIVE_GOOD | NETDEV_RECEIVE_LARGE);
    while (taken < ARRAY_SIZE(sizes)) {
        struct netdev_buffer *list;

        for (u64 n = rnd_below(8); n > 0 && sent < ARRAY_SIZE(sizes); n--, sent++) {
            u32 size = NETDEV_HEADER + (u32)rnd_below(rnd_below(50) == 0 ? 65000 : 1500);

            if ((features & NET_F_MRG_RXBUF) == 0) {
                size = MIN(size, 1514u);
            }
            if (!deliver(sent, size, (struct net_header){0})) {
                break;
            }
            sizes[sent] = size;
        }
        list = net_receive(&rx, 1 + (unsigned)rnd_below(4));
        while (list != NULL) {
            struct netdev_buffer *next = list->packet;

            check(list, taken, sizes[taken]);
            taken++;
            OK(net_give_back(&rx, list) == NULL);
            list = next;
        }
    }
    OK(net_receive(&rx, 1) == NULL);
    check_all_back();
    EQ(rx.packets, ARRAY_SIZE(sizes));
    EQ(rx.errors, 0);
    end();
}

static void test_receive(void)
{
    receive_all(MERGE | VIRTIO_F_EVENT_IDX);
    receive_all(MERGE);
    receive_all(VIRTIO_F_VERSION_1);
}

static void test_metadata(void)
{
    struct netdev_buffer *packet;

    begin(MERGE, NETDEV_RECEIVE_GOOD | NETDEV_RECEIVE_LARGE);
    OK(deliver(1, 100, (struct net_header){.flags = NET_DATA_VALID}));
    OK(deliver(2, 9000,
               (struct net_header){.flags = NET_NEEDS_CHECKSUM,
                                   .gso_type = NET_GSO_TCP4 | NET_GSO_ECN,
                                   .gso_size = 1448}));
    OK(deliver(3, 100, (struct net_header){.gso_type = 3, .gso_size = 700}));
    packet = net_receive(&rx, 3);
    EQ(packet->flags, NETDEV_CHECKSUM_GOOD);
    EQ(packet->segment, 0);
    packet = packet->packet;
    check(packet, 2, 9000);
    EQ(packet->flags, NETDEV_CHECKSUM_PARTIAL);
    EQ(packet->segment, 1448);
    packet = packet->packet;
    EQ(packet->flags, 0);
    EQ(packet->segment, 0);
    OK(packet->packet == NULL);
    end();

    /* What was not agreed to is not believed. */
    begin(MERGE, 0);
    OK(deliver(1, 100, (struct net_header){NET_DATA_VALID, NET_GSO_TCP4, 0, 1448, 0, 0, 0}));
    packet = net_receive(&rx, 1);
    EQ(packet->flags, 0);
    EQ(packet->segment, 0);
    end();
}

/* All are kept: it ends, scarcity is told, and what comes back is used. */
static void test_kept(void)
{
    struct netdev_buffer *list = NULL, *packet;
    unsigned count = 0, scarce = 0;

    begin(MERGE, 0);
    while (deliver(count, 60, (struct net_header){0})) {
        packet = net_receive(&rx, 1);
        scarce += (packet->flags & NETDEV_SCARCE) != 0;
        packet->next = list;
        list = packet;
        count++;
    }
    OK(count >= LIMIT && count <= LIMIT + 16);
    OK(scarce > LIMIT / 3 && scarce < LIMIT);
    EQ(rx.posted, 0);
    kernel.notifications = 0;
    OK(net_give_back(&rx, list) == NULL);
    OK(rx.posted == SIZE);
    OK(kernel.notifications <= 1);
    OK(deliver(5, 60, (struct net_header){0}));
    packet = net_receive(&rx, 1);
    check(packet, 5, 60);
    OK(net_give_back(&rx, packet) == NULL);
    check_all_back();
    end();
}

static void test_other_queues(void)
{
    struct netdev_buffer other = {.queue = 4}, *packet;

    begin(MERGE, 0);
    OK(deliver(1, 60, (struct net_header){0}));
    packet = net_receive(&rx, 1);
    packet->next = &other;
    OK(net_give_back(&rx, packet) == &other);
    check_all_back();
    end();
}

static void test_no_memory(void)
{
    struct netdev_buffer *packet;
    unsigned count = 0;

    memset(&kernel, 0, sizeof(kernel));
    memset(&rx, 0, sizeof(rx));
    make_queue(&rx.queue, &in);
    kernel.out_of_memory = true;
    EQ(net_receive_init(&rx, &dev, 3, LIMIT), -ENOMEM);
    free_queue(&rx.queue);

    begin(MERGE, 0);
    kernel.out_of_memory = true; /* from here on: it goes on with what it has */
    while (deliver(count, 60, (struct net_header){0})) {
        packet = net_receive(&rx, 1);
        check(packet, count++, 60);
        if (count < 1000) {
            OK(net_give_back(&rx, packet) == NULL);
        }
    }
    EQ(count, 999 + SIZE);
    end();

    memset(&kernel, 0, sizeof(kernel));
    kernel.large_only_fail = true;
    memset(&rx, 0, sizeof(rx));
    make_queue(&rx.queue, &in);
    EQ(net_receive_init(&rx, &dev, 3, LIMIT), 0);
    EQ(rx.posted, SIZE);
    free_queue(&rx.queue);
    for (unsigned i = 0; i < kernel.count; i++) {
        free(kernel.frames[i]);
    }
}

/* ---- A device that lies ---- */

/* Of a buffer that it has: this length and this number of pieces; then a packet that is right. */
static void lie(u32 length, u16 pieces, u64 errors)
{
    struct netdev_buffer *packet;
    u16 head;

    begin(MERGE, 0);
    fetch(&in);
    head = take_head(&in);
    ((struct net_header *)in.ring->desc[head].address)->buffers = pieces;
    put_used(&in, head, length);
    OK(deliver(7, 100, (struct net_header){0}));
    packet = net_receive(&rx, 4);
    if (OK(packet != NULL)) {
        check(packet, 7, 100);
        OK(packet->packet == NULL);
        OK(net_give_back(&rx, packet) == NULL);
    }
    EQ(rx.errors, errors);
    check_all_back();
    end();
}

static void test_lengths(void)
{
    static const u32 lengths[] = {0, 1, 11, 12, 13, 25, NET_ROOM + 1, 1u << 31, UINT32_MAX};

    for (unsigned i = 0; i < ARRAY_SIZE(lengths); i++) {
        lie(lengths[i], 1, 1);
    }
    lie(200, 0, 1);
    lie(200, NET_PIECES_MAX + 1, 1);
    lie(200, 0xffff, 1);
}

/* Pieces behind the first: none, too many bytes, more in all than a packet can have. */
static void test_pieces(void)
{
    static const u32 lengths[] = {0, NET_ROOM + 1, UINT32_MAX};
    struct netdev_buffer *packet;

    for (unsigned i = 0; i < ARRAY_SIZE(lengths); i++) {
        begin(MERGE, 0);
        fetch(&in);
        ((struct net_header *)in.ring->desc[in.heads[0]].address)->buffers = 4;
        put_used(&in, take_head(&in), NET_ROOM);
        OK(net_receive(&rx, 1) == NULL); /* the rest is to come */
        put_used(&in, take_head(&in), lengths[i]);
        put_used(&in, take_head(&in), NET_ROOM);
        put_used(&in, take_head(&in), 5);
        OK(deliver(8, 100, (struct net_header){0}));
        packet = net_receive(&rx, 4);
        if (OK(packet != NULL)) {
            check(packet, 8, 100);
            OK(net_give_back(&rx, packet) == NULL);
        }
        EQ(rx.errors, 1);
        check_all_back();
        end();
    }
    begin(MERGE, 0);
    fetch(&in);
    ((struct net_header *)in.ring->desc[in.heads[0]].address)->buffers = NET_PIECES_MAX;
    for (unsigned i = 0; i < NET_PIECES_MAX; i++) {
        put_used(&in, take_head(&in), NET_ROOM);
    }
    OK(net_receive(&rx, 1) == NULL);
    EQ(rx.errors, 1);
    check_all_back();
    end();
}

/* Identifiers that are not out: it is used no more, and nothing is lost or given twice. */
static void test_identifiers(void)
{
    for (unsigned kind = 0; kind < 3; kind++) {
        struct netdev_buffer *packet;

        begin(MERGE, 0);
        OK(deliver(1, 100, (struct net_header){0}));
        if (kind == 0) {
            put_used(&in, 0xffffffff, 100);
        } else if (kind == 1) {
            put_used(&in, in.ring->used->ring[0].id, 100); /* twice */
        } else {
            in.ring->used->index = (u16)(in.used_next + SIZE + 5);
        }
        packet = net_receive(&rx, 4);
        OK(kind == 2 ? packet == NULL : packet != NULL && packet->packet == NULL);
        if (packet != NULL) {
            check(packet, 1, 100);
            OK(net_give_back(&rx, packet) == NULL);
        }
        EQ(kernel.lines, 1);
        OK(!net_ring_pending(&rx.queue, &rx.broken));
        OK(net_receive(&rx, 4) == NULL);
        OK(!net_receive_listen(&rx));
        EQ(kernel.lines, 1);
        EQ(kept(), 0);
        end();
    }
}

/* Anything in what it may write; whatever comes out of it is in bounds, and comes back. */
static void test_fuzz(void)
{
    for (unsigned round = 0; round < 3000; round++) {
        begin(rnd_below(4) == 0 ? VIRTIO_F_VERSION_1 : MERGE | VIRTIO_F_EVENT_IDX,
              (u32)rnd_below(32));
        for (unsigned step = 0; step < 60; step++) {
            struct netdev_buffer *list;

            fetch(&in);
            for (u64 n = rnd_below(6); n > 0 && in.held > 0; n--) {
                u16 head = take_head(&in);
                u8 *memory = (u8 *)in.ring->desc[head].address;
                u32 length = (u32)rnd_below(NET_ROOM + 1);

                for (unsigned i = 0; i < sizeof(struct net_header); i++) {
                    memory[i] = rnd_below(3) == 0 ? (u8)rnd() : 0;
                }
                memory[10] = (u8)rnd_below(6);
                put_used(&in, rnd_below(100) == 0 ? (u32)rnd_below(2 * SIZE) : head,
                         rnd_below(50) == 0 ? (u32)rnd() : length);
            }
            list = net_receive(&rx, (unsigned)rnd_below(5));
            while (list != NULL) {
                struct netdev_buffer *next = list->packet;

                EQ(length_of(list), list->total);
                OK(list->total >= NETDEV_HEADER && list->total <= NETDEV_PACKET_MAX);
                OK(net_give_back(&rx, list) == NULL);
                list = next;
            }
            (void)net_receive_interrupt(&rx);
        }
        if (!rx.queue.ring.broken) {
            check_all_back();
        }
        end();
    }
}

/* Whenever it listens and a packet comes, it is woken, whoever takes packets in between. */
static void test_wakes(void)
{
    for (unsigned round = 0; round < 200; round++) {
        bool listening = false, raised = false;
        u32 number = 0;

        begin(round % 2 == 0 ? MERGE | VIRTIO_F_EVENT_IDX : MERGE, 0);
        for (unsigned step = 0; step < 1000; step++) {
            u16 old = in.used_next;
            struct netdev_buffer *packet;

            switch (rnd_below(5)) {
            case 0:
                if (deliver(number, 60, (struct net_header){0})) {
                    number++;
                    raised |= interrupts(&in, old);
                }
                break;
            case 1: /* the interrupt, perhaps late */
                if (raised && net_receive_interrupt(&rx)) {
                    OK(listening);
                    listening = false;
                }
                raised = false;
                break;
            case 2: /* somebody else takes one */
                packet = net_receive(&rx, 1);
                if (packet != NULL) {
                    OK(net_give_back(&rx, packet) == NULL);
                }
                break;
            default:
                if (!listening) {
                    listening = !net_receive_listen(&rx);
                }
            }
            OK(!listening || !ring_pending(in.ring) || raised);
        }
        end();
    }
}

/* ---- Sending ---- */

struct packet {
    struct netdev_send send;
    struct netdev_fragment fragment[NETDEV_FRAGMENTS_MAX];
    bool done;
    u8 headroom[NETDEV_HEADROOM];
    u8 data[64];
};

static struct packet packets[500];

static struct packet *prepare(unsigned number, u16 fragments)
{
    struct packet *packet = &packets[number];

    *packet = (struct packet){.send = {.fragments = packet->fragment, .count = fragments}};
    memset(packet->data, (int)number, sizeof(packet->data));
    for (u16 i = 0; i < fragments; i++) {
        packet->fragment[i] = (struct netdev_fragment){(u64)packet->data + i, 1};
    }
    return packet;
}

static void test_send(void)
{
    struct packet *packet;
    const struct ring_desc *desc;
    struct net_header header;

    begin(MERGE, 0);
    packet = prepare(1, 2);
    packet->fragment[0].size = 40;
    packet->fragment[1] = (struct netdev_fragment){(u64)packet->data + 50, 14};
    packet->send.flags = NETDEV_SEND_CHECKSUM | NETDEV_SEND_SEGMENT | NETDEV_SEND_IPV6;
    packet->send.checksum_start = 34;
    packet->send.checksum_offset = 16;
    packet->send.segment = 1440;
    packet->send.header_size = 74;
    net_send(&tx, &packet->send);
    EQ(kernel.notifications, 1);
    EQ(fetch(&out), 1);
    desc = &out.ring->desc[out.heads[0]];
    memcpy(&header, (void *)desc->address, sizeof(header));
    EQ(desc->address, (u64)packet->data - sizeof(header));
    EQ(desc->size, 40 + sizeof(header));
    EQ(desc->flags, RING_DESC_NEXT);
    EQ(header.flags, NET_NEEDS_CHECKSUM);
    EQ(header.gso_type, NET_GSO_TCP6);
    EQ(header.gso_size, 1440);
    EQ(header.header_size, 74);
    EQ(header.checksum_start, 34);
    EQ(header.checksum_offset, 16);
    desc = &out.ring->desc[desc->next];
    EQ(desc->address, (u64)packet->data + 50);
    EQ(desc->size, 14);
    EQ(desc->flags, 0);
    OK(net_sent(&tx) == NULL);
    put_used(&out, take_head(&out), 0);
    OK(net_ring_pending(&tx.queue, &tx.broken));
    OK(net_sent(&tx) == &packet->send);
    OK(net_sent(&tx) == NULL);
    EQ(tx.packets, 1);
    EQ(tx.bytes, 54);
    end();
}

/* Far more than the ring holds, done in any order; each comes back once, and by wakes alone. */
static void send_many(u64 features)
{
    unsigned sent = 0, done = 0;
    bool raised = false;

    begin(features, 0);
    while (done < ARRAY_SIZE(packets)) {
        struct netdev_send *list = NULL, **last = &list;
        u16 old = out.used_next;

        for (u64 n = rnd_below(90); n > 0 && sent < ARRAY_SIZE(packets); n--, sent++) {
            *last = &prepare(sent, 1 + (u16)rnd_below(NETDEV_FRAGMENTS_MAX))->send;
            last = &(*last)->next;
        }
        if (list != NULL) {
            net_send(&tx, list);
        }
        fetch(&out);
        for (u64 n = rnd_below(20); n > 0 && out.held > 0; n--) {
            unsigned which = (unsigned)rnd_below(out.held);
            u16 head = out.heads[which];

            memmove(out.heads + which, out.heads + which + 1,
                    (--out.held - which) * sizeof(*out.heads));
            put_used(&out, head, 0);
        }
        raised |= interrupts(&out, old);
        OK(tx.waiting == NULL || tx.out > 0);
        if (raised && rnd_below(2) == 0) {
            (void)net_send_interrupt(&tx);
            raised = false;
        }
        if (rnd_below(3) == 0) {
            for (list = net_sent(&tx); list != NULL; done++) {
                struct packet *packet = container_of(list, struct packet, send);

                list = list->next;
                OK(!packet->done);
                packet->done = true;
            }
        }
    }
    EQ(tx.out, 0);
    EQ(tx.errors, 0);
    EQ(tx.queue.ring.free_count, SIZE);
    end();
}

static void test_send_many(void)
{
    for (unsigned i = 0; i < 50; i++) {
        send_many(MERGE | VIRTIO_F_EVENT_IDX);
        send_many(MERGE);
    }
}

/* Packets that wait go on by interrupts alone, and who listens is woken. */
static void test_send_wakes(void)
{
    struct netdev_send *list = NULL, **last = &list;
    unsigned wakes = 0, done = 0;

    begin(MERGE | VIRTIO_F_EVENT_IDX, 0);
    for (unsigned i = 0; i < 300; i++) {
        *last = &prepare(i, 1)->send;
        last = &(*last)->next;
    }
    net_send(&tx, list);
    EQ(fetch(&out), SIZE);
    for (unsigned i = 0; i < 300; i++) {
        u16 old = out.used_next;

        (void)net_send_listen(&tx);
        OK(fetch(&out) > 0);
        put_used(&out, take_head(&out), 0);
        if (interrupts(&out, old) && net_send_interrupt(&tx)) {
            wakes++;
            for (list = net_sent(&tx); list != NULL; list = list->next) {
                done++;
            }
        }
    }
    for (list = net_sent(&tx); list != NULL; list = list->next) {
        done++;
    }
    EQ(done, 300);
    OK(wakes >= 2 && wakes < 100);
    OK(!net_send_listen(&tx)); /* nothing is under way */
    end();
}

static void test_send_broken(void)
{
    struct netdev_send *list = NULL, **last = &list;
    unsigned done = 0;

    begin(MERGE, 0);
    for (unsigned i = 0; i < 200; i++) {
        *last = &prepare(i, 3)->send;
        last = &(*last)->next;
    }
    net_send(&tx, list);
    put_used(&out, 0xfffe, 0);
    for (list = net_sent(&tx); list != NULL; done++) {
        list = list->next;
    }
    EQ(done, 200);
    EQ(tx.errors, 200);
    EQ(kernel.lines, 1);
    net_send(&tx, &prepare(0, 1)->send);
    OK(net_sent(&tx) == &packets[0].send);
    OK(net_sent(&tx) == NULL);
    OK(!net_send_listen(&tx));
    EQ(kernel.lines, 1);
    end();
}

int main(void)
{
    cpu.self = &cpu;
    cpu.irq_enabled = 1;
    BUG_ON(syscall(NR_ARCH_PRCTL, ARCH_SET_GS, &cpu) != 0);
    run("packets of all lengths, in pieces", test_receive);
    run("what is known of a packet", test_metadata);
    run("all buffers are kept", test_kept);
    run("buffers of other queues", test_other_queues);
    run("no memory", test_no_memory);
    run("a device lies about lengths and counts", test_lengths);
    run("a device lies about pieces", test_pieces);
    run("a device lies about identifiers", test_identifiers);
    run("a device writes anything", test_fuzz);
    run("no packet without a wake", test_wakes);
    run("a packet is sent", test_send);
    run("more than the ring holds", test_send_many);
    run("who listens for what was sent", test_send_wakes);
    run("a device that lies while sending", test_send_broken);
    return finish();
}
