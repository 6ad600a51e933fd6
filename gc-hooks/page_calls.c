/* SPDX-License-Identifier: MIT */
/*
 * The hooks on page tables, as gc-hooks/include/moka/page.h says: arguments
 * are checked here, the work is the address space's.
 */
#include <kernel/aspace.h>
#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/pagetable.h>
#include <kernel/string.h>
#include <kernel/syscall.h>
#include <kernel/uaccess.h>

#include "range_priv.h"

#define MOKA_KERNEL
#include <moka/page.h>

#define SCAN_FLAGS \
    (MOKA_SCAN_PRESENT | MOKA_SCAN_DIRTY | MOKA_SCAN_ACCESSED | MOKA_SCAN_LARGE | MOKA_SCAN_CLEAR)
_Static_assert(MOKA_SCAN_PRESENT == SCAN_PRESENT && MOKA_SCAN_DIRTY == SCAN_DIRTY &&
                   MOKA_SCAN_ACCESSED == SCAN_ACCESSED && MOKA_SCAN_LARGE == SCAN_LARGE,
               "the flags of a scan go on as they are");
_Static_assert(MOKA_PAGE_READ == PROT_READ && MOKA_PAGE_WRITE == PROT_WRITE &&
                   MOKA_PAGE_EXEC == PROT_EXEC,
               "a protection goes on as it is");

static u32 flags_of(const struct aspace_page *page)
{
    u32 flags = page->prot;

    flags |= page->file ? MOKA_PAGE_FILE : 0;
    if (page->size == 0) {
        return flags | (page->file ? 0 : MOKA_PAGE_ZERO);
    }
    flags |= page->dirty ? MOKA_PAGE_DIRTY : 0;
    flags |= page->accessed ? MOKA_PAGE_ACCESSED : 0;
    flags |= page->write ? MOKA_PAGE_WRITABLE : 0;
    return flags | MOKA_PAGE_PRESENT;
}

s64 sys_moka_page_query(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct moka_page out = {0};
    struct aspace_page page;
    int error = hook_range_check((int)a0, a1, 1);

    if (error == 0) {
        error = aspace_query(ALIGN_DOWN(a1, PAGE_SIZE), &page);
    }
    if (error != 0) {
        return error;
    }
    out.frame = page.frame;
    out.size = page.size;
    out.flags = flags_of(&page);
    return user_write((void *)a2, &out, sizeof(out));
}

/* ---- Scans ------------------------------------------------------------------------------ */

struct result {
    u64 *bitmap; /* the application's, or NULL */
    u64 found;
};

static int take_words(void *arg, u64 first, const u64 *words, unsigned count)
{
    struct result *result = arg;

    for (unsigned i = 0; i < count; i++) {
        result->found += (u64)__builtin_popcountll(words[i]);
    }
    return result->bitmap == NULL
               ? 0
               : user_write(result->bitmap + first, words, count * sizeof(*words));
}

/* Can all of it be written?  So that no bit is taken back that cannot be told. */
static int clear_bitmap(u64 *bitmap, u64 words)
{
    static const u64 zero[64];

    for (u64 done = 0; done < words;) {
        u64 part = MIN(words - done, ARRAY_SIZE(zero));

        if (user_write(bitmap + done, zero, part * sizeof(zero[0])) != 0) {
            return -EFAULT;
        }
        done += part;
    }
    return 0;
}

/* One bit for each unit. */
static u64 bitmap_words(const struct moka_scan *scan)
{
    return (scan->size / scan->grain + 63) / 64;
}

static int check_scan(int range, const struct moka_scan *scan)
{
    u64 start = (u64)scan->start;

    if ((scan->grain != PAGE_SIZE && scan->grain != LARGE_SIZE) || scan->size == 0 ||
        !IS_ALIGNED(start | scan->size, scan->grain) || (scan->flags & ~SCAN_FLAGS) != 0 ||
        (scan->flags & SCAN_ALL) == 0) {
        return -EINVAL;
    }
    if (scan->bitmap != NULL && scan->words < bitmap_words(scan)) {
        return -ENOSPC;
    }
    return hook_range_check(range, start, scan->size);
}

s64 sys_moka_page_scan(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct moka_scan scan;
    struct result result = {0};
    struct aspace_scan request = {.emit = take_words, .arg = &result};
    int error = user_read(&scan, (const void *)a1, sizeof(scan));

    if (error == 0) {
        error = check_scan((int)a0, &scan);
    }
    if (error == 0 && scan.bitmap != NULL) {
        error = clear_bitmap(scan.bitmap, bitmap_words(&scan));
    }
    if (error != 0) {
        return error;
    }
    result.bitmap = scan.bitmap;
    request.start = (vaddr_t)scan.start;
    request.end = request.start + scan.size;
    request.order = scan.grain == PAGE_SIZE ? ORDER_4K : ORDER_2M;
    request.what = scan.flags & SCAN_ALL;
    request.clear = (scan.flags & MOKA_SCAN_CLEAR) != 0;
    error = aspace_scan(&request);
    return error != 0 ? error : (s64)result.found;
}

/* ---- Page sizes ------------------------------------------------------------------------- */

/* Calls fn for the windows [first, end): how many times it gave 1, or its error. */
static s64 each_window(vaddr_t first, vaddr_t end, int (*fn)(vaddr_t window))
{
    s64 done = 0;

    for (vaddr_t window = first; window < end; window += LARGE_SIZE) {
        int result = fn(window);

        if (result < 0) {
            return result;
        }
        done += result;
    }
    return done;
}

s64 sys_moka_page_split(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    int error = hook_part_check((int)a0, a1, a2);
    s64 giants = 0, large;

    for (vaddr_t va = ALIGN_DOWN(a1, GIANT_SIZE); error == 0 && va < a1 + a2; va += GIANT_SIZE) {
        giants += aspace_demote_giant(va);
    }
    large = error != 0 ? error : each_window(ALIGN_DOWN(a1, LARGE_SIZE), a1 + a2, aspace_demote);
    return large < 0 ? large : giants + large;
}

static int join_window(vaddr_t window)
{
    struct aspace_page page;
    int error = aspace_query(window, &page);

    if (error != 0 || page.size != PAGE_SIZE) {
        return 0;
    }
    error = aspace_promote(window);
    return error == -EINVAL ? 0 : error == 0 ? 1 : error;
}

s64 sys_moka_page_join(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    int error = hook_part_check((int)a0, a1, a2);

    return error != 0 ? error
                      : each_window(ALIGN_UP(a1, LARGE_SIZE), ALIGN_DOWN(a1 + a2, LARGE_SIZE),
                                    join_window);
}
