/* SPDX-License-Identifier: MIT */
/*
 * Remapping: pages change places by their entries in the page table.
 *
 * All that the pairs touch is claimed at once, so that faults there and other
 * operations wait, and nobody frees, copies or looks for dirty bits in a page
 * that a CPU still knows at its old place.  Then the pairs are done one after
 * the other, and at the end there is one shoot-down; only then is the claim
 * given up.  Until the shoot-down a CPU may go on with the page that it knows,
 * which is the old one, or has missed and found the new one.
 *
 * What is claimed is all between the lowest and the highest place, of either
 * side: two regions to split and to merge, however many pairs.
 */
#include "aspace_priv.h"

#include <kernel/assert.h>
#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/kmalloc.h>
#include <kernel/pagetable.h>
#include <kernel/trace.h>

#include "remap_check_priv.h"
#include "remap_priv.h"
#include "tlb_priv.h"

struct remap_counters remap_counters;

static bool overlap(vaddr_t a, vaddr_t b, u64 size)
{
    return a < b + size && b < a + size;
}

static bool pair_valid(const struct aspace_remap *request, const struct remap_pair *pair)
{
    return aspace_range_valid(pair->to, pair->size) == 0 &&
           aspace_range_valid(pair->from, pair->size) == 0 &&
           (request->slides || !overlap(pair->to, pair->from, pair->size));
}

static bool is_valid(const struct aspace_remap *request)
{
    for (u64 i = 0; i < request->count; i++) {
        if (!pair_valid(request, &request->pairs[i])) {
            return false;
        }
    }
    return true;
}

static int check_sources(const struct aspace_remap *request)
{
    struct remap_place *place;
    int error;

    if (request->kind != REMAP_MOVE || !request->unmap) {
        return 0;
    }
    place = kmalloc(2 * request->count * sizeof(*place));
    if (place == NULL) {
        return -ENOMEM;
    }
    error = remap_sources_apart(request->pairs, request->count, place) ? 0 : -EINVAL;
    kfree(place);
    return error;
}

/* ---- Claims ------------------------------------------------------------------------------- */

static int begin_ops(struct remap *r)
{
    const struct aspace_remap *request = r->request;
    vaddr_t low[2] = {VADDR_END, VADDR_END}, high[2] = {0, 0};
    int error;

    for (u64 i = 0; i < request->count; i++) {
        const struct remap_pair *pair = &request->pairs[i];

        low[0] = MIN(low[0], pair->to);
        high[0] = MAX(high[0], pair->to + pair->size);
        low[1] = MIN(low[1], pair->from);
        high[1] = MAX(high[1], pair->from + pair->size);
    }
    if (low[0] <= high[1] && low[1] <= high[0]) {
        low[0] = MIN(low[0], low[1]);
        high[0] = MAX(high[0], high[1]);
        high[1] = 0;
    }
    error = aspace_op_begin(&r->op[0], low[0], high[0] - low[0]);
    r->ops = error == 0;
    if (error == 0 && high[1] != 0) {
        error = aspace_op_begin(&r->op[1], low[1], high[1] - low[1]);
        r->ops += error == 0;
    }
    return error == 0 ? 0 : -ENOMEM;
}

static void end_ops(struct remap *r)
{
    while (r->ops > 0) {
        aspace_op_end(&r->op[--r->ops]);
    }
}

static void claim(struct remap *r)
{
    bool irq = aspace_op_lock_both(&r->op[0], r->ops < 2 ? NULL : &r->op[1]);

    for (u64 i = 0; i < r->request->count; i++) {
        const struct remap_pair *pair = &r->request->pairs[i];

        giant_split_in(pair->to, pair->to + pair->size);
        giant_split_in(pair->from, pair->from + pair->size);
    }
    for (unsigned i = 0; i < r->ops; i++) {
        r->op[i].giants = GIANTS_KEEP;
        aspace_op_claim(&r->op[i]);
    }
    aspace_write_unlock(irq);
}

/* The sources of the pairs that are done are mapped no more.  Write lock held, not busy. */
static void remove_sources(struct remap *r, u64 done)
{
    for (u64 i = 0; i < done; i++) {
        const struct remap_pair *pair = &r->request->pairs[i];

        region_set_carve(&aspace.set, pair->from, pair->from + pair->size, &r->op[0].pool);
        region_set_remove(&aspace.set, pair->from, pair->from + pair->size, &r->op[0].pool);
    }
}

static void unclaim(struct remap *r, u64 unmap)
{
    bool irq = aspace_write_lock();

    for (unsigned i = 0; i < r->ops; i++) {
        aspace_op_unclaim(&r->op[i]);
    }
    remove_sources(r, unmap);
    for (unsigned i = 0; i < r->ops; i++) {
        region_set_merge(&aspace.set, r->op[i].start, r->op[i].end, &r->op[i].pool);
    }
    assert_slow((region_set_check(&aspace.set), true));
    atomic_fetch_add_explicit(&aspace.releases, 1, memory_order_release);
    aspace_write_unlock(irq);
    wait_wake_all(&aspace.waiters);
}

