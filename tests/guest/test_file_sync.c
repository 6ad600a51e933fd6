/* SPDX-License-Identifier: MIT */
/*
 * Writing back while others write, beyond what cannot be written, and taking away
 * what somebody else has changed.
 */
#include "file_help.h"

#define PAGES 512u
#define ROUNDS 8u

static struct {
    struct test_file *file;
    _Atomic bool stop;
    u64 syncs;
    u64 bad; /* page that cannot be written */
} sync;

static int write_word(struct test_file *t, u64 at, u64 word, u64 bytes)
{
    static u8 data[PAGE_SIZE];
    struct iovec vec;
    struct io io;

    *(u64 *)data = word;
    io_init(&io, &vec, data, bytes, true);
    return page_cache_write(t->cache, &io, &at);
}

static void sync_often(void *arg)
{
    while (!atomic_load(&sync.stop)) {
        EQ(page_cache_sync(sync.file->cache, 0, ~0ull), 0);
        sync.syncs++;
        sched_yield();
    }
}

/* `bytes` at the start of each page, one after the other, each beyond the end. */
static void append_pages(struct test_file *t, u64 bytes)
{
    for (u64 i = 0; i < PAGES; i++) {
        EQ(write_word(t, i * PAGE_SIZE, i + 7, bytes), 0);
    }
}

/* All at once, but for the last page, of which there are no bytes: so they go in one by one. */
static void append_block(struct test_file *t)
{
    vaddr_t va = map_new(LARGE_SIZE, PROT_RW);
    struct iovec vec[2] = {{(void *)va, LARGE_SIZE - PAGE_SIZE},
                           {(void *)(va + LARGE_SIZE - PAGE_SIZE), PAGE_SIZE}};
    struct io io;
    u64 pos = 0;

    for (u64 i = 0; i < PAGES; i++) {
        *word_at(va + i * PAGE_SIZE) = i + 7;
    }
    EQ(aspace_unmap(va + LARGE_SIZE - PAGE_SIZE, PAGE_SIZE), 0);
    io_init_vec(&io, vec, 2, LARGE_SIZE);
    EQ(page_cache_write(t->cache, &io, &pos), -EFAULT);
    EQ(io.done, LARGE_SIZE - PAGE_SIZE);
    EQ(aspace_unmap(va, LARGE_SIZE - PAGE_SIZE), 0);
    EQ(write_word(t, LARGE_SIZE - PAGE_SIZE, PAGES + 6, 8), 0);
}

static void append_while_synced(u64 bytes)
{
    struct test_file *t = open_file(&disk_ops, 0, O_RDWR);
    struct thread *thread;
    u64 wrong = 0;

    sync.file = t;
    sync.stop = false;
    thread = kernel_thread_on(cpu_count() - 1, sync_often, NULL);
    append_pages(t, bytes);
    atomic_store(&sync.stop, true);
    thread_join(thread, NULL);
    EQ(page_cache_sync(t->cache, 0, ~0ull), 0);
    for (u64 i = 0; i < PAGES; i++) {
        wrong += t->word[i] != i + 7;
    }
    EQ(wrong, 0);
    close_file(t);
}

GUEST_TEST(file_appended_while_synced)
{
    struct memory_state before = state_with_files();

    sync.syncs = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        append_while_synced(8);
        append_while_synced(PAGE_SIZE);
    }
    guest_note("%lu syncs", sync.syncs);
    OK(memory_back(&before, 32));
}

/* Called for the page of a block that was not filled, when those before it are in place. */
static int sync_in_between(struct inode *inode, s64 pages)
{
    if (pages < 0 && !atomic_exchange(&sync.stop, true)) {
        EQ(page_cache_sync(test_file_of(inode)->cache, 0, ~0ull), 0);
    }
    return 0;
}

static const struct page_cache_ops synced_ops = {
    .read = disk_read, .write = disk_write, .reserve = sync_in_between};

GUEST_TEST(file_synced_before_it_is_longer)
{
    struct memory_state before = state_with_files();
    struct test_file *t = open_file(&synced_ops, 0, O_RDWR);
    u64 wrong = 0;

    sync.stop = false;
    append_block(t);
    OK(sync.stop);
    EQ(page_cache_sync(t->cache, 0, ~0ull), 0);
    for (u64 i = 0; i < PAGES; i++) {
        wrong += t->word[i] != i + 7;
    }
    EQ(wrong, 0);
    close_file(t);
    OK(memory_back(&before, 32));
}

static int write_but_one(struct inode *inode, u64 index, const pfn_t *frames, unsigned count,
                         u64 size)
{
    if (index <= sync.bad && sync.bad < index + count) {
        return -EIO;
    }
    return disk_write(inode, index, frames, count, size);
}

static const struct page_cache_ops bad_ops = {.read = disk_read, .write = write_but_one};

/* What follows a page that cannot be written is written; and that one later. */
GUEST_TEST(file_synced_past_errors)
{
    struct memory_state before = state_with_files();
    struct test_file *t = open_file(&bad_ops, 64 * PAGE_SIZE, O_RDWR);

    sync.bad = 3;
    for (u64 i = 1; i < 8; i += 2) {
        EQ(write_word(t, i * PAGE_SIZE, i + 1000, 8), 0);
    }
    EQ(page_cache_sync(t->cache, 0, ~0ull), -EIO);
    EQ(t->word[1], 1001);
    EQ(t->word[3], 10);
    EQ(t->word[5], 1005);
    EQ(t->word[7], 1007);
    sync.bad = ~0ull;
    EQ(page_cache_sync(t->cache, 0, ~0ull), 0);
    EQ(t->word[3], 1003);
    close_file(t);
    OK(memory_back(&before, 32));
}

/* Read into the cache while `word` changes: what was read is not served afterwards. */
static void read_slowly(void *arg)
{
    pfn_t frame;

    EQ(page_cache_get(sync.file->cache, 40, false, &frame), 0);
    frame_put(frame, ORDER_4K);
}

static u64 word_of(struct test_file *t, u64 index)
{
    u64 word = 0;
    pfn_t frame;

    if (EQ(page_cache_get(t->cache, index, false, &frame), 0)) {
        word = *(u64 *)pfn_to_virt(frame);
        frame_put(frame, ORDER_4K);
    }
    return word;
}

GUEST_TEST(file_dropped_while_read)
{
    struct memory_state before = state_with_files();
    struct test_file *t = open_file(&disk_ops, 64 * PAGE_SIZE, O_RDWR);
    struct thread *thread;
    pfn_t frame;

    /* Somebody copies from it. */
    EQ(page_cache_get(t->cache, 2, false, &frame), 0);
    t->word[2] = 99;
    EQ(page_cache_drop_clean(t->cache), 0);
    EQ(word_of(t, 2), 99);
    EQ(*(u64 *)pfn_to_virt(frame), 7);
    frame_put(frame, ORDER_4K);
    /* It is just being read. */
    EQ(page_cache_drop_clean(t->cache), 0);
    t->slow = 20 * NSEC_PER_MSEC;
    sync.file = t;
    thread = kernel_thread_on(cpu_count() - 1, read_slowly, NULL);
    while (page_cache_pages(t->cache) == 0) {
        sched_delay(NSEC_PER_MSEC);
    }
    EQ(page_cache_drop_clean(t->cache), 0);
    thread_join(thread, NULL);
    close_file(t);
    OK(memory_back(&before, 32));
}
