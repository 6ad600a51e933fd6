/* SPDX-License-Identifier: MIT */
/*
 * Small files: read by windows of 2 MiB, mapped all around the fault, and
 * copied ahead where a private mapping would be by and by.
 */
#include "file_help.h"

#define WINDOW (LARGE_SIZE / PAGE_SIZE) /* pages */
#define PAGES (3 * WINDOW + 5)

/* The file must be a sixteenth of free memory at most. */
static bool is_small_machine(void)
{
    if (memory_free_frames() < 16 * PAGES + 2 * WINDOW) {
        guest_skip("needs 128 MiB");
        return true;
    }
    return false;
}

/* As of an image: nobody writes to it. */
static const struct page_cache_ops still_ops = {.read = disk_read};

static struct test_file *open_still(void)
{
    return open_file(&still_ops, PAGES * PAGE_SIZE, O_RDONLY);
}

static u64 word_of(struct test_file *t, u64 index)
{
    pfn_t frame;
    u64 word;

    EQ(page_cache_get(t->cache, index, false, &frame), 0);
    word = *(u64 *)pfn_to_virt(frame);
    frame_put(frame, ORDER_4K);
    return word;
}

GUEST_TEST(file_window_is_read_whole)
{
    struct memory_state before = state_with_files();
    struct test_file *t;

    if (is_small_machine()) {
        return;
    }
    t = open_still();
    EQ(word_of(t, WINDOW + 188), (WINDOW + 188) * 3 + 1);
    EQ(t->reads, 1);
    EQ(t->pages_read, WINDOW);
    EQ(word_of(t, WINDOW), WINDOW * 3 + 1);
    EQ(word_of(t, 2 * WINDOW - 1), (2 * WINDOW - 1) * 3 + 1);
    EQ(t->reads, 1);
    EQ(word_of(t, PAGES - 1), (PAGES - 1) * 3 + 1); /* the last window is short */
    EQ(t->reads, 2);
    EQ(t->pages_read, WINDOW + 5);
    /* Of a window that is there in part: what is missing around the place. */
    page_cache_forget(t->cache, (WINDOW + 10) * PAGE_SIZE, (WINDOW + 20) * PAGE_SIZE);
    EQ(word_of(t, WINDOW + 15), (WINDOW + 15) * 3 + 1);
    EQ(t->reads, 3);
    EQ(t->pages_read, WINDOW + 5 + 10);
    close_file(t);
    OK(memory_back(&before, 32));
}

/* From page 1 on, so that the cache's own frames do not fit. */
static vaddr_t map_skewed(struct test_file *t, unsigned prot)
{
    u64 size = (PAGES - 1) * PAGE_SIZE;
    vaddr_t va = place_for(size);

    EQ(aspace_map_file(va, size, prot, MAP_PLACE_FIXED, t->file, PAGE_SIZE, &va), 0);
    return va;
}

static u64 wrong_words(vaddr_t va, u64 pages)
{
    u64 wrong = 0;

    for (u64 i = 0; i < pages; i++) {
        wrong += *word_at(va + i * PAGE_SIZE) != (i + 1) * 3 + 1;
    }
    return wrong;
}

GUEST_TEST(file_window_of_its_own)
{
    struct memory_state before = state_with_files();
    struct test_file *t;
    vaddr_t va, other;
    u64 faults, reads;

    if (is_small_machine()) {
        return;
    }
    t = open_still();
    va = map_skewed(t, PROT_RW);
    other = map_skewed(t, PROT_READ);
    EQ(*word_at(va + LARGE_SIZE + 8 * PAGE_SIZE), (WINDOW + 9) * 3 + 1);
    EQ(backed_by(va), 0);
    EQ(backed_by(va + LARGE_SIZE), 2);
    EQ(backed_by(va + 2 * LARGE_SIZE), 2); /* and what follows */
    EQ(page_cache_pages(t->cache), 0);
    EQ(wrong_words(va, PAGES - 1), 0);
    EQ(backed_by(va + 3 * LARGE_SIZE), 1); /* the rest of a window: its pages only */
    EQ(t->reads, 3);
    EQ(t->pages_read, PAGES - 1);
    EQ(page_cache_pages(t->cache), 0);
    /* That was copied as a whole: to write to it takes no further fault. */
    faults = stats_now().faults;
    stamp_pages(va, va + (PAGES - 1) * PAGE_SIZE, 7);
    EQ(stats_now().faults, faults);
    EQ(wrong_words(other, PAGES - 1), 0);
    EQ(aspace_protect(va, LARGE_SIZE, PROT_READ), 0);
    OK(pages_stamped(va, va + (PAGES - 1) * PAGE_SIZE, 7));
    aspace_check();
    /* Only this page is the file's again. */
    reads = t->pages_read;
    EQ(aspace_discard(va + 9 * PAGE_SIZE, PAGE_SIZE), 0);
    EQ(*word_at(va + 9 * PAGE_SIZE), 10 * 3 + 1);
    OK(t->pages_read <= reads + 1);
    OK(pages_stamped(va, va + 9 * PAGE_SIZE, 7));
    OK(pages_stamped(va + 10 * PAGE_SIZE, va + LARGE_SIZE, 7));
    EQ(aspace_unmap(va, (PAGES - 1) * PAGE_SIZE), 0);
    EQ(aspace_unmap(other, (PAGES - 1) * PAGE_SIZE), 0);
    close_file(t);
    OK(memory_back(&before, 32));
}

