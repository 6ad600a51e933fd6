/* SPDX-License-Identifier: MIT */
/* What is in each page, and what calls do to that. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>

void model_init(struct part *part)
{
    for (uint32_t i = 0; i < PAGES; i++) {
        part->place[i] = (struct place){.cell = i, .backing = ANON, .prot = PROT_READ | PROT_WRITE};
        part->users[i] = 1;
    }
    part->closed = -1;
}

/* ---- Chance --------------------------------------------------------------------------------- */

uint64_t any(struct part *part, uint64_t below)
{
    part->random = part->random * 6364136223846793005ul + 1442695040888963407ul;
    return (part->random >> 33) % below;
}

uint64_t any_place(struct part *part)
{
    uint64_t skew = (uintptr_t)part->at / PAGE % 512, place = any(part, PAGES);

    if (any(part, 3) == 0) {
        place = (place + skew) / 512 * 512;
        place = place < skew ? 0 : place - skew;
    }
    return place;
}

uint64_t any_count(struct part *part, uint64_t most)
{
    uint64_t count = any(part, 16) == 0 ? 1 + any(part, most) : 1 + any(part, 24);

    /* A page that has come to another place is a page fault where entries are shadowed. */
    count = any(part, 6) == 0 ? 512 : count;
    return count < most ? count : most;
}

int any_range(struct part *part, uint64_t at, uint64_t count)
{
    const struct slot *slot = &part->slot[any(part, SLOTS)];

    return slot->count != 0 && at >= slot->at && at + count <= slot->at + slot->count ? slot->range
                                                                                      : part->range;
}

/* ---- Results -------------------------------------------------------------------------------- */

void fail(struct part *part, const char *why, uint64_t page)
{
    if (part->wrong++ < 5) {
        printf("# part %ld, page %ld, call %lu, after %s: %s\n", (long)(part - parts), (long)page,
               (unsigned long)part->calls, part->what, why);
    }
}

bool settle(struct part *part, int64_t got, int64_t good, int error, int other)
{
    if (error == 0 && other == 0) {
        need(part, got, good);
        return got == good;
    }
    if (got >= 0 || (got != -error && got != -other)) {
        fail(part, "another result, which is", (uint64_t)got);
    }
    return false;
}

void need(struct part *part, int64_t got, int64_t wanted)
{
    if (got != wanted) {
        fail(part, "another result, which is", (uint64_t)got);
    }
}

void need_count(struct part *part, int64_t got, uint64_t least, uint64_t most)
{
    if (got < 0 || (uint64_t)got < least || (uint64_t)got > most) {
        fail(part, "another number, which is", (uint64_t)got);
    }
}

/* ---- Pages ---------------------------------------------------------------------------------- */

uint64_t value_of(const struct part *part, uint64_t page)
{
    return part->value[part->place[page].cell];
}

bool is_written(const struct part *part, uint64_t page)
{
    uint64_t value = value_of(part, page);

    return value != 0 && value != UNKNOWN && value != ANYTHING;
}

void need_made(struct part *part, int64_t got, uint64_t most)
{
    if (got != -ENOMEM) {
        need_count(part, got, 0, most);
    }
}

bool all_mapped(const struct part *part, uint64_t at, uint64_t count)
{
    for (uint64_t i = at; i < at + count; i++) {
        if (part->place[i].backing == UNMAPPED) {
            return false;
        }
    }
    return true;
}

bool any_file(const struct part *part, uint64_t at, uint64_t count)
{
    for (uint64_t i = at; i < at + count; i++) {
        if (part->place[i].backing > ANON) {
            return true;
        }
    }
    return false;
}

bool any_shared(const struct part *part, uint64_t at, uint64_t count)
{
    for (uint64_t i = at; i < at + count; i++) {
        if (part->users[part->place[i].cell] > 1) {
            return true;
        }
    }
    return false;
}

static bool allows(const struct place *place, int prot)
{
    return place->backing != UNMAPPED && (place->prot & prot) == prot;
}

static void stamp(struct part *part, uint64_t page)
{
    uint64_t value = any(part, 1ul << 30) + 1;
    uint64_t *words = (uint64_t *)page_at(part, page);

    words[0] = words[511] = part->value[part->place[page].cell] = value;
    part->place[page].clean = false;
}

