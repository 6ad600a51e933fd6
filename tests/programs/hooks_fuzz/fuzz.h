/* SPDX-License-Identifier: MIT */
/*
 * The model beside which hooks_fuzz.c makes its calls.
 *
 * Each thread has a part of one mapping to itself, of which the model knows all:
 * for each page what is mapped there, its protection, and what is in it.  What is
 * in a page is a cell of its own, as it moves from place to place and may be at
 * several at once; its value stands in the first and in the last word of the
 * page.  The pages of the part's file have cells too.
 *
 * A group of calls is a file that draws arguments, says what the call must
 * return, and does to the model what the call does to memory.  What a call refuses
 * is left as it is, which later checks see.
 */
#pragma once

#include <errno.h>
#include <moka/hooks.h>
#include <moka/large.h>
#include <moka/page.h>
#include <moka/remap.h>
#include <moka/role.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096ul
#define LARGE (512 * PAGE)
#define THREADS 4
#define PAGES 2500u /* of a thread's part: not whole windows */
#define SLOTS 8u    /* ranges of parts of the part */

#define UNKNOWN UINT64_MAX        /* one value, at both ends */
#define ANYTHING (UINT64_MAX - 1) /* not even that */

enum backing {
    UNMAPPED,
    ANON,
    FILE_SHARED,
    FILE_PRIVATE,
};

struct place {
    uint32_t cell;
    uint8_t backing;
    uint8_t prot;
    bool clean; /* nothing was written to it since the last scan that cleared */
    bool small; /* nothing larger may be there */
};

struct slot {
    int range;
    uint64_t at, count; /* pages; 0: none */
};

struct part {
    char *at;
    int range, closed; /* all of the part; the range that was closed last, or -1 */
    int file;
    uint64_t random;
    struct place place[PAGES];
    struct slot slot[SLOTS];
    uint64_t value[2 * PAGES]; /* of the cells; from PAGES on of the file's pages */
    uint16_t users[2 * PAGES];
    uint32_t free[PAGES], frees;
    uint64_t calls, wrong;
    const char *what; /* the call that was last */
};

extern const struct moka_hooks *moka;
extern struct part parts[THREADS];

/* ---- model.c ---- */

void model_init(struct part *part);
uint64_t any(struct part *part, uint64_t below);
/* A page, often a window's first; and a number of pages, `most` at most. */
uint64_t any_place(struct part *part);
uint64_t any_count(struct part *part, uint64_t most);
/* The range of the part, or one that has all of those pages. */
int any_range(struct part *part, uint64_t at, uint64_t count);

static inline char *page_at(struct part *part, uint64_t page)
{
    return part->at + page * PAGE;
}

void fail(struct part *part, const char *why, uint64_t page);
/* The result must be `good`, or, if there are any, one of the errors (0: no such one). */
bool settle(struct part *part, int64_t got, int64_t good, int error, int other);
/* The result must be that. */
void need(struct part *part, int64_t got, int64_t wanted);
/* It must be a number of units, at least `least`, at most `most`. */
void need_count(struct part *part, int64_t got, uint64_t least, uint64_t most);

/* So many pages of 2 MiB at most; there may be none where each window has a small page in use. */
void need_made(struct part *part, int64_t got, uint64_t most);

bool all_mapped(const struct part *part, uint64_t at, uint64_t count);
bool any_file(const struct part *part, uint64_t at, uint64_t count);
/* Is one of them at another place too? */
bool any_shared(const struct part *part, uint64_t at, uint64_t count);
uint64_t value_of(const struct part *part, uint64_t page);
/* Certainly something that was written: it has a frame. */
bool is_written(const struct part *part, uint64_t page);

void stamp_pages(struct part *part, uint64_t at, uint64_t count);
void check_pages(struct part *part, uint64_t at, uint64_t count);

/* What happens to the model. */
void model_empty(struct part *part, uint64_t at, uint64_t count); /* zeroes, or what a file has */
void model_map(struct part *part, uint64_t at, uint64_t count, enum backing backing, int prot);
void model_unmap(struct part *part, uint64_t at, uint64_t count);
void model_swap(struct part *part, uint64_t to, uint64_t from, uint64_t count);
/* `left`: what is at places that were left, 0 or UNKNOWN. */
void model_move(struct part *part, uint64_t to, uint64_t from, uint64_t count, uint64_t left);

/* What is at `from` is at `to` as well, or as much of its own. */
void model_alias(struct part *part, uint64_t to, uint64_t from, uint64_t count, bool snapshot);

/* ---- The groups ---- */

void call_remap(struct part *part);
void call_pages(struct part *part);
void call_ranges(struct part *part);
void call_large(struct part *part);
void call_memory(struct part *part);
void map_anew(struct part *part); /* all of it is anonymous memory again */
void call_role(struct part *part);
void call_misuse(struct part *part);

/* ---- giant.c: a page of 1 GiB, where there is one ---- */

void giant_init(void);
void call_giant(struct part *part);
void giant_end(void);

/* ---- shared.c: memory that all threads change at once ---- */

void shared_init(void);
void call_shared(struct part *part);
/* When the threads have ended. */
void shared_end(struct part *judge);
