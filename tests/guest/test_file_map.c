/* SPDX-License-Identifier: MIT */
/* The page cache and mappings of files. */
#include "file_help.h"

#include "../../kernel/mm/aspace_priv.h"

GUEST_TEST(file_read_and_write)
{
    struct memory_state before = state_with_files();
    struct test_file *t = open_file(&memory_ops, 0, O_RDWR);
    static u8 out[3 * PAGE_SIZE], in[3 * PAGE_SIZE];
    struct iovec vec;
    struct io io;
    u64 pos = 100;

    for (unsigned i = 0; i < sizeof(out); i++) {
        out[i] = (u8)(i * 7 + i / 256);
    }
    io_init(&io, &vec, out, sizeof(out), true);
    EQ(page_cache_write(t->cache, &io, &pos), 0);
    EQ(pos, 100 + sizeof(out));
    EQ(t->inode.size, pos);
    EQ(page_cache_pages(t->cache), 4);
    EQ(t->reserved, 4);
    pos = 100;
    io_init(&io, &vec, in, sizeof(in), true);
    EQ(page_cache_read(t->cache, &io, &pos), 0);
    OK(memcmp(in, out, sizeof(in)) == 0);
    io_init(&io, &vec, in, sizeof(in), true);
    EQ(page_cache_read(t->cache, &io, &pos), 0);
    EQ(io.done, 0); /* the end */
    /* A hole reads as zeroes and costs nothing. */
    t->inode.size = MIB;
    pos = 512 * KIB + 5;
    io_init(&io, &vec, in, PAGE_SIZE, true);
    EQ(page_cache_read(t->cache, &io, &pos), 0);
    EQ(io.done, PAGE_SIZE);
    OK(memory_is_zero((vaddr_t)in, (vaddr_t)in + PAGE_SIZE));
    EQ(page_cache_pages(t->cache), 4);
    /* Truncation zeroes the rest of the page, growing again shows that. */
    set_size(t, 200);
    EQ(page_cache_pages(t->cache), 1);
    set_size(t, 400);
    pos = 190;
    io_init(&io, &vec, in, 100, true);
    EQ(page_cache_read(t->cache, &io, &pos), 0);
    OK(memcmp(in, out + 90, 10) == 0);
    OK(in[10] == 0 && in[99] == 0);
    /* No room. */
    t->room = t->reserved;
    pos = MIB;
    io_init(&io, &vec, out, sizeof(out), true);
    EQ(page_cache_write(t->cache, &io, &pos), -ENOSPC);
    EQ(io.done, 0);
    close_file(t);
    OK(memory_back(&before, 32));
}

GUEST_TEST(file_disk_reads_ahead)
{
    struct memory_state before = state_with_files();
    struct test_file *t = open_file(&disk_ops, 1000 * PAGE_SIZE, O_RDWR);
    vaddr_t va = map_file(t, 1000 * PAGE_SIZE, PROT_READ, 0, 0);
    u64 wrong = 0;

    for (u64 i = 0; i < 1000; i++) {
        wrong += *word_at(va + i * PAGE_SIZE) != i * 3 + 1;
    }
    EQ(wrong, 0);
    EQ(t->pages_read, 1000);
    OK(t->reads < 16);
    guest_note("%lu reads for 1000 pages", t->reads);
    /* Clean pages that nobody maps go, and come again. */
    EQ(aspace_unmap(va, 1000 * PAGE_SIZE), 0);
    OK(page_cache_drop_clean(t->cache) == 0);
    va = map_file(t, 1000 * PAGE_SIZE, PROT_READ, 0, 0);
    EQ(*word_at(va + 500 * PAGE_SIZE), 1501);
    OK(page_cache_drop_clean(t->cache) >= 1);
    EQ(*word_at(va + 500 * PAGE_SIZE), 1501);
    /* A bad page is one page's error, whatever was read with it.  What is read ahead still goes. */
    t->bad_page = 700;
    t->read_error = -EIO;
    EQ(page_cache_drop_clean(t->cache) > 0, true);
    EQ(aspace_fault(va + 699 * PAGE_SIZE, 0), 0);
    EQ(aspace_fault(va + 700 * PAGE_SIZE, 0), -EIO);
    EQ(aspace_unmap(va, 1000 * PAGE_SIZE), 0);
    close_file(t);
    OK(memory_back(&before, 32));
}

