/* SPDX-License-Identifier: MIT */
/*
 * The hooks on page sizes: advice to Linux, which knows 4 KiB and 2 MiB for
 * memory without a file, and keeps no count of what happens to a range.
 */
#include <errno.h>
#include <moka/large.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "linux_priv.h"

#define THREADS_MOST 64u
#define WINDOW_PAGES 512

/* 0; -ENOMEM: a hole. */
static int check_mapped(uintptr_t start, uint64_t size)
{
    return msync((void *)start, size, MS_ASYNC) == 0 ? 0 : -ENOMEM;
}

static int advise(uintptr_t start, uint64_t size, int advice)
{
    return madvise((void *)start, size, advice) == 0 ? 0 : -errno;
}

/* ---- Policies ---------------------------------------------------------------------------- */

static int refuse_large(uintptr_t start, uint64_t size)
{
    int error = advise(start, size, MADV_NOHUGEPAGE);
    int64_t split = error != 0 ? error : linux_large_split(start, size);

    return split < 0 ? (int)split : 0;
}

/* A mapping, or a part of one, whatever its protection. */
static int back_mapping(uintptr_t start, uint64_t size, int prot)
{
    int error = 0;

    if ((prot & PROT_WRITE) == 0 &&
        mprotect((void *)start, size, prot | PROT_READ | PROT_WRITE) != 0) {
        return -errno;
    }
    error = advise(start, size, MADV_POPULATE_WRITE);
    if (error == 0) {
        int64_t made = linux_large_join(start, size, 1);

        error = made < 0 ? (int)made : 0;
    }
    if ((prot & PROT_WRITE) == 0 && mprotect((void *)start, size, prot) != 0 && error == 0) {
        error = -errno;
    }
    return error;
}

/* Linux gives more than it has, and ends programs when that is used: so ask first. */
static int check_available(uintptr_t start, uint64_t size)
{
    int64_t present = linux_pages_count(start, start + size, LINUX_PAGE_PRESENT);

    if (present < 0) {
        return (int)present;
    }
    return size - (uint64_t)present * PAGE_SIZE > linux_memory_available() ? -ENOMEM : 0;
}

/* Private memory without a file, each window of one protection. */
static int check_kind(uintptr_t start, uint64_t size)
{
    struct linux_mapping mapping;
    int prot = 0;

    for (uintptr_t at = start; at < start + size; at = mapping.end) {
        if (linux_mapping_at(at, &mapping) != 0) {
            return -ENOMEM;
        }
        if (mapping.file || mapping.shared || (at % LARGE_SIZE != 0 && mapping.prot != prot)) {
            return -EINVAL;
        }
        prot = mapping.prot;
    }
    return 0;
}

static int require_large(uintptr_t start, uint64_t size)
{
    int error = check_kind(start, size);
    struct linux_mapping mapping;
    int64_t large;

    if (error == 0) {
        error = check_available(start, size);
    }
    if (error == 0) {
        error = advise(start, size, MADV_HUGEPAGE);
    }
    for (uintptr_t at = start; at < start + size && error == 0; at = mapping.end) {
        error = linux_mapping_at(at, &mapping);
        if (error == 0) {
            mapping.end = mapping.end < start + size ? mapping.end : start + size;
            error = back_mapping(at, mapping.end - at, mapping.prot);
        }
    }
    if (error != 0) {
        return error == -ENOMEM ? error : -EINVAL;
    }
    large = linux_pages_count(start, start + size, LINUX_PAGE_HUGE);
    return large < 0 ? (int)large : (uint64_t)large * PAGE_SIZE == size ? 0 : -ENOMEM;
}