/* Eviction leaves copies where they are; a file that is cut takes them along. */
GUEST_TEST(file_window_of_its_own_stays)
{
    struct memory_state before = state_with_files();
    struct test_file *t;
    vaddr_t va;

    if (is_small_machine()) {
        return;
    }
    t = open_still();
    va = map_skewed(t, PROT_RW);
    stamp_pages(va, va + LARGE_SIZE, 3);
    EQ(backed_by(va), 2);
    aspace_unmap_file(t->cache, 0, PAGES, false);
    EQ(backed_by(va), 2);
    OK(pages_stamped(va, va + LARGE_SIZE, 3));
    aspace_unmap_file(t->cache, 0, PAGES, true);
    EQ(backed_by(va), 0);
    EQ(wrong_words(va, PAGES - 1), 0);
    EQ(aspace_unmap(va, (PAGES - 1) * PAGE_SIZE), 0);
    close_file(t);
    OK(memory_back(&before, 32));
}

/* Of a file that may be written to, nobody gets copies before he needs them. */
GUEST_TEST(file_window_not_of_what_changes)
{
    struct memory_state before = state_with_files();
    struct test_file *t;
    vaddr_t va;

    if (is_small_machine()) {
        return;
    }
    t = open_file(&disk_ops, PAGES * PAGE_SIZE, O_RDWR);
    va = map_skewed(t, PROT_RW);
    EQ(wrong_words(va, PAGES - 1), 0);
    EQ(backed_by(va), 1);
    EQ(page_cache_pages(t->cache), PAGES);
    EQ(aspace_unmap(va, (PAGES - 1) * PAGE_SIZE), 0);
    close_file(t);
    OK(memory_back(&before, 32));
}

/* A page that cannot be read is its own trouble only. */
GUEST_TEST(file_window_bad_page)
{
    struct memory_state before = state_with_files();
    struct test_file *t;
    vaddr_t va;
    u64 word;

    if (is_small_machine()) {
        return;
    }
    t = open_still();
    t->read_error = -EIO;
    t->bad_page = 100;
    va = map_skewed(t, PROT_RW);
    EQ(user_read(&word, word_at(va + 5 * PAGE_SIZE), sizeof(word)), 0);
    EQ(word, 6 * 3 + 1);
    EQ(user_read(&word, word_at(va + 99 * PAGE_SIZE), sizeof(word)), -EFAULT);
    EQ(user_read(&word, word_at(va + LARGE_SIZE), sizeof(word)), 0);
    EQ(word, (WINDOW + 1) * 3 + 1);
    EQ(aspace_unmap(va, (PAGES - 1) * PAGE_SIZE), 0);
    close_file(t);
    OK(memory_back(&before, 32));
}

/* All of a window is mapped at its first fault, whose end is the region's. */
GUEST_TEST(file_window_is_mapped_whole)
{
    struct memory_state before = state_with_files();
    struct test_file *t;
    vaddr_t va;
    u64 resident;

    if (is_small_machine()) {
        return;
    }
    t = open_still();
    va = map_file(t, 100 * PAGE_SIZE, PROT_READ, 0, WINDOW * PAGE_SIZE + 50 * PAGE_SIZE);
    resident = stats_now().resident_4k;
    EQ(*word_at(va + 60 * PAGE_SIZE), (WINDOW + 110) * 3 + 1);
    EQ(stats_now().resident_4k, resident + 100);
    EQ(backed_by(va), 1);
    EQ(backed_by(va + 99 * PAGE_SIZE), 1);
    EQ(backed_by(va + 100 * PAGE_SIZE), 0);
    EQ(t->reads, 1);
    EQ(aspace_unmap(va, 100 * PAGE_SIZE), 0);
    close_file(t);
    OK(memory_back(&before, 32));
}

