/* SPDX-License-Identifier: MIT */
/*
 * Files whose pages lie in frames of 2 MiB: how they come to be, are mapped,
 * copied, cut and given back, and that what cannot be whole is still right.
 */
#include "file_help.h"

#define LARGE_PAGES (LARGE_SIZE / PAGE_SIZE)
#define FILE_SIZE (4 * LARGE_SIZE)

/* On a machine of 32 MiB there may be no free frame of 2 MiB. */
static bool is_small_machine(void)
{
    struct frame_stats stats;

    frame_get_stats(&stats);
    if (stats.total * PAGE_SIZE < 64 * MIB) {
        guest_skip("needs 64 MiB");
        return true;
    }
    return false;
}

/* Each page of a file that a test writes: its index. */
static u8 *new_buffer(u64 size)
{
    u8 *buffer = kmalloc(size);

    OK(buffer != NULL);
    return buffer;
}

static void write_pages(struct test_file *t, u64 first, u64 pages, u8 *buffer)
{
    u64 pos = first * PAGE_SIZE;
    struct iovec vec;
    struct io io;

    for (u64 i = 0; i < pages; i++) {
        memset(buffer + i * PAGE_SIZE, (int)((first + i) % 251), PAGE_SIZE);
        *(u64 *)(buffer + i * PAGE_SIZE) = first + i;
    }
    io_init(&io, &vec, buffer, pages * PAGE_SIZE, true);
    EQ(page_cache_write(t->cache, &io, &pos), 0);
    EQ(pos, (first + pages) * PAGE_SIZE);
}

static u64 wrong_pages(vaddr_t va, u64 first, u64 pages)
{
    u64 wrong = 0;

    for (u64 i = 0; i < pages; i++) {
        wrong += *word_at(va + i * PAGE_SIZE) != first + i;
        wrong += *(u8 *)(va + i * PAGE_SIZE + PAGE_SIZE - 1) != (first + i) % 251;
    }
    return wrong;
}

/* A memory file of FILE_SIZE, written `step` pages at a time. */
static struct test_file *written_file(u64 step)
{
    struct test_file *t = open_file(&memory_ops, 0, O_RDWR);
    u8 *buffer = new_buffer(step * PAGE_SIZE);

    for (u64 at = 0; at < FILE_SIZE / PAGE_SIZE; at += step) {
        write_pages(t, at, step, buffer);
    }
    kfree(buffer);
    EQ(page_cache_pages(t->cache), FILE_SIZE / PAGE_SIZE);
    EQ(t->reserved, FILE_SIZE / PAGE_SIZE);
    return t;
}

/* Mapped by 2 MiB at once or when all was moved together, whatever the writes were. */
static void check_written(u64 step)
{
    struct memory_state before;
    struct test_file *t;
    vaddr_t va;

    if (is_small_machine()) {
        return;
    }
    before = state_with_files();
    t = written_file(step);
    va = map_file(t, FILE_SIZE, PROT_RW, MAP_SHARE, 0);
    EQ(wrong_pages(va, 0, FILE_SIZE / PAGE_SIZE), 0);
    for (u64 at = 0; at < FILE_SIZE; at += LARGE_SIZE) {
        EQ(backed_by(va + at), 2);
    }
    *word_at(va + LARGE_SIZE) = 77;
    EQ(aspace_unmap(va, FILE_SIZE), 0);
    va = map_file(t, LARGE_SIZE, PROT_READ, MAP_SHARE, LARGE_SIZE);
    EQ(*word_at(va), 77);
    EQ(backed_by(va), 2);
    aspace_check();
    EQ(aspace_unmap(va, LARGE_SIZE), 0);
    close_file(t);
    OK(memory_back(&before, 32));
}

GUEST_TEST(file_large_by_large_writes)
{
    check_written(LARGE_PAGES);
}

GUEST_TEST(file_large_by_middling_writes)
{
    check_written(16);
}

GUEST_TEST(file_large_by_small_writes)
{
    check_written(1);
}

