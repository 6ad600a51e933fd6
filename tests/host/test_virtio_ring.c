/* SPDX-License-Identifier: MIT */
/* sources: drivers/virtio_ring.c */
#include "../../drivers/virtio_ring_priv.h"
#include "host.h"

#include <stdlib.h>
#include <string.h>

#define SIZE 16u
#define TABLE 8u

/* The other side, written from the specification: takes chains, gives them back in any order. */
struct fake {
    struct ring ring;
    void *memory;
    void **cookies;
    u16 avail_seen, used_next;
    unsigned held;
    u16 heads[SIZE];
};

static void fake_init(struct fake *fake, bool event_index)
{
    memset(fake, 0, sizeof(*fake));
    fake->memory = aligned_alloc(64, ALIGN_UP(ring_memory_size(SIZE), 64u));
    fake->cookies = calloc(SIZE, sizeof(void *));
    memset(fake->memory, 0, ring_memory_size(SIZE));
    ring_init(&fake->ring, SIZE, fake->memory, fake->cookies, event_index);
}

static void fake_free(struct fake *fake)
{
    free(fake->memory);
    free(fake->cookies);
}

/* Takes all that is published; the number of chains that it holds. */
static unsigned fake_fetch(struct fake *fake)
{
    while (fake->avail_seen != fake->ring.avail->index) {
        if (!OK(fake->held < SIZE)) {
            break;
        }
        fake->heads[fake->held++] = fake->ring.avail->ring[fake->avail_seen++ % SIZE];
    }
    return fake->held;
}

static void fake_use(struct fake *fake, unsigned which, u32 length)
{
    u16 head = fake->heads[which];

    fake->heads[which] = fake->heads[--fake->held];
    fake->ring.used->ring[fake->used_next % SIZE] = (struct ring_used_entry){head, length};
    fake->used_next++;
    fake->ring.used->index = fake->used_next;
}

/* Would it interrupt for the chains from `old` on?  2.7.7.2 */
static bool fake_interrupts(const struct fake *fake, u16 old)
{
    if (fake->ring.event_index) {
        u16 event = fake->ring.avail->ring[SIZE];

        return (u16)(fake->used_next - event - 1) < (u16)(fake->used_next - old);
    }
    return (fake->ring.avail->flags & 1) == 0;
}

static int add(struct fake *fake, unsigned count, paddr_t table_address, void *cookie)
{
    static struct ring_desc desc[TABLE];
    struct ring_table table;

    ring_table_init(&table, desc, table_address, TABLE);
    for (unsigned i = 0; i < count; i++) {
        OK(ring_table_add(&table, 0x1000 * (i + 1), 100 + i, i > 0));
    }
    return ring_add(&fake->ring, &table, cookie);
}

static void test_table(void)
{
    struct ring_desc desc[2];
    struct ring_table table;

    ring_table_init(&table, desc, 0, 2);
    OK(ring_table_add(&table, 1, 10, false));
    OK(ring_table_add(&table, 2, 20, true));
    OK(!ring_table_add(&table, 3, 30, true));
    EQ(desc[0].flags, RING_DESC_NEXT);
    EQ(desc[0].next, 1);
    EQ(desc[1].flags, RING_DESC_WRITE);
}

static void test_chain(void)
{
    struct fake fake;
    const struct ring_desc *desc;
    u32 length = 0;
    int cookie;

    fake_init(&fake, false);
    EQ(add(&fake, 3, 0, &cookie), 0);
    EQ(fake.ring.free_count, SIZE - 3);
    OK(ring_publish(&fake.ring));
    OK(!ring_publish(&fake.ring)); /* nothing new */
    EQ(fake_fetch(&fake), 1);
    desc = &fake.ring.desc[fake.heads[0]];
    for (unsigned i = 0; i < 3; i++) {
        EQ(desc->address, 0x1000 * (i + 1));
        EQ(desc->size, 100 + i);
        EQ((desc->flags & RING_DESC_WRITE) != 0, i > 0);
        EQ((desc->flags & RING_DESC_NEXT) != 0, i < 2);
        desc = &fake.ring.desc[desc->next % SIZE];
    }
    OK(ring_take(&fake.ring, &length) == NULL);
    fake_use(&fake, 0, 77);
    OK(ring_pending(&fake.ring));
    OK(ring_take(&fake.ring, &length) == &cookie);
    EQ(length, 77);
    EQ(fake.ring.free_count, SIZE);
    OK(!ring_pending(&fake.ring));
    fake_free(&fake);
}