/* Of a file that is large the first window alone, and only if it is mapped. */
GUEST_TEST(file_window_first_of_a_large_file)
{
    const u64 size = 40ull << 20; /* more than is read by windows, however much memory there is */
    struct memory_state before = state_with_files();
    struct test_file *t;
    vaddr_t va;

    if (is_small_machine()) {
        return;
    }
    t = open_file(&still_ops, size, O_RDONLY);
    EQ(word_of(t, 0), 1); /* as read(2) of its beginning: the first pages only */
    OK(t->pages_read < WINDOW / 8);
    va = map_file(t, 2 * LARGE_SIZE, PROT_READ, MAP_SHARE, 0);
    EQ(*word_at(va + 300 * PAGE_SIZE), 301 * 3 - 2);
    EQ(t->pages_read, WINDOW);
    EQ(backed_by(va), 2);
    EQ(*word_at(va), 1);
    EQ(*word_at(va + LARGE_SIZE + 100 * PAGE_SIZE), (WINDOW + 100) * 3 + 1);
    EQ(backed_by(va + LARGE_SIZE + 100 * PAGE_SIZE), 1);
    OK(t->pages_read < WINDOW + WINDOW / 4);
    EQ(aspace_unmap(va, 2 * LARGE_SIZE), 0);
    close_file(t);
    OK(memory_back(&before, 32));
}

/* What is there of a small memory file is mapped at its first fault. */
GUEST_TEST(file_window_of_a_memory_file)
{
    struct memory_state before = state_with_files();
    struct test_file *t = open_file(&memory_ops, 200 * PAGE_SIZE, O_RDWR);
    vaddr_t va = map_file(t, 200 * PAGE_SIZE, PROT_RW, MAP_SHARE, 0);
    u64 resident, faults;

    stamp_pages(va, va + 100 * PAGE_SIZE, 3);
    EQ(aspace_unmap(va, 200 * PAGE_SIZE), 0);
    va = map_file(t, 200 * PAGE_SIZE, PROT_READ, 0, 0);
    resident = stats_now().resident_4k;
    faults = stats_now().faults;
    OK(pages_stamped(va, va + 100 * PAGE_SIZE, 3));
    EQ(stats_now().faults, faults + 1);
    EQ(stats_now().resident_4k, resident + 100);
    EQ(aspace_unmap(va, 200 * PAGE_SIZE), 0);
    close_file(t);
    OK(memory_back(&before, 32));
}

/* Text is on its way as soon as it is mapped; nobody has touched it. */
GUEST_TEST(file_window_text_is_read_ahead)
{
    struct memory_state before = state_with_files();
    nsec_t end = clock_now() + 20 * NSEC_PER_SEC;
    struct test_file *t;
    vaddr_t va;

    if (is_small_machine()) {
        return;
    }
    t = open_still();
    va = map_file(t, (PAGES - 1) * PAGE_SIZE, PROT_READ | PROT_EXEC, 0, PAGE_SIZE);
    while ((t->pages_read < PAGES || page_cache_pages(t->cache) < PAGES) && clock_now() < end) {
        sched_delay(NSEC_PER_MSEC);
    }
    EQ(t->pages_read, PAGES);
    EQ(t->reads_ahead, t->reads);
    EQ(page_cache_pages(t->cache), PAGES);
    EQ(aspace_unmap(va, (PAGES - 1) * PAGE_SIZE), 0);
    close_file(t);
    OK(memory_back(&before, 32));
}

/* Of the test below. */
static struct {
    vaddr_t va, other;
    _Atomic u64 wrong;
} shared;

/* Each CPU writes a word of its own into each page, and reads the other mapping, from its own
 * place. */
static void write_everywhere(void *number)
{
    u64 cpu = (u64)number, first = cpu * 397;

    for (u64 i = 0; i < PAGES - 1; i++) {
        u64 page = (first + i) % (PAGES - 1);

        *word_at(shared.va + page * PAGE_SIZE + 8 * (cpu + 1)) = page + cpu;
        if (*word_at(shared.other + page * PAGE_SIZE) != (page + 1) * 3 + 1) {
            atomic_fetch_add(&shared.wrong, 1);
        }
    }
}