GUEST_TEST(file_private_copies)
{
    struct memory_state before = state_with_files();
    struct test_file *t = open_file(&disk_ops, 64 * PAGE_SIZE, O_RDONLY);
    vaddr_t a = map_file(t, 64 * PAGE_SIZE, PROT_RW, 0, 0);
    vaddr_t b = map_file(t, 32 * PAGE_SIZE, PROT_RW, 0, 32 * PAGE_SIZE);

    EQ(*word_at(a + 40 * PAGE_SIZE), 121);
    EQ(*word_at(b + 8 * PAGE_SIZE), 121);
    *word_at(a + 40 * PAGE_SIZE) = 5; /* was mapped */
    *word_at(b + 9 * PAGE_SIZE) = 6;
    *word_at(a + 63 * PAGE_SIZE) = 7;
    EQ(*word_at(a + 40 * PAGE_SIZE), 5);
    EQ(*word_at(b + 8 * PAGE_SIZE), 121);
    EQ(*word_at(a + 41 * PAGE_SIZE), 124);
    EQ(*word_at(b + 31 * PAGE_SIZE), 190);
    aspace_check();
    /* Protection in the middle splits, and the copies stay. */
    EQ(aspace_protect(a + 40 * PAGE_SIZE, PAGE_SIZE, PROT_READ), 0);
    EQ(aspace_fault(a + 40 * PAGE_SIZE, FAULT_WRITE | FAULT_PRESENT), -EFAULT);
    EQ(aspace_protect(a + 40 * PAGE_SIZE, PAGE_SIZE, PROT_RW), 0);
    EQ(*word_at(a + 40 * PAGE_SIZE), 5);
    *word_at(a + 40 * PAGE_SIZE) = 8;
    /* MADV_DONTNEED: what the file has. */
    EQ(aspace_discard(a + 40 * PAGE_SIZE, PAGE_SIZE), 0);
    EQ(*word_at(a + 40 * PAGE_SIZE), 121);
    /* Holes in it; both ends find their pages still. */
    EQ(aspace_unmap(a + 10 * PAGE_SIZE, 20 * PAGE_SIZE), 0);
    EQ(aspace_discard(a, 10 * PAGE_SIZE), 0);
    EQ(aspace_discard(a + 30 * PAGE_SIZE, 34 * PAGE_SIZE), 0);
    EQ(*word_at(a + 9 * PAGE_SIZE), 28);
    EQ(*word_at(a + 33 * PAGE_SIZE), 100);
    aspace_check();
    EQ(t->pages_written, 0);
    EQ(aspace_unmap(a, 64 * PAGE_SIZE), 0);
    EQ(aspace_unmap(b, 32 * PAGE_SIZE), 0);
    close_file(t);
    OK(memory_back(&before, 32));
}

GUEST_TEST(file_shared_is_written_back)
{
    struct memory_state before = state_with_files();
    struct test_file *t = open_file(&disk_ops, 64 * PAGE_SIZE, O_RDWR);
    vaddr_t a = map_file(t, 64 * PAGE_SIZE, PROT_RW, MAP_SHARE, 0);
    vaddr_t b = map_file(t, 64 * PAGE_SIZE, PROT_READ, MAP_SHARE, 0);

    EQ(*word_at(b + 3 * PAGE_SIZE), 10);
    *word_at(a + 3 * PAGE_SIZE) = 1000;
    EQ(*word_at(b + 3 * PAGE_SIZE), 1000);
    EQ(page_cache_sync(t->cache, 0, ~0ull), 0);
    EQ(t->pages_written, 1);
    EQ(t->word[3], 1000);
    EQ(page_cache_sync(t->cache, 0, ~0ull), 0);
    EQ(t->pages_written, 1);
    *word_at(a + 3 * PAGE_SIZE) = 1001; /* it was cleaned: dirty anew */
    *word_at(a + 4 * PAGE_SIZE) = 1002;
    EQ(page_cache_sync(t->cache, 0, ~0ull), 0);
    EQ(t->word[3], 1001);
    EQ(t->word[4], 1002);
    EQ(t->pages_written, 3);
    aspace_check();
    EQ(aspace_unmap(a, 64 * PAGE_SIZE), 0);
    EQ(aspace_unmap(b, 64 * PAGE_SIZE), 0);
    close_file(t);
    OK(memory_back(&before, 32));
}

