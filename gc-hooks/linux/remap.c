/* SPDX-License-Identifier: MIT */
/*
 * The hooks on remapping: mremap(2), which moves page tables where both places
 * are as far from a multiple of 2 MiB or of 1 GiB.  Linux has no exchange, so
 * a swap is three of them by way of a third place, and a page of zeroes is seen by who
 * looks meanwhile: other threads have to be kept away.
 *
 * A place is never unmapped meanwhile (MREMAP_DONTUNMAP), or another thread's
 * mmap(2) could be given it.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "remap_priv.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

#define GIGA_SIZE (1ul << 30)
/*
 * From there on three calls take no longer than copying by way of a buffer (`make bench-hooks
 * BENCH_HOOKS_FLAGS='--groups remap'`, Linux 6.18: 23 us and 21 us; for 256 KiB 42 us and
 * 9 us, for 1 MiB 28 us and 181 us).
 */
#define COPY_BELOW (512ul << 10)

static struct {
    _Atomic uint64_t pairs, copied;
} counted;

int linux_remap(char *to, char *from, size_t size)
{
    return mremap(from, size, size, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, to) ==
                   MAP_FAILED
               ? -errno
               : 0;
}

int linux_protect_as_before(char *place, size_t size, int has, int shall_have)
{
    return has == shall_have || mprotect(place, size, shall_have) == 0 ? 0 : -errno;
}

int linux_copy(const struct linux_piece *piece)
{
    int readable = piece->from_mapping.prot | PROT_READ;
    int writable = piece->to_mapping.prot | PROT_READ | PROT_WRITE;
    int error =
        linux_protect_as_before(piece->from, piece->size, piece->from_mapping.prot, readable);

    if (error == 0) {
        error = linux_protect_as_before(piece->to, piece->size, piece->to_mapping.prot, writable);
    }
    if (error == 0) {
        memmove(piece->to, piece->from, piece->size);
        atomic_fetch_add_explicit(&counted.copied, piece->size, memory_order_relaxed);
        error = linux_protect_as_before(piece->to, piece->size, writable, piece->to_mapping.prot);
    }
    if (error == 0) {
        error =
            linux_protect_as_before(piece->from, piece->size, readable, piece->from_mapping.prot);
    }
    return error;
}

int linux_pieces(const struct moka_pair *pair, int (*fn)(struct linux_piece *piece))
{
    int error = 0;

    for (size_t done = 0; done < pair->size && error == 0;) {
        struct linux_piece piece = {.to = (char *)pair->to + done,
                                    .from = (char *)pair->from + done};
        size_t left = pair->size - done;

        error = linux_mapping_at((uintptr_t)piece.to, &piece.to_mapping);
        if (error == 0) {
            error = linux_mapping_at((uintptr_t)piece.from, &piece.from_mapping);
        }
        if (error == 0) {
            size_t to_left = piece.to_mapping.end - (uintptr_t)piece.to;
            size_t from_left = piece.from_mapping.end - (uintptr_t)piece.from;

            piece.size = left < to_left ? left : to_left;
            piece.size = piece.size < from_left ? piece.size : from_left;
            done += piece.size;
            error = fn(&piece);
        }
    }
    return error;
}

/* ---- Checks ------------------------------------------------------------------------------ */

/* All mapped, and no file. */
static int check_place(uintptr_t start, uint64_t size)
{
    struct linux_mapping mapping;

    if (msync((void *)start, size, MS_ASYNC) != 0) {
        return -ENXIO;
    }
    for (uintptr_t at = start; at < start + size; at = mapping.end) {
        if (linux_mapping_at(at, &mapping) != 0) {
            return -ENXIO;
        }
        if (mapping.file) {
            return -EOPNOTSUPP;
        }
    }
    return 0;
}

static int check_pair(int range_to, int range_from, const struct moka_pair *pair, bool overlap)
{
    uintptr_t to = (uintptr_t)pair->to, from = (uintptr_t)pair->from;
    int error = linux_range_check_pages(range_to, to, pair->size);

    if (error == 0) {
        error = linux_range_check_pages(range_from, from, pair->size);
    }
    if (error == 0 && !overlap && (to < from ? from - to : to - from) < pair->size) {
        error = -EINVAL;
    }
    if (error == 0) {
        error = check_place(to, pair->size);
    }
    return error == 0 ? check_place(from, pair->size) : error;
}

static int check_pairs(int range_to, int range_from, const struct moka_pair *pairs, uint64_t count,
                       bool overlap)
{
    int error = linux_range_check(range_to, 0, 0);

    error = error == -EBADF ? error : linux_range_check(range_from, 0, 0);
    if (error == -EBADF) {
        return error;
    }
    if (count > MOKA_PAIRS_MAX) {
        return -E2BIG;
    }
    if (pairs == NULL && count != 0) {
        return -EFAULT;
    }
    error = 0;
    for (uint64_t i = 0; i < count && error == 0; i++) {
        error = check_pair(range_to, range_from, &pairs[i], overlap);
    }
    return error;
}