static u64 wrong_marks(void)
{
    u64 wrong = 0;

    for (u64 page = 0; page < PAGES - 1; page++) {
        wrong += *word_at(shared.va + page * PAGE_SIZE) != (page + 1) * 3 + 1;
        for (u64 cpu = 0; cpu < cpu_count(); cpu++) {
            wrong += *word_at(shared.va + page * PAGE_SIZE + 8 * (cpu + 1)) != page + cpu;
        }
    }
    return wrong;
}

/* All CPUs fault in the same windows, by themselves and in the cache: no word is lost. */
GUEST_TEST(file_window_on_all_cpus)
{
    struct memory_state before = state_with_files();
    struct test_file *t;

    if (is_small_machine()) {
        return;
    }
    t = open_still();
    shared.wrong = 0;
    for (unsigned round = 0; round < 8; round++) {
        shared.va = map_skewed(t, PROT_RW);
        shared.other = round % 2 == 0 ? map_skewed(t, PROT_READ)
                                      : map_file(t, (PAGES - 1) * PAGE_SIZE, PROT_READ | PROT_EXEC,
                                                 0, PAGE_SIZE);
        run_on_all_cpus(write_everywhere);
        EQ(wrong_marks(), 0);
        EQ(aspace_unmap(shared.va, (PAGES - 1) * PAGE_SIZE), 0);
        EQ(aspace_unmap(shared.other, (PAGES - 1) * PAGE_SIZE), 0);
        page_cache_forget(t->cache, 0, PAGES * PAGE_SIZE);
    }
    EQ(shared.wrong, 0);
    close_file(t);
    OK(memory_back(&before, 64));
}

/* As much as was asked for, in requests that end with a window; what is there is not read again. */
GUEST_TEST(file_window_read_ahead)
{
    struct memory_state before = state_with_files();
    struct test_file *t;

    if (is_small_machine()) {
        return;
    }
    t = open_still();
    page_cache_read_ahead(t->cache, 3, WINDOW);
    EQ(t->reads, 2);
    EQ(t->pages_read, WINDOW);
    EQ(page_cache_pages(t->cache), WINDOW);
    page_cache_read_ahead(t->cache, 3, WINDOW);
    EQ(t->reads, 2);
    page_cache_forget(t->cache, 10 * PAGE_SIZE, 20 * PAGE_SIZE);
    page_cache_read_ahead(t->cache, 0, 10 * PAGES); /* no further than the file goes */
    EQ(t->reads, 2 + 2 + 1 + 2);                    /* before and between; three windows' rests */
    EQ(t->pages_read, PAGES + 10);
    EQ(page_cache_pages(t->cache), PAGES);
    EQ(word_of(t, 15), 15 * 3 + 1);
    EQ(word_of(t, PAGES - 1), (PAGES - 1) * 3 + 1);
    close_file(t);
    OK(memory_back(&before, 32));
}

GUEST_TEST(file_window_read_ahead_fails)
{
    struct memory_state before = state_with_files();
    struct test_file *t;

    if (is_small_machine()) {
        return;
    }
    t = open_still();
    t->read_error = -EIO;
    t->bad_page = WINDOW + 7;
    page_cache_read_ahead(t->cache, 0, PAGES);
    EQ(page_cache_pages(t->cache), WINDOW);
    EQ(t->reads, 2);
    t->read_error = 0;
    EQ(word_of(t, WINDOW + 7), (WINDOW + 7) * 3 + 1);
    close_file(t);
    OK(memory_back(&before, 32));
}

/* What was read ahead is copied and not read anew; the cache's own stays as it is. */
GUEST_TEST(file_window_of_its_own_from_cache)
{
    struct memory_state before = state_with_files();
    struct test_file *t;
    vaddr_t va;

    if (is_small_machine()) {
        return;
    }
    t = open_still();
    page_cache_read_ahead(t->cache, 0, 2 * WINDOW + 1);
    EQ(t->reads, 3);
    va = map_skewed(t, PROT_RW);
    EQ(*word_at(va + 8 * PAGE_SIZE), 9 * 3 + 1);
    EQ(backed_by(va), 2);
    EQ(backed_by(va + LARGE_SIZE), 2);
    EQ(wrong_words(va, PAGES - 1), 0);
    EQ(t->pages_read, 2 * WINDOW + 1 + WINDOW + 4); /* the third window, and the rest */
    stamp_pages(va, va + (PAGES - 1) * PAGE_SIZE, 7);
    EQ(word_of(t, 9), 9 * 3 + 1);
    EQ(word_of(t, 2 * WINDOW), 2 * WINDOW * 3 + 1);
    EQ(aspace_unmap(va, (PAGES - 1) * PAGE_SIZE), 0);
    close_file(t);
    OK(memory_back(&before, 32));
}