/* Several mappings of one file, as ZGC has them: one frame, seen everywhere. */
static void check_mapped_thrice(void)
{
    struct memory_state before = state_with_files();
    struct test_file *t = open_file(&memory_ops, FILE_SIZE, O_RDWR);
    vaddr_t va[3];

    for (unsigned i = 0; i < 3; i++) {
        va[i] = map_file(t, FILE_SIZE, PROT_RW, MAP_SHARE, 0);
    }
    for (u64 at = 0; at < FILE_SIZE; at += PAGE_SIZE) {
        *word_at(va[at / PAGE_SIZE % 3] + at) = at + 5;
    }
    for (unsigned i = 0; i < 3; i++) {
        u64 wrong = 0;

        for (u64 at = 0; at < FILE_SIZE; at += PAGE_SIZE) {
            wrong += *word_at(va[i] + at) != at + 5;
        }
        EQ(wrong, 0);
        EQ(backed_by(va[i] + LARGE_SIZE), 2);
    }
    /* A hole is punched for all; what is beside it stays. */
    EQ(page_cache_punch(t->cache, LARGE_SIZE, LARGE_SIZE + 64 * PAGE_SIZE), 0);
    for (unsigned i = 0; i < 3; i++) {
        EQ(*word_at(va[i] + LARGE_SIZE + 63 * PAGE_SIZE), 0);
        EQ(*word_at(va[i] + LARGE_SIZE + 64 * PAGE_SIZE), LARGE_SIZE + 64 * PAGE_SIZE + 5);
    }
    aspace_check();
    for (unsigned i = 0; i < 3; i++) {
        EQ(aspace_unmap(va[i], FILE_SIZE), 0);
    }
    EQ(t->reserved, page_cache_pages(t->cache));
    close_file(t);
    OK(memory_back(&before, 32));
}

/* The file's FILE_SIZE bytes, where one lock covers them. */
static vaddr_t map_in_group(struct test_file *t)
{
    vaddr_t va = place_for(FILE_SIZE);

    EQ(aspace_map_file(va, FILE_SIZE, PROT_RW, MAP_PLACE_FIXED | MAP_SHARE, t->file, 0, &va), 0);
    return va;
}

/* How many faults it takes to touch the windows, one bit for each. */
static u64 faults_of(vaddr_t va, unsigned windows)
{
    u64 before = stats_now().faults;

    for (unsigned i = 0; i < FILE_SIZE / LARGE_SIZE; i++) {
        if (windows & 1u << i) {
            (*word_at(va + i * LARGE_SIZE))++;
        }
    }
    return stats_now().faults - before;
}

/* What a memory file has is mapped around the first touch of another address of it. */
GUEST_TEST(file_large_around_the_first_touch)
{
    struct memory_state before;
    struct test_file *t;
    vaddr_t one, two, three;

    if (is_small_machine()) {
        return;
    }
    before = state_with_files();
    t = open_file(&memory_ops, FILE_SIZE, O_RDWR);
    one = map_in_group(t);
    two = map_in_group(t);
    three = map_in_group(t);
    EQ(faults_of(three, 4), 1);
    EQ(backed_by(three + LARGE_SIZE), 0); /* nothing is made for it */
    EQ(backed_by(three + 3 * LARGE_SIZE), 0);
    OK(faults_of(one, 15) <= 4);
    EQ(faults_of(two, 4), 1);
    EQ(faults_of(two, 15), 0);
    /* Around the window that is there already. */
    EQ(faults_of(three, 2), 1);
    EQ(backed_by(three + 3 * LARGE_SIZE), 0);
    EQ(faults_of(three, 15), 1);
    for (unsigned i = 0; i < FILE_SIZE / LARGE_SIZE; i++) {
        EQ(backed_by(two + i * LARGE_SIZE), 2);
        EQ(backed_by(three + i * LARGE_SIZE), 2);
        EQ(*word_at(one + i * LARGE_SIZE), *word_at(three + i * LARGE_SIZE));
    }
    EQ(*word_at(two + LARGE_SIZE), 4);
    EQ(*word_at(two + 3 * LARGE_SIZE), 3);
    aspace_check();
    EQ(aspace_unmap(one, FILE_SIZE), 0);
    EQ(aspace_unmap(two, FILE_SIZE), 0);
    EQ(aspace_unmap(three, FILE_SIZE), 0);
    close_file(t);
    OK(memory_back(&before, 32));
}

/* Read from a disk in large parts, mapped as one, and split by the first copy. */
static void check_private(void)
{
    struct memory_state before = state_with_files();
    struct test_file *t = open_file(&disk_ops, DISK_PAGES * PAGE_SIZE, O_RDONLY);
    vaddr_t va = map_file(t, DISK_PAGES * PAGE_SIZE, PROT_READ, 0, 0);
    vaddr_t at = va + 5 * LARGE_SIZE + 7 * PAGE_SIZE;
    u64 wrong = 0;

    for (u64 i = 0; i < DISK_PAGES; i++) {
        wrong += *word_at(va + i * PAGE_SIZE) != i * 3 + 1;
    }
    EQ(wrong, 0);
    EQ(t->pages_read, DISK_PAGES);
    OK(t->reads < 16);
    EQ(backed_by(at), 2);
    EQ(aspace_protect(va, DISK_PAGES * PAGE_SIZE, PROT_RW), 0);
    *word_at(at) = 5;
    EQ(backed_by(at), 1);
    EQ(*word_at(at), 5);
    EQ(*word_at(at + PAGE_SIZE), (5 * LARGE_PAGES + 8) * 3 + 1);
    EQ(*word_at(va + 6 * LARGE_SIZE), 6 * LARGE_PAGES * 3 + 1);
    aspace_check();
    EQ(aspace_discard(at, PAGE_SIZE), 0);
    EQ(*word_at(at), (5 * LARGE_PAGES + 7) * 3 + 1);
    EQ(aspace_unmap(va, DISK_PAGES * PAGE_SIZE), 0);
    EQ(page_cache_drop_clean(t->cache), 0);
    close_file(t);
    OK(memory_back(&before, 32));
}