/* The pairs one after the other; how many are done, or why not the first. */
static int64_t each_pair(const struct moka_pair *pairs, uint64_t count,
                         int (*fn)(struct linux_piece *piece))
{
    uint64_t done = 0;
    int error = 0;

    while (done < count && (error = linux_pieces(&pairs[done], fn)) == 0) {
        done++;
    }
    atomic_fetch_add_explicit(&counted.pairs, done, memory_order_relaxed);
    return done == 0 && error != 0 ? error : (int64_t)done;
}

/* ---- Swap -------------------------------------------------------------------------------- */

/* A third place, as far from a multiple of 2 MiB, or of 1 GiB, as the other. */
static char *reserve(size_t size, uintptr_t like, char **mapped, size_t *mapped_size)
{
    size_t unit = size >= GIGA_SIZE ? GIGA_SIZE : LARGE_SIZE;

    *mapped_size = size + unit;
    *mapped =
        mmap(NULL, *mapped_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return *mapped == MAP_FAILED ? NULL : *mapped + ((like - (uintptr_t)*mapped) & (unit - 1));
}

/* Three moves; each that fails is put right by copying. */
static int exchange(struct linux_piece *piece, char *third)
{
    struct linux_piece back = {.to = piece->from, .from = third, .size = piece->size};
    int error = linux_remap(third, piece->to, piece->size);

    if (error != 0) {
        return error;
    }
    error = linux_remap(piece->to, piece->from, piece->size);
    if (error != 0) {
        back.to = piece->to;
        back.to_mapping.prot = back.from_mapping.prot = piece->to_mapping.prot;
        return linux_copy(&back) == 0 ? error : -EIO;
    }
    if (linux_remap(piece->from, third, piece->size) != 0) {
        back.to_mapping.prot = piece->from_mapping.prot;
        back.from_mapping.prot = piece->to_mapping.prot;
        return linux_copy(&back) == 0 ? 0 : -EIO;
    }
    error = linux_protect_as_before(piece->to, piece->size, piece->from_mapping.prot,
                                    piece->to_mapping.prot);
    return error != 0 ? error
                      : linux_protect_as_before(piece->from, piece->size, piece->to_mapping.prot,
                                                piece->from_mapping.prot);
}

static int swap_piece(struct linux_piece *piece)
{
    size_t size;
    char *mapped, *third = reserve(piece->size, (uintptr_t)piece->to, &mapped, &size);
    int error = -ENOMEM;

    if (third != NULL) {
        error = exchange(piece, third);
        munmap(mapped, size);
    }
    return error;
}

static int swap_by_copying(struct linux_piece *piece)
{
    char buffer[PAGE_SIZE];

    if ((piece->to_mapping.prot & piece->from_mapping.prot & PROT_WRITE) == 0 ||
        piece->to_mapping.shared || piece->from_mapping.shared) {
        return swap_piece(piece);
    }
    for (size_t done = 0; done < piece->size; done += sizeof(buffer)) {
        memcpy(buffer, piece->to + done, sizeof(buffer));
        memcpy(piece->to + done, piece->from + done, sizeof(buffer));
        memcpy(piece->from + done, buffer, sizeof(buffer));
    }
    atomic_fetch_add_explicit(&counted.copied, 2 * piece->size, memory_order_relaxed);
    return 0;
}

/* Others are kept away in any case; the flag says that copying is allowed. */
static int swap_cheaply(struct linux_piece *piece)
{
    return piece->size < COPY_BELOW ? swap_by_copying(piece) : swap_piece(piece);
}

static int64_t swap(int range_to, int range_from, const struct moka_pair *pairs, uint64_t count,
                    uint32_t flags)
{
    int error = check_pairs(range_to, range_from, pairs, count, false);

    if ((flags & ~MOKA_REMAP_QUIET) != 0) {
        error = -EINVAL;
    }
    return error != 0 ? error : each_pair(pairs, count, flags != 0 ? swap_cheaply : swap_piece);
}

/* ---- Move -------------------------------------------------------------------------------- */

/* What is shared would still be seen there. */
static int map_zeroes(char *place, size_t size, int prot)
{
    return mmap(place, size, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1,
                0) == MAP_FAILED
               ? -errno
               : 0;
}

int linux_move_piece(struct linux_piece *piece)
{
    int error = linux_remap(piece->to, piece->from, piece->size);

    if (error == 0 && piece->from_mapping.shared) {
        error = map_zeroes(piece->from, piece->size, piece->from_mapping.prot);
    }
    return error != 0 ? error
                      : linux_protect_as_before(piece->to, piece->size, piece->from_mapping.prot,
                                                piece->to_mapping.prot);
}

struct place {
    uintptr_t start, end;
    bool source;
};

static int compare_places(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    return x->start < y->start ? -1 : x->start > y->start;
}

/* What is to be unmapped may have a part in no other place.  0, -EINVAL or -ENOMEM. */
static int check_sources(const struct moka_pair *pairs, uint64_t count)
{
    struct place *place = calloc(2 * count + 1, sizeof(*place));
    uintptr_t end = 0, source_end = 0;
    int error = place == NULL ? -ENOMEM : 0;

    for (uint64_t i = 0; i < count && error == 0; i++) {
        uintptr_t to = (uintptr_t)pairs[i].to, from = (uintptr_t)pairs[i].from;

        place[2 * i] = (struct place){to, to + pairs[i].size, false};
        place[2 * i + 1] = (struct place){from, from + pairs[i].size, true};
    }
    if (error == 0) {
        qsort(place, 2 * count, sizeof(*place), compare_places);
    }
    for (uint64_t i = 0; i < 2 * count && error == 0; i++) {
        if (place[i].start < (place[i].source ? end : source_end)) {
            error = -EINVAL;
        }
        end = place[i].end > end ? place[i].end : end;
        source_end = place[i].source && place[i].end > source_end ? place[i].end : source_end;
    }
    free(place);
    return error;
}

static int64_t move(int range_to, int range_from, const struct moka_pair *pairs, uint64_t count,
                    uint32_t flags)
{
    int error = check_pairs(range_to, range_from, pairs, count, false);
    int64_t done;

    if ((flags & ~(MOKA_REMAP_QUIET | MOKA_MOVE_UNMAP)) != 0) {
        error = -EINVAL;
    }
    if (error == 0 && (flags & MOKA_MOVE_UNMAP) != 0) {
        error = check_sources(pairs, count);
    }
    if (error != 0) {
        return error;
    }
    done = each_pair(pairs, count, linux_move_piece);
    for (int64_t i = 0; i < done && (flags & MOKA_MOVE_UNMAP) != 0; i++) {
        munmap(pairs[i].from, pairs[i].size);
    }
    return done;
}

/* ---- Slide and alias ----------------------------------------------------------------------- */

static int64_t slide(int range, const struct moka_pair *pairs, uint64_t count, uint32_t flags)
{
    int error = check_pairs(range, range, pairs, count, true);
    uint64_t done = 0;

    if ((flags & ~(MOKA_REMAP_QUIET | MOKA_SLIDE_LEAVE)) != 0) {
        error = -EINVAL;
    }
    while (error == 0 && done < count) {
        error = linux_slide_pair(&pairs[done], (flags & MOKA_SLIDE_LEAVE) != 0);
        done += error == 0;
    }
    atomic_fetch_add_explicit(&counted.pairs, done, memory_order_relaxed);
    return done == 0 && error != 0 ? error : (int64_t)done;
}

/* What is shared by alias has no contents of its own to be kept. */
static int check_private(const struct moka_pair *pairs, uint64_t count)
{
    struct linux_mapping mapping;

    for (uint64_t i = 0; i < count; i++) {
        uintptr_t start = (uintptr_t)pairs[i].from;

        for (uintptr_t at = start; at < start + pairs[i].size; at = mapping.end) {
            if (linux_mapping_at(at, &mapping) != 0) {
                return -ENXIO;
            }
            if (mapping.shared) {
                return -EBUSY;
            }
        }
    }
    return 0;
}

static int64_t alias(int range_to, int range_from, const struct moka_pair *pairs, uint64_t count,
                     uint32_t flags)
{
    int error = check_pairs(range_to, range_from, pairs, count, false);

    if ((flags & ~MOKA_ALIAS_SNAPSHOT) != 0) {
        error = -EINVAL;
    }
    if (error == 0 && flags != 0) {
        error = check_private(pairs, count);
    }
    return error != 0
               ? error
               : each_pair(pairs, count, flags != 0 ? linux_snapshot_piece : linux_alias_piece);
}

static int info(struct moka_remap_info *info, uint64_t size)
{
    struct moka_remap_info now = {.copy_below_small = COPY_BELOW, .copy_below_large = COPY_BELOW};

    if (info == NULL) {
        return -EFAULT;
    }
    now.pairs = atomic_load_explicit(&counted.pairs, memory_order_relaxed);
    now.bytes_copied = atomic_load_explicit(&counted.copied, memory_order_relaxed);
    memcpy(info, &now, size < sizeof(now) ? size : sizeof(now));
    return 0;
}

const struct moka_remap_hooks linux_remap_hooks = {
    .size = sizeof(linux_remap_hooks),
    .swap = swap,
    .move = move,
    .alias = alias,
    .slide = slide,
    .info = info,
};
