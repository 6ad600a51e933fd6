/* SPDX-License-Identifier: MIT */
/*
 * Memory is short: whatever files hold of it gives way, in the right order and
 * without a word lost; and dirty pages are written back by themselves.
 */
#include "file_help.h"

#define LEFT (8 * MIB)

/* At the start of each block that is taken. */
struct block {
    struct list link;
    unsigned order;
};
static struct list taken;

static u64 free_memory(void)
{
    struct frame_stats stats;

    frame_get_stats(&stats);
    return stats.free * PAGE_SIZE;
}

static bool take_block(unsigned order)
{
    struct block *block;
    pfn_t pfn;

    if (frame_alloc(order, 0, &pfn) != 0) {
        return false;
    }
    block = pfn_to_virt(pfn);
    block->order = order;
    list_push_back(&taken, &block->link);
    return true;
}

/* Takes memory until `left` bytes are free, in large blocks as long as there are any. */
static void take_memory(u64 left)
{
    list_init(&taken);
    for (unsigned order = FRAME_ORDERS; order-- > 0;) {
        while (free_memory() >= left + (PAGE_SIZE << order) && take_block(order)) {
        }
    }
}

static void give_memory(void)
{
    while (!list_empty(&taken)) {
        struct block *block = container_of(taken.next, struct block, link);

        list_remove(&block->link);
        frame_free(virt_to_phys(block) >> PAGE_SHIFT, block->order);
    }
}

static u64 wrong_words(vaddr_t va, u64 pages)
{
    u64 wrong = 0;

    for (u64 i = 0; i < pages; i++) {
        wrong += *word_at(va + i * PAGE_SIZE) != i * 3 + 1;
    }
    return wrong;
}

/* Pages of a file give way when there are no frames, and nothing else fails. */
GUEST_TEST(file_evicted_under_pressure)
{
    struct memory_state before = state_with_files();
    struct test_file *t = open_file(&disk_ops, 2000 * PAGE_SIZE, O_RDONLY);
    u64 count = 0;
    vaddr_t va;

    page_cache_will_need(t->cache, 0, 2000);
    EQ(page_cache_pages(t->cache), 2000);
    take_memory(LEFT);
    while (page_cache_pages(t->cache) > 100 && take_block(0)) {
        count++;
    }
    OK(page_cache_pages(t->cache) <= 100);
    guest_note("%lu frames taken, and much before", count);
    give_memory();
    va = map_file(t, 2000 * PAGE_SIZE, PROT_READ, 0, 0);
    EQ(wrong_words(va, 2000), 0);
    EQ(aspace_unmap(va, 2000 * PAGE_SIZE), 0);
    close_file(t);
    OK(memory_back(&before, 32));
}

/* A mapped file that is larger than what is left can be read from end to end. */
GUEST_TEST(file_pressure_on_mapped)
{
    struct memory_state before = state_with_files();
    struct test_file *t = open_file(&disk_ops, DISK_PAGES * PAGE_SIZE, O_RDONLY);
    vaddr_t va = map_file(t, DISK_PAGES * PAGE_SIZE, PROT_READ, MAP_SHARE, 0);

    take_memory(LEFT);
    EQ(wrong_words(va, DISK_PAGES), 0);
    EQ(wrong_words(va, DISK_PAGES), 0);
    OK(t->pages_read > DISK_PAGES);
    guest_note("%lu pages read for %u, twice", t->pages_read, DISK_PAGES);
    give_memory();
    aspace_check();
    EQ(aspace_unmap(va, DISK_PAGES * PAGE_SIZE), 0);
    close_file(t);
    OK(memory_back(&before, 32));
}

/* Dirty pages are written back to make room, by mapping and by write(2). */
GUEST_TEST(file_pressure_on_dirty)
{
    struct memory_state before = state_with_files();
    struct test_file *t = open_file(&disk_ops, DISK_PAGES * PAGE_SIZE, O_RDWR);
    vaddr_t va = map_file(t, DISK_PAGES * PAGE_SIZE, PROT_RW, MAP_SHARE, 0);
    static u8 page[PAGE_SIZE];
    u64 wrong = 0;

    take_memory(LEFT);
    for (u64 i = 0; i < DISK_PAGES; i += 2) {
        struct iovec vec;
        struct io io;
        u64 pos = (i + 1) * PAGE_SIZE;

        *word_at(va + i * PAGE_SIZE) = i + 7;
        *(u64 *)page = i + 8;
        io_init(&io, &vec, page, PAGE_SIZE, true);
        EQ(page_cache_write(t->cache, &io, &pos), 0);
    }
    give_memory();
    EQ(page_cache_sync(t->cache, 0, ~0ull), 0);
    for (u64 i = 0; i < DISK_PAGES; i++) {
        wrong += t->word[i] != i + 7;
    }
    EQ(wrong, 0);
    EQ(aspace_unmap(va, DISK_PAGES * PAGE_SIZE), 0);
    close_file(t);
    OK(memory_back(&before, 32));
}

/* Anonymous memory takes what a mapped file holds. */
GUEST_TEST(file_pressure_by_anonymous)
{
    struct memory_state before = state_with_files();
    struct test_file *t = open_file(&disk_ops, 1600 * PAGE_SIZE, O_RDONLY);
    vaddr_t va = map_file(t, 1600 * PAGE_SIZE, PROT_READ, MAP_SHARE, 0);
    vaddr_t anonymous = map_new(4 * MIB, PROT_RW);

    EQ(wrong_words(va, 1600), 0);
    take_memory(64 * PAGE_SIZE);
    stamp_pages(anonymous, anonymous + 4 * MIB, 3);
    OK(pages_stamped(anonymous, anonymous + 4 * MIB, 3));
    OK(page_cache_pages(t->cache) < 1600);
    give_memory();
    EQ(wrong_words(va, 1600), 0);
    EQ(aspace_unmap(anonymous, 4 * MIB), 0);
    EQ(aspace_unmap(va, 1600 * PAGE_SIZE), 0);
    close_file(t);
    OK(memory_back(&before, 32));
}

GUEST_TEST(file_written_back_by_age)
{
    struct memory_state before = state_with_files();
    struct test_file *t = open_file(&disk_ops, 64 * PAGE_SIZE, O_RDWR);
    vaddr_t va = map_file(t, 64 * PAGE_SIZE, PROT_RW, MAP_SHARE, 0);
    nsec_t start;

    page_cache_set_write_back(20 * NSEC_PER_MSEC, 100 * NSEC_PER_MSEC);
    sched_delay(30 * NSEC_PER_MSEC);
    start = clock_now();
    *word_at(va + 5 * PAGE_SIZE) = 99;
    while (t->pages_written == 0 && clock_now() - start < 20 * NSEC_PER_SEC) {
        sched_delay(5 * NSEC_PER_MSEC);
    }
    EQ(t->pages_written, 1);
    EQ(t->word[5], 99);
    OK(clock_now() - start >= 100 * NSEC_PER_MSEC);
    page_cache_set_write_back(0, 0);
    EQ(aspace_unmap(va, 64 * PAGE_SIZE), 0);
    close_file(t);
    OK(memory_back(&before, 32));
}