GUEST_TEST(file_read_only_stays_so)
{
    struct test_file *t = open_file(&disk_ops, PAGE_SIZE, O_RDONLY);
    vaddr_t va = map_file(t, PAGE_SIZE, PROT_READ, MAP_SHARE, 0);

    EQ(aspace_protect(va, PAGE_SIZE, PROT_RW), -EACCES);
    EQ(aspace_unmap(va, PAGE_SIZE), 0);
    close_file(t);
}

GUEST_TEST(file_truncate_unmaps)
{
    struct memory_state before = state_with_files();
    struct test_file *t = open_file(&memory_ops, 64 * PAGE_SIZE, O_RDWR);
    vaddr_t a = map_file(t, 64 * PAGE_SIZE, PROT_RW, MAP_SHARE, 0);
    vaddr_t b = map_file(t, 64 * PAGE_SIZE, PROT_RW, 0, 0);

    stamp_pages(a, a + 64 * PAGE_SIZE, 1);
    *word_at(b + 40 * PAGE_SIZE) = 7; /* a copy */
    EQ(*word_at(b), *word_at(a));
    set_size(t, 8 * PAGE_SIZE + 16);
    EQ(aspace_fault(a + 9 * PAGE_SIZE, 0), -ENODATA);
    EQ(aspace_fault(b + 40 * PAGE_SIZE, 0), -ENODATA);
    OK(pages_stamped(a, a + 8 * PAGE_SIZE, 1));
    EQ(page_cache_pages(t->cache), 9);
    set_size(t, 64 * PAGE_SIZE);
    OK(memory_is_zero(a + 9 * PAGE_SIZE, a + 64 * PAGE_SIZE));
    OK(memory_is_zero(b + 40 * PAGE_SIZE, b + 41 * PAGE_SIZE));
    /* A hole: zeroes, but a private copy stays. */
    *word_at(b + 2 * PAGE_SIZE) = 9;
    EQ(page_cache_punch(t->cache, PAGE_SIZE, 4 * PAGE_SIZE + 8), 0);
    OK(memory_is_zero(a + PAGE_SIZE, a + 4 * PAGE_SIZE));
    EQ(*word_at(b + 2 * PAGE_SIZE), 9);
    OK(pages_stamped(a + 5 * PAGE_SIZE, a + 8 * PAGE_SIZE, 1));
    aspace_check();
    EQ(aspace_unmap(a, 64 * PAGE_SIZE), 0);
    EQ(aspace_unmap(b, 64 * PAGE_SIZE), 0);
    close_file(t);
    OK(memory_back(&before, 32));
}

/*
 * Faults on all CPUs against truncation, sync and eviction.  A reader must
 * find what it wrote or, after a truncation, zero: never another page's word.
 */
#define RACE_PAGES 1100u
static struct {
    vaddr_t va;
    struct test_file *file;
    _Atomic bool stop;
    _Atomic u64 wrong, touched, refused;
} race;

static void race_toucher(void *arg)
{
    u64 seed = (u64)arg;

    while (!atomic_load(&race.stop)) {
        vaddr_t va;
        u64 value;

        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        va = race.va + (seed >> 33) % RACE_PAGES * PAGE_SIZE;
        if ((seed >> 21) % 64 == 0) {
            sched_yield(); /* a kernel thread is not preempted */
        }
        if (user_read(&value, (const void *)va, 8) != 0) {
            atomic_fetch_add(&race.refused, 1);
            continue;
        }
        atomic_fetch_add(&race.touched, 1);
        if (value != 0 && value != va) {
            atomic_fetch_add(&race.wrong, 1);
        }
        if ((seed >> 20) % 2 == 0) {
            (void)!user_write((void *)va, &va, 8);
        }
    }
}