static void test_indirect(void)
{
    struct fake fake;
    int cookie;

    fake_init(&fake, true);
    EQ(add(&fake, 5, 0xabc000, &cookie), 0);
    EQ(fake.ring.free_count, SIZE - 1);
    (void)ring_publish(&fake.ring);
    fake_fetch(&fake);
    EQ(fake.ring.desc[fake.heads[0]].flags, RING_DESC_INDIRECT);
    EQ(fake.ring.desc[fake.heads[0]].address, 0xabc000);
    EQ(fake.ring.desc[fake.heads[0]].size, 5 * 16);
    /* One buffer needs no table. */
    EQ(add(&fake, 1, 0xabc000, &cookie), 0);
    (void)ring_publish(&fake.ring);
    fake_fetch(&fake);
    EQ(fake.ring.desc[fake.heads[1]].address, 0x1000);
    fake_free(&fake);
}

static void test_full(void)
{
    struct fake fake;
    unsigned added = 0;
    u32 length;
    int cookies[SIZE + 1];

    fake_init(&fake, true);
    while (add(&fake, 3, 0, &cookies[added]) == 0) {
        added++;
    }
    EQ(added, SIZE / 3);
    EQ(add(&fake, 3, 0, &cookies[added]), -ENOSPC);
    EQ(add(&fake, 1, 0, &cookies[added]), 0); /* one is left */
    EQ(fake.ring.free_count, 0);
    EQ(add(&fake, 4, 0xabc000, &cookies[0]), -ENOSPC);
    (void)ring_publish(&fake.ring);
    EQ(fake_fetch(&fake), added + 1);
    while (fake.held > 0) {
        fake_use(&fake, fake.held / 2, 0);
    }
    for (unsigned i = 0; i <= added; i++) {
        OK(ring_take(&fake.ring, &length) != NULL);
    }
    EQ(fake.ring.free_count, SIZE);
    fake_free(&fake);
}

/* Chains of random lengths, answered in random order, over many turns of the indices. */
static void random_traffic(bool event_index)
{
    static u32 sent[70000];
    struct fake fake;
    u32 next = 0, taken = 0;

    fake_init(&fake, event_index);
    memset(sent, 0, sizeof(sent));
    while (taken < ARRAY_SIZE(sent)) {
        unsigned wanted = (unsigned)rnd_below(6);
        u32 *cookie;
        u32 length;

        while (wanted-- > 0 && next < ARRAY_SIZE(sent) &&
               add(&fake, 1 + (unsigned)rnd_below(4), rnd_below(2) * 0x5000, &sent[next]) == 0) {
            next++;
        }
        (void)ring_publish(&fake.ring);
        fake_fetch(&fake);
        for (u64 n = rnd_below(4); n > 0 && fake.held > 0; n--) {
            fake_use(&fake, (unsigned)rnd_below(fake.held), 1000 + (u32)taken % 7);
        }
        while ((cookie = ring_take(&fake.ring, &length)) != NULL) {
            OK(cookie >= sent && cookie < sent + next && *cookie == 0);
            *cookie = length;
            taken++;
        }
        if (!OK(!fake.ring.broken)) {
            break;
        }
    }
    EQ(fake.ring.free_count, SIZE);
    fake_free(&fake);
}

static void test_random(void)
{
    random_traffic(false);
    random_traffic(true);
}

static void test_notify_by_event(void)
{
    struct fake fake;
    int cookie;
    u32 length;

    fake_init(&fake, true);
    for (u32 i = 0; i < 70000; i++) {
        bool wants = rnd_below(2) == 0;
        u16 before = fake.ring.avail->index;

        /* It wants to hear of the next chain, or of one far away. */
        *(_Atomic u16 *)&fake.ring.used->ring[SIZE] = (u16)(wants ? before : before + 1000);
        EQ(add(&fake, 1, 0, &cookie), 0);
        if (!EQ(ring_publish(&fake.ring), wants)) {
            break;
        }
        fake_fetch(&fake);
        fake_use(&fake, 0, 0);
        OK(ring_take(&fake.ring, &length) == &cookie);
    }
    fake_free(&fake);
}