static int policy(int range, void *start, uint64_t size, uint64_t page_size, unsigned policy)
{
    uintptr_t from = (uintptr_t)start;
    int error;

    if (policy > MOKA_LARGE_REQUIRE ||
        (policy != MOKA_LARGE_DEFAULT && page_size != MOKA_SIZE_2M && page_size != MOKA_SIZE_1G)) {
        return -EINVAL;
    }
    error = linux_range_check_pages(range, from, size);
    if (error == 0) {
        error = check_mapped(from, size);
    }
    if (error != 0) {
        return error;
    }
    switch (policy) {
    case MOKA_LARGE_REFUSE:
        return page_size == MOKA_SIZE_1G ? 0 : refuse_large(from, size);
    case MOKA_LARGE_REQUIRE:
        if (((from | size) & (page_size - 1)) != 0) {
            return -EINVAL;
        }
        return page_size == MOKA_SIZE_1G ? -EOPNOTSUPP : require_large(from, size);
    default:
        return advise(from, size, MADV_HUGEPAGE);
    }
}

/* ---- Populate and discard ------------------------------------------------------------------ */

struct part {
    pthread_t thread;
    uintptr_t start;
    uint64_t size;
    int error;
};

/* Each mapping in the way that its protection allows. */
static void *populate_part(void *arg)
{
    struct part *part = arg;
    uintptr_t at = part->start, end = at + part->size;
    struct linux_mapping mapping;

    while (at < end && part->error == 0) {
        part->error = linux_mapping_at(at, &mapping);
        if (part->error == 0) {
            uintptr_t to = mapping.end < end ? mapping.end : end;

            if (mapping.prot != PROT_NONE) {
                part->error = advise(at, to - at,
                                     (mapping.prot & PROT_WRITE) != 0 ? MADV_POPULATE_WRITE
                                                                      : MADV_POPULATE_READ);
            }
            at = to;
        }
    }
    return NULL;
}

/* By so many threads, the caller one of them. */
static int populate_by(uintptr_t start, uint64_t size, unsigned threads)
{
    struct part part[THREADS_MOST] = {{0}};
    uint64_t each = ALIGN_UP(size / threads, LARGE_SIZE);
    unsigned count = 0;
    int error = 0;

    for (uint64_t done = 0; done < size; done += each) {
        part[count++] =
            (struct part){.start = start + done, .size = size - done < each ? size - done : each};
    }
    for (unsigned i = 1; i < count; i++) {
        if (pthread_create(&part[i].thread, NULL, populate_part, &part[i]) != 0) {
            part[i].thread = 0;
            populate_part(&part[i]);
        }
    }
    populate_part(&part[0]);
    for (unsigned i = 0; i < count; i++) {
        if (i != 0 && part[i].thread != 0) {
            pthread_join(part[i].thread, NULL);
        }
        error = error != 0 ? error : part[i].error;
    }
    return error;
}

static int64_t populate(int range, void *start, uint64_t size, unsigned flags, unsigned threads)
{
    uintptr_t from = (uintptr_t)start;
    int error = linux_range_check_pages(range, from, size);
    int64_t before, after;

    if (error == 0 && (flags & ~MOKA_POPULATE_UNZEROED) != 0) {
        error = -EINVAL;
    }
    if (error == 0) {
        error = check_mapped(from, size);
    }
    before = error != 0 ? error : linux_pages_count(from, from + size, LINUX_PAGE_PRESENT);
    if (before < 0) {
        return before;
    }
    if (threads == 0) {
        threads = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    }
    error = populate_by(from, size, threads < THREADS_MOST ? threads : THREADS_MOST);
    after = error != 0 ? error : linux_pages_count(from, from + size, LINUX_PAGE_PRESENT);
    return after < 0 ? after : (after - before) * (int64_t)PAGE_SIZE;
}

/* Of one mapping. */
static int64_t discard_part(uintptr_t start, uint64_t size, const struct linux_mapping *mapping)
{
    int64_t present = 0;
    int error = 0;

    if (!mapping->shared || mapping->file) {
        present = linux_pages_count(start, start + size, LINUX_PAGE_PRESENT);
    }
    if (present > 0) {
        error = advise(start, size, MADV_DONTNEED);
    }
    return error != 0 ? error : present * (int64_t)PAGE_SIZE;
}