/* ---- Checks ------------------------------------------------------------------------------- */

/* Is all of it mapped, and by memory without a file? */
static int check_place(vaddr_t start, u64 size)
{
    vaddr_t va = start;

    region_for_each(region, &aspace.set, start, start + size)
    {
        if (region->start > va) {
            return -ENXIO;
        }
        if (region->kind != REGION_ANON) {
            return -EOPNOTSUPP;
        }
        va = region->end;
    }
    return va >= start + size ? 0 : -ENXIO;
}

static int check_places(const struct aspace_remap *request)
{
    int error = 0;

    for (u64 i = 0; i < request->count && error == 0; i++) {
        const struct remap_pair *pair = &request->pairs[i];
        bool irq = aspace_read_lock();

        error = check_place(pair->to, pair->size);
        if (error == 0) {
            error = check_place(pair->from, pair->size);
        }
        aspace_read_unlock(irq);
    }
    return error;
}

/* ---- The call ----------------------------------------------------------------------------- */

/* Sources of moves that leave nothing: empty tables go too. */
static void clear_sources(struct remap *r, u64 done)
{
    for (u64 i = 0; i < done; i++) {
        const struct remap_pair *pair = &r->request->pairs[i];

        pt_range_clear_part(r->out, pair->from, pair->from + pair->size);
    }
}

void remap_flush(struct remap *r)
{
    remap_count(&remap_counters.shootdowns, tlb_batch_stale(&r->out->batch));
    tlb_batch_finish(&r->out->batch);
}

static bool aliases(const struct aspace_remap *request)
{
    return request->kind == REMAP_SHARE || request->kind == REMAP_SNAPSHOT;
}

static int do_pair(struct remap *r, const struct remap_pair *pair)
{
    return aliases(r->request) ? remap_alias_pair(r, pair) : remap_pair(r, pair);
}

static s64 do_pairs(struct remap *r)
{
    const struct aspace_remap *request = r->request;
    bool unmap = request->kind == REMAP_MOVE && request->unmap;
    u64 done = 0;
    int error = check_places(request);

    if (error == 0 && request->kind == REMAP_SNAPSHOT) {
        error = remap_alias_check(request);
    }
    while (error == 0 && done < request->count) {
        error = do_pair(r, &request->pairs[done]);
        done += error == 0;
    }
    if (unmap) {
        clear_sources(r, done);
    }
    remap_count(&remap_counters.pairs, done);
    remap_flush(r);
    unclaim(r, unmap ? done : 0);
    return done > 0 ? (s64)done : error;
}

static int reserve_nodes(struct remap *r)
{
    bool unmap = r->request->kind == REMAP_MOVE && r->request->unmap;

    /* Each source may lie in the midst of a region. */
    return unmap
               ? region_pool_reserve(&r->op[0].pool, (unsigned)(3 + 2 * r->request->count), kmalloc)
               : 0;
}

static s64 remap(struct remap *r)
{
    s64 result = begin_ops(r);

    if (result == 0) {
        result = reserve_nodes(r);
    }
    if (result == 0) {
        r->out = &r->op[0].range;
        r->out->clear = true;
        claim(r);
        result = do_pairs(r);
    }
    while (r->spares > 0) {
        frame_free(r->spare[--r->spares] >> PAGE_SHIFT, ORDER_4K);
    }
    end_ops(r);
    return result;
}

s64 aspace_remap(const struct aspace_remap *request)
{
    struct remap *r;
    s64 result;

    if (!is_valid(request)) {
        return -EINVAL;
    }
    if (request->count == 0) {
        return 0;
    }
    result = check_sources(request);
    if (result != 0) {
        return result;
    }
    if (request->kind == REMAP_SHARE && check_places(request) == 0) {
        remap_alias_populate(request);
    }
    r = kzalloc(sizeof(*r));
    if (r == NULL) {
        return -ENOMEM;
    }
    r->request = request;
    for (u64 i = 0; i < request->count; i++) {
        r->bytes += request->pairs[i].size;
    }
    result = remap(r);
    kfree(r);
    trace(TRACE_REMAP, request->count, (u64)result);
    return result;
}

void aspace_get_remap_stats(struct aspace_remap_stats *stats)
{
    const struct remap_counters *c = &remap_counters;

    *stats = (struct aspace_remap_stats){
        .pairs = atomic_load_explicit(&c->pairs, memory_order_relaxed),
        .small = atomic_load_explicit(&c->small, memory_order_relaxed),
        .large = atomic_load_explicit(&c->large, memory_order_relaxed),
        .giant = atomic_load_explicit(&c->giant, memory_order_relaxed),
        .copied = atomic_load_explicit(&c->copied, memory_order_relaxed),
        .splits = atomic_load_explicit(&c->splits, memory_order_relaxed),
        .shootdowns = atomic_load_explicit(&c->shootdowns, memory_order_relaxed),
        .copies = atomic_load_explicit(&c->copies, memory_order_relaxed),
    };
}