static void test_notify_by_flag(void)
{
    struct fake fake;
    int cookie;

    fake_init(&fake, false);
    fake.ring.used->flags = 1;
    EQ(add(&fake, 1, 0, &cookie), 0);
    OK(!ring_publish(&fake.ring));
    fake.ring.used->flags = 0;
    EQ(add(&fake, 1, 0, &cookie), 0);
    OK(ring_publish(&fake.ring));
    fake_free(&fake);
}

static void interrupts(bool event_index)
{
    struct fake fake;
    int cookie;
    u32 length;

    fake_init(&fake, event_index);
    for (u32 i = 0; i < 70000; i++) {
        bool on = rnd_below(2) == 0;
        u16 old = fake.used_next;

        EQ(add(&fake, 1, 0, &cookie), 0);
        EQ(add(&fake, 1, 0, &cookie), 0);
        (void)ring_publish(&fake.ring);
        fake_fetch(&fake);
        if (on) {
            OK(!ring_interrupts_on(&fake.ring));
        } else {
            ring_interrupts_off(&fake.ring);
        }
        fake_use(&fake, 0, 0);
        if (!EQ(fake_interrupts(&fake, old), on)) {
            break;
        }
        /* It came before the wish: the driver is told to look. */
        OK(ring_interrupts_on(&fake.ring));
        ring_interrupts_off(&fake.ring);
        old = fake.used_next;
        fake_use(&fake, 0, 0);
        OK(!fake_interrupts(&fake, old));
        OK(ring_take(&fake.ring, &length) != NULL);
        OK(ring_take(&fake.ring, &length) != NULL);
    }
    fake_free(&fake);
}

static void test_interrupts(void)
{
    interrupts(false);
    interrupts(true);
}

/* What a device must not do. */
static void broken_by(void (*act)(struct fake *fake))
{
    struct fake fake;
    int cookies[3];
    unsigned left = 0;
    u32 length;

    fake_init(&fake, true);
    for (unsigned i = 0; i < 3; i++) {
        EQ(add(&fake, 2, 0, &cookies[i]), 0);
    }
    (void)ring_publish(&fake.ring);
    fake_fetch(&fake);
    act(&fake);
    while (ring_take(&fake.ring, &length) != NULL) {
        left--;
    }
    OK(fake.ring.broken);
    EQ(add(&fake, 1, 0, &cookies[0]), -EIO);
    while (ring_abandon(&fake.ring) != NULL) {
        left++;
    }
    EQ(fake.ring.free_count, SIZE);
    OK((int)left >= 1 && left <= 3);
    fake_free(&fake);
}

static void bad_id(struct fake *fake)
{
    fake->heads[0] = 1000;
    fake_use(fake, 0, 0);
}

static void not_a_head(struct fake *fake)
{
    fake->heads[0] = (u16)(fake->heads[0] + 1);
    fake_use(fake, 0, 0);
}

static void twice(struct fake *fake)
{
    fake->heads[1] = fake->heads[0];
    fake_use(fake, 1, 0);
    fake_use(fake, 0, 0);
}

static void index_leaps(struct fake *fake)
{
    fake->ring.used->index = SIZE + 1;
}

static void test_broken(void)
{
    broken_by(bad_id);
    broken_by(not_a_head);
    broken_by(index_leaps);
    broken_by(twice);
}

int main(void)
{
    run("a table links its buffers", test_table);
    run("a chain goes out and comes back", test_chain);
    run("indirect tables", test_indirect);
    run("a full ring refuses", test_full);
    run("random traffic in any order", test_random);
    run("notifications by event index", test_notify_by_event);
    run("notifications by flag", test_notify_by_flag);
    run("interrupts are asked for and not", test_interrupts);
    run("a device that breaks the rules", test_broken);
    return finish();
}