void stamp_pages(struct part *part, uint64_t at, uint64_t count)
{
    for (uint64_t i = at; i < at + count; i++) {
        if (allows(&part->place[i], PROT_READ | PROT_WRITE)) {
            stamp(part, i);
        }
    }
}

static void check(struct part *part, uint64_t page)
{
    const uint64_t *words = (const uint64_t *)page_at(part, page);
    uint64_t *value = &part->value[part->place[page].cell];

    if (*value == ANYTHING) {
        if (words[0] != words[511] && allows(&part->place[page], PROT_WRITE)) {
            stamp(part, page);
        }
        return;
    }
    if (*value == UNKNOWN) {
        *value = words[0];
    }
    if (words[0] != *value || words[511] != *value) {
        fail(part, words[0] == words[511] ? "another page" : "part of another page", page);
        *value = words[0];
    }
}

void check_pages(struct part *part, uint64_t at, uint64_t count)
{
    for (uint64_t i = at; i < at + count; i++) {
        if (allows(&part->place[i], PROT_READ)) {
            check(part, i);
        }
    }
}

/* ---- Changes -------------------------------------------------------------------------------- */

static void drop(struct part *part, uint32_t cell)
{
    if (--part->users[cell] == 0 && cell < PAGES) {
        part->free[part->frees++] = cell;
    }
}

/* The place has something new, of which nobody else knows. */
static void renew(struct part *part, uint64_t page, uint64_t value)
{
    struct place *place = &part->place[page];

    drop(part, place->cell);
    place->cell = part->free[--part->frees];
    part->users[place->cell] = 1;
    part->value[place->cell] = value;
    place->clean = false;
}

void model_empty(struct part *part, uint64_t at, uint64_t count)
{
    for (uint64_t i = at; i < at + count; i++) {
        switch (part->place[i].backing) {
        case ANON:
            renew(part, i, 0);
            break;
        case FILE_PRIVATE:
            renew(part, i, part->value[PAGES + i]);
            break;
        default: /* nothing changes */
            break;
        }
        part->place[i].clean = false;
    }
}

void model_map(struct part *part, uint64_t at, uint64_t count, enum backing backing, int prot)
{
    for (uint64_t i = at; i < at + count; i++) {
        struct place *place = &part->place[i];

        renew(part, i, backing == FILE_PRIVATE ? part->value[PAGES + i] : 0);
        place->backing = (uint8_t)backing;
        place->prot = (uint8_t)prot;
        place->small = false;
        if (backing == FILE_SHARED) {
            drop(part, place->cell);
            place->cell = PAGES + (uint32_t)i;
            part->users[place->cell]++;
        }
    }
}

void model_unmap(struct part *part, uint64_t at, uint64_t count)
{
    model_map(part, at, count, UNMAPPED, 0);
}

void model_swap(struct part *part, uint64_t to, uint64_t from, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        struct place *a = &part->place[to + i], *b = &part->place[from + i];
        uint32_t cell = a->cell;

        a->cell = b->cell;
        b->cell = cell;
        a->clean = b->clean = false;
    }
}

void model_move(struct part *part, uint64_t to, uint64_t from, uint64_t count, uint64_t left)
{
    static _Thread_local uint32_t cell[PAGES];

    for (uint64_t i = 0; i < count && to != from; i++) {
        /* First those that a later step would write over. */
        cell[i] = part->place[from + i].cell;
        part->users[cell[i]]++;
    }
    for (uint64_t i = 0; i < count && to != from; i++) {
        drop(part, part->place[to + i].cell);
        part->place[to + i].cell = cell[i];
        part->place[to + i].clean = false;
    }
    for (uint64_t i = from; i < from + count && to != from; i++) {
        if (i < to || i >= to + count) {
            renew(part, i, left);
        }
    }
}

void model_alias(struct part *part, uint64_t to, uint64_t from, uint64_t count, bool snapshot)
{
    for (uint64_t i = 0; i < count; i++) {
        struct place *place = &part->place[to + i];
        uint32_t cell = part->place[from + i].cell;

        renew(part, to + i, part->value[cell]);
        if (!snapshot) {
            drop(part, place->cell);
            place->cell = cell;
            part->users[cell]++;
        }
    }
}
