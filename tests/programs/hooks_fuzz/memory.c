/* SPDX-License-Identifier: MIT */
/* What Linux has: mapping, protecting and advising, beside the hooks. */
#include "fuzz.h"

#define RW (PROT_READ | PROT_WRITE)

static int any_prot(struct part *part)
{
    static const int prots[] = {RW, RW, RW, RW | PROT_EXEC, RW | PROT_EXEC, PROT_READ, PROT_NONE};

    return prots[any(part, 7)];
}

/* All of the part is memory that may be written to, again. */
static void repair(struct part *part)
{
    part->what = "repair";
    for (uint64_t i = 0; i < PAGES; i++) {
        if (part->place[i].backing != ANON || part->place[i].prot != RW) {
            bool keeps = part->place[i].backing == ANON;

            if (keeps) {
                need(part, mprotect(page_at(part, i), PAGE, RW), 0);
                part->place[i].prot = RW;
                continue;
            }
            need(part,
                 mmap(page_at(part, i), PAGE, RW, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
                     page_at(part, i),
                 0);
            model_map(part, i, 1, ANON, RW);
        }
    }
}

void map_anew(struct part *part)
{
    part->what = "mmap of all";
    need(part,
         mmap(part->at, PAGES * PAGE, RW, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
             part->at,
         0);
    model_map(part, 0, PAGES, ANON, RW);
}

static void call_mmap(struct part *part)
{
    uint64_t at = any_place(part), count = any_count(part, PAGES - at);
    enum backing backing = any(part, 4) != 0   ? ANON
                           : any(part, 2) != 0 ? FILE_SHARED
                                               : FILE_PRIVATE;
    int flags = MAP_FIXED | (backing == FILE_SHARED ? MAP_SHARED : MAP_PRIVATE);
    int prot = any_prot(part);

    part->what = "mmap";
    if (backing == ANON) {
        flags |= MAP_ANONYMOUS | (any(part, 4) == 0 ? MAP_POPULATE : 0);
    }
    need(part,
         mmap(page_at(part, at), count * PAGE, prot, flags, backing == ANON ? -1 : part->file,
              backing == ANON ? 0 : (off_t)(at * PAGE)) != page_at(part, at),
         0);
    model_map(part, at, count, backing, prot);
}

static void call_munmap(struct part *part)
{
    uint64_t at = any_place(part), count = 1 + any(part, 40);

    part->what = "munmap";
    count = at + count <= PAGES ? count : PAGES - at;
    need(part, munmap(page_at(part, at), count * PAGE), 0);
    model_unmap(part, at, count);
}

static void call_mprotect(struct part *part)
{
    uint64_t at = any_place(part), count = any_count(part, PAGES - at);
    int prot = any_prot(part);

    part->what = "mprotect";
    if (!all_mapped(part, at, count)) {
        return; /* what is before the hole changes or not */
    }
    need(part, mprotect(page_at(part, at), count * PAGE, prot), 0);
    for (uint64_t i = at; i < at + count; i++) {
        part->place[i].prot = (uint8_t)prot;
    }
}

/*
 * Pages that were written to after it are not lost; of others nothing is known, nor
 * whether an alias ends.
 */
static void call_free(struct part *part, uint64_t at, uint64_t count)
{
    part->what = "MADV_FREE";
    if (!all_mapped(part, at, count) || any_file(part, at, count) || any_shared(part, at, count)) {
        return;
    }
    need(part, madvise(page_at(part, at), count * PAGE, MADV_FREE), 0);
    stamp_pages(part, at, count);
    for (uint64_t i = at; i < at + count; i++) {
        if ((part->place[i].prot & PROT_WRITE) == 0) {
            need(part, madvise(page_at(part, i), PAGE, MADV_DONTNEED), 0);
            model_empty(part, i, 1);
        }
    }
}

static void call_madvise(struct part *part)
{
    static const int advice[] = {MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_WILLNEED, MADV_DONTNEED,
                                 MADV_DONTNEED};
    uint64_t at = any_place(part), count = any_count(part, PAGES - at), what = any(part, 6);

    part->what = "madvise";
    if (what == 5) {
        call_free(part, at, count);
        return;
    }
    need(part, madvise(page_at(part, at), count * PAGE, advice[what]),
         all_mapped(part, at, count) ? 0 : -1);
    if (advice[what] == MADV_DONTNEED) {
        model_empty(part, at, count); /* on Linux too beside the holes */
    } else if (advice[what] != MADV_WILLNEED) {
        for (uint64_t i = at; i < at + count; i++) {
            part->place[i].small = false; /* no promise */
        }
    }
}

/* One page, which is always of one mapping. */
static void call_mremap(struct part *part)
{
    uint64_t to = any(part, PAGES), from = any(part, PAGES);
    uint8_t prot = part->place[from].prot;
    bool clean = part->place[from].clean;

    part->what = "mremap";
    if (to == from || part->place[from].backing != ANON) {
        return;
    }
    need(part,
         mremap(page_at(part, from), PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
                page_at(part, to)) != page_at(part, to),
         0);
    model_map(part, to, 1, ANON, prot);
    model_move(part, to, from, 1, 0);
    part->place[to].clean = clean; /* as its bits move too */
    model_unmap(part, from, 1);
}

void call_memory(struct part *part)
{
    switch (any(part, 10)) {
    case 0:
        call_mmap(part);
        break;
    case 1:
        call_munmap(part);
        break;
    case 2:
    case 3:
        call_mprotect(part);
        break;
    case 4:
        call_mremap(part);
        break;
    case 5:
    case 6:
    case 7:
        call_madvise(part);
        break;
    default:
        repair(part);
    }
}