/* Of a file that is written back, one store must not make 512 pages dirty. */
GUEST_TEST(file_large_not_where_dirty_counts)
{
    struct memory_state before = state_with_files();
    struct test_file *t = open_file(&disk_ops, DISK_PAGES * PAGE_SIZE, O_RDWR);
    vaddr_t va;

    page_cache_will_need(t->cache, 0, DISK_PAGES);
    va = map_file(t, DISK_PAGES * PAGE_SIZE, PROT_RW, MAP_SHARE, 0);
    *word_at(va + LARGE_SIZE) = 9;
    EQ(backed_by(va + LARGE_SIZE), 1);
    EQ(page_cache_sync(t->cache, 0, ~0ull), 0);
    EQ(t->pages_written, 1);
    EQ(t->word[LARGE_PAGES], 9);
    EQ(aspace_unmap(va, DISK_PAGES * PAGE_SIZE), 0);
    close_file(t);
    OK(memory_back(&before, 32));
}

/* A part of a large frame is cut off: that part is free, the rest is right. */
static void check_cut(void)
{
    struct memory_state before = state_with_files();
    struct test_file *t = written_file(LARGE_PAGES);
    vaddr_t va = map_file(t, FILE_SIZE, PROT_READ, MAP_SHARE, 0);
    u64 left = LARGE_PAGES + 100;

    EQ(wrong_pages(va, 0, FILE_SIZE / PAGE_SIZE), 0);
    set_size(t, left * PAGE_SIZE);
    EQ(page_cache_pages(t->cache), left);
    EQ(t->reserved, (s64)left);
    EQ(aspace_fault(va + left * PAGE_SIZE, 0), -ENODATA);
    EQ(wrong_pages(va, 0, left), 0);
    EQ(backed_by(va), 2);
    EQ(backed_by(va + LARGE_SIZE), 1);
    aspace_check();
    EQ(aspace_unmap(va, FILE_SIZE), 0);
    close_file(t);
    OK(memory_back(&before, 32));
}

/* The place in memory follows the place in the file. */
static void check_place(void)
{
    struct memory_state before = state_with_files();
    struct test_file *t = written_file(LARGE_PAGES);
    vaddr_t va = map_file(t, FILE_SIZE - 3 * PAGE_SIZE, PROT_READ, MAP_SHARE, 3 * PAGE_SIZE);

    EQ(va % LARGE_SIZE, 3 * PAGE_SIZE);
    EQ(wrong_pages(va, 3, FILE_SIZE / PAGE_SIZE - 3), 0);
    EQ(backed_by(va), 1);
    EQ(backed_by(va + LARGE_SIZE), 2);
    EQ(aspace_unmap(va, FILE_SIZE - 3 * PAGE_SIZE), 0);
    close_file(t);
    OK(memory_back(&before, 32));
}

/* No room for a large block is no reason to refuse a page. */
GUEST_TEST(file_large_no_room)
{
    struct memory_state before = state_with_files();
    struct test_file *t = open_file(&memory_ops, 0, O_RDWR);
    u8 *buffer = new_buffer(LARGE_SIZE);
    struct iovec vec;
    struct io io;
    u64 pos = 0;

    t->room = 300;
    io_init(&io, &vec, buffer, LARGE_SIZE, true);
    EQ(page_cache_write(t->cache, &io, &pos), -ENOSPC);
    EQ(io.done, 300 * PAGE_SIZE);
    EQ(t->inode.size, 300 * PAGE_SIZE);
    EQ(t->reserved, 300);
    kfree(buffer);
    close_file(t);
    OK(memory_back(&before, 32));
}