static int64_t discard(int range, void *start, uint64_t size)
{
    uintptr_t from = (uintptr_t)start;
    int64_t done = 0, part = linux_range_check_pages(range, from, size);
    struct linux_mapping mapping;

    if (part == 0) {
        part = check_mapped(from, size);
    }
    for (uintptr_t at = from; part >= 0 && at < from + size; at = mapping.end) {
        part = linux_mapping_at(at, &mapping);
        if (part == 0) {
            uint64_t left = from + size - at, here = mapping.end - at;

            part = discard_part(at, here < left ? here : left, &mapping);
            done += part;
        }
    }
    return part < 0 ? part : done;
}

/* ---- Promote and demote -------------------------------------------------------------------- */

static int64_t promote(int range, void *start, uint64_t size, uint64_t page_size)
{
    int error = linux_range_check_pages(range, (uintptr_t)start, size);
    int64_t made;

    if (error == 0 && page_size != MOKA_SIZE_2M) {
        error = page_size == MOKA_SIZE_1G ? -EOPNOTSUPP : -EINVAL;
    }
    if (error != 0) {
        return error;
    }
    made = linux_large_join((uintptr_t)start, size, 1);
    linux_range_count(range, made, 0);
    return made;
}

static int64_t demote(int range, void *start, uint64_t size, uint64_t page_size)
{
    int error = linux_range_check_pages(range, (uintptr_t)start, size);
    int64_t split;

    if (error == 0 && page_size != MOKA_SIZE_4K && page_size != MOKA_SIZE_2M) {
        error = -EINVAL;
    }
    if (error != 0 || page_size == MOKA_SIZE_2M) {
        return error;
    }
    split = linux_large_split((uintptr_t)start, size);
    linux_range_count(range, 0, split);
    return split;
}

/* ---- Statistics ---------------------------------------------------------------------------- */

static uint64_t mapped_bytes(uintptr_t start, uintptr_t end)
{
    struct linux_mapping mapping;
    uint64_t bytes = 0;

    for (uintptr_t at = start; at < end && linux_mapping_from(at, &mapping) == 0;
         at = mapping.end) {
        uintptr_t from = mapping.start > at ? mapping.start : at;
        uintptr_t to = mapping.end < end ? mapping.end : end;

        bytes += from < to ? to - from : 0;
    }
    return bytes;
}

static int stats(int range, struct moka_range_stats *stats)
{
    struct linux_range_about about = {0};
    int error = linux_range_get(range, &about);
    uintptr_t start = about.start, end = about.end;
    int64_t present, large, file;

    if (error != 0 || stats == NULL) {
        return error != 0 ? error : -EFAULT;
    }
    present = linux_pages_count(start, end, LINUX_PAGE_PRESENT);
    large = linux_pages_count(start, end, LINUX_PAGE_HUGE);
    file = linux_pages_count(start, end, LINUX_PAGE_FILE);
    if (present < 0 || large < 0 || file < 0) {
        return -EOPNOTSUPP;
    }
    memset(stats, 0, sizeof(*stats));
    stats->mapped = mapped_bytes(start, end);
    stats->bytes_4k = (uint64_t)(present - large) * PAGE_SIZE;
    stats->bytes_2m = (uint64_t)large * PAGE_SIZE;
    stats->bytes_file = (uint64_t)file * PAGE_SIZE;
    stats->promotions = about.promotions;
    stats->demotions = about.demotions;
    stats->page_sizes = MOKA_SIZE_4K | MOKA_SIZE_2M;
    return 0;
}

const struct moka_large_hooks linux_large_hooks = {
    .size = sizeof(linux_large_hooks),
    .policy = policy,
    .populate = populate,
    .promote = promote,
    .demote = demote,
    .discard = discard,
    .stats = stats,
};