static void run_race(const struct page_cache_ops *ops)
{
    struct memory_state before = state_with_files();
    struct thread *thread[4];
    unsigned count = MIN(cpu_count() + 1, 4);
    nsec_t end = clock_now() + 300 * NSEC_PER_MSEC, limit = end + 20 * NSEC_PER_SEC;

    race.file = open_file(ops, RACE_PAGES * PAGE_SIZE, O_RDWR);
    memset(race.file->word, 0, sizeof(race.file->word));
    race.va = map_file(race.file, RACE_PAGES * PAGE_SIZE, PROT_RW, MAP_SHARE, 0);
    race.stop = false;
    race.wrong = race.touched = race.refused = 0;
    for (unsigned i = 0; i < count; i++) {
        thread[i] = kernel_thread_on(i % cpu_count(), race_toucher, (void *)(u64)(i + 1));
    }
    while (clock_now() < end || (atomic_load(&race.touched) == 0 && clock_now() < limit)) {
        u64 size = guest_random() % RACE_PAGES * PAGE_SIZE;

        set_size(race.file, size);
        memset(&race.file->word[size / PAGE_SIZE], 0, (RACE_PAGES * 8) - size / PAGE_SIZE * 8);
        sched_yield();
        set_size(race.file, RACE_PAGES * PAGE_SIZE);
        EQ(page_cache_punch(race.file->cache, size, size + 16 * PAGE_SIZE), 0);
        sched_yield();
        EQ(page_cache_sync(race.file->cache, 0, ~0ull), 0);
        (void)page_cache_drop_clean(race.file->cache);
        sched_yield();
    }
    atomic_store(&race.stop, true);
    for (unsigned i = 0; i < count; i++) {
        thread_join(thread[i], NULL);
    }
    guest_note("%lu touched, %lu beyond the end", race.touched, race.refused);
    EQ(race.wrong, 0);
    OK(race.touched > 0);
    aspace_check();
    EQ(aspace_unmap(race.va, RACE_PAGES * PAGE_SIZE), 0);
    close_file(race.file);
    OK(memory_back(&before, 32));
}

GUEST_TEST(file_truncate_against_faults)
{
    run_race(&memory_ops);
}

GUEST_TEST(file_sync_against_faults)
{
    run_race(&disk_ops);
}

/*
 * Three places of a file.  While the cache waits for the one in the middle, which is
 * busy, the upper one moves below the first one, where the walk has been.
 */
static struct {
    struct test_file *file;
    bool truncate;
    _Atomic bool done;
} walker;

static void walk_mappings(void *arg)
{
    if (walker.truncate) {
        set_size(walker.file, 0);
    } else {
        EQ(page_cache_sync(walker.file->cache, 0, ~0ull), 0);
    }
    atomic_store(&walker.done, true);
}

static vaddr_t map_at(vaddr_t va)
{
    EQ(aspace_map_file(va, 4 * PAGE_SIZE, PROT_RW, MAP_SHARE | MAP_PLACE_FIXED, walker.file->file,
                       0, &va),
       0);
    *word_at(va) = 1;
    return va;
}

static void move_past_walk(bool truncate)
{
    struct memory_state before = state_with_files();
    vaddr_t base = map_new(LARGE_SIZE, 0), low = base + 8 * PAGE_SIZE, middle, high;
    struct thread *thread;
    struct aspace_op op;

    walker.file = open_file(&disk_ops, 4 * PAGE_SIZE, O_RDWR);
    walker.truncate = truncate;
    walker.done = false;
    (void)map_at(base + 16 * PAGE_SIZE);
    middle = map_at(base + 32 * PAGE_SIZE);
    high = map_at(base + 48 * PAGE_SIZE);
    EQ(aspace_op_begin(&op, middle, 4 * PAGE_SIZE), 0);
    bool irq = aspace_op_lock(&op);

    aspace_op_claim(&op);
    aspace_write_unlock(irq);
    thread = kernel_thread_on(0, walk_mappings, NULL);
    sched_delay(20 * NSEC_PER_MSEC); /* it waits now */
    OK(!walker.done);
    EQ(aspace_move(high, 4 * PAGE_SIZE, 4 * PAGE_SIZE, MOVE_MAY | MOVE_FIXED, &low), 0);
    irq = aspace_write_lock();
    aspace_op_release(&op, irq);
    aspace_op_end(&op);
    thread_join(thread, NULL);
    if (truncate) {
        EQ(backed_by(low), 0);
    } else {
        *word_at(low) = 2;
        EQ(page_cache_sync(walker.file->cache, 0, ~0ull), 0);
        EQ(walker.file->word[0], 2);
    }
    EQ(aspace_unmap(base, LARGE_SIZE), 0);
    close_file(walker.file);
    OK(memory_back(&before, 32));
}

GUEST_TEST(file_moves_past_write_back)
{
    move_past_walk(false);
}

GUEST_TEST(file_moves_past_truncation)
{
    move_past_walk(true);
}