/* A buffer that ends too soon: what can be read of it is written. */
GUEST_TEST(file_large_bad_buffer)
{
    struct memory_state before = state_with_files();
    struct test_file *t = open_file(&memory_ops, 0, O_RDWR);
    vaddr_t va = map_new(FILE_SIZE, PROT_RW);
    struct iovec vec;
    struct io io;
    u64 pos = 0;

    memset((void *)va, 7, FILE_SIZE);
    EQ(aspace_unmap(va + 777 * PAGE_SIZE, FILE_SIZE - 777 * PAGE_SIZE), 0);
    io_init(&io, &vec, (void *)va, FILE_SIZE, false);
    EQ(page_cache_write(t->cache, &io, &pos), -EFAULT);
    EQ(io.done, 777 * PAGE_SIZE);
    EQ(page_cache_pages(t->cache), 777);
    EQ(t->reserved, 777);
    EQ(aspace_unmap(va, 777 * PAGE_SIZE), 0);
    close_file(t);
    OK(memory_back(&before, 32));
}

/* Reads the pages by read(2); how many could be, and all are right. */
static u64 read_through(struct test_file *t, u64 pages)
{
    u64 pos = 0, wrong = 0;
    static u8 page[PAGE_SIZE];

    while (pos < pages * PAGE_SIZE) {
        u64 index = pos / PAGE_SIZE;
        struct iovec vec;
        struct io io;

        io_init(&io, &vec, page, PAGE_SIZE, true);
        if (page_cache_read(t->cache, &io, &pos) != 0) {
            EQ(io.done, 0);
            break;
        }
        wrong += *(u64 *)page != index * 3 + 1;
    }
    EQ(wrong, 0);
    return pos / PAGE_SIZE;
}

/* Whether another thread has read what comes next, or there was no memory for that. */
static bool read_ahead(void)
{
    struct test_file *t = open_file(&disk_ops, DISK_PAGES * PAGE_SIZE, O_RDONLY);
    bool ahead;

    t->slow = NSEC_PER_MSEC;
    EQ(read_through(t, DISK_PAGES), DISK_PAGES);
    EQ(t->pages_read, DISK_PAGES);
    guest_note("%lu of %lu reads were ahead", t->reads_ahead, t->reads);
    ahead = t->reads_ahead > 3 || page_cache_pages(t->cache) < DISK_PAGES;
    close_file(t);
    return ahead;
}

/* Each page once; and ahead, unless the host keeps the other thread from running each time. */
GUEST_TEST(file_ahead_reads_once)
{
    struct memory_state before = state_with_files();
    bool ahead = false;

    for (unsigned i = 0; i < 20 && !ahead && !guest_failed(); i++) {
        ahead = read_ahead();
    }
    OK(ahead);
    OK(memory_back(&before, 32));
}

/* What is read ahead and fails is an error for who comes to that page, and not before. */
GUEST_TEST(file_ahead_fails)
{
    struct memory_state before = state_with_files();
    struct test_file *t = open_file(&disk_ops, DISK_PAGES * PAGE_SIZE, O_RDONLY);
    vaddr_t va = map_file(t, DISK_PAGES * PAGE_SIZE, PROT_READ, MAP_SHARE, 0);
    u64 wrong = 0;

    t->read_error = -EIO;
    t->bad_page = 3000;
    EQ(read_through(t, DISK_PAGES), 3000);
    for (u64 i = 0; i < 3000; i++) {
        wrong += *word_at(va + i * PAGE_SIZE) != i * 3 + 1;
    }
    EQ(wrong, 0);
    EQ(aspace_fault(va + 3000 * PAGE_SIZE, 0), -EIO);
    t->read_error = 0;
    EQ(aspace_fault(va + 3000 * PAGE_SIZE, 0), 0);
    EQ(read_through(t, DISK_PAGES), DISK_PAGES);
    EQ(aspace_unmap(va, DISK_PAGES * PAGE_SIZE), 0);
    close_file(t);
    OK(memory_back(&before, 32));
}

/* A file that goes away while it is being read. */
GUEST_TEST(file_ahead_and_gone)
{
    struct memory_state before = state_with_files();

    for (u64 pages = 400; pages < DISK_PAGES; pages += 111) {
        struct test_file *t = open_file(&disk_ops, DISK_PAGES * PAGE_SIZE, O_RDONLY);

        t->slow = 100 * NSEC_PER_USEC;
        EQ(read_through(t, pages), pages);
        close_file(t);
    }
    OK(memory_back(&before, 32));
}

/* ---- Those that need frames of 2 MiB -------------------------------------------------- */

static void unless_small(void (*check)(void))
{
    if (!is_small_machine()) {
        check();
    }
}

GUEST_TEST(file_large_mapped_thrice)
{
    unless_small(check_mapped_thrice);
}

GUEST_TEST(file_large_private)
{
    unless_small(check_private);
}

GUEST_TEST(file_large_cut)
{
    unless_small(check_cut);
}

GUEST_TEST(file_large_place)
{
    unless_small(check_place);
}
