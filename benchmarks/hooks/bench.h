/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the hooks' benchmark have in common: two areas of memory of
 * the same size, which are touched before anything is timed, and kept (what the
 * host has to supply to a virtual machine is no part of a hook's cost); and rows.
 *
 * A row's unit is the time of one call.  "sample" and "skip" lines are as in
 * benchmarks/micro.
 */
#pragma once

#include <moka/hooks.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE 4096ul
#define LARGE (2ul << 20)
#define GIGA (1ul << 30)

struct bench {
    const struct moka_hooks *moka;
    double budget; /* ns for each row */
    size_t size;   /* of either area */
    char *at;      /* the areas: both begin at a multiple of 1 GiB */
    char *other;
    int range; /* of `at` */
    int range_other;
    uint64_t *bitmap; /* for one area, a bit for each page */
};
extern struct bench bench;

struct row {
    const char *name;
    /* Negative: -errno, and the row is skipped. */
    int64_t (*prepare)(const struct row *row); /* before each sample, not timed; may be NULL */
    int64_t (*call)(const struct row *row);
    unsigned calls; /* a sample's: for what is shorter than a clock tells */
    size_t size;    /* of each pair, or whatever the call makes of it */
    unsigned pairs;
    uint32_t flags;
};

double now_ns(void);
/* Ends the program if that did not work. */
void need(bool good, const char *what, int64_t result);
void run_row(const struct row *row);
void run_rows(const struct row *rows, unsigned count);
#define RUN_ROWS(rows) run_rows(rows, sizeof(rows) / sizeof((rows)[0]))

/* Both areas are of such pages, and all is there; false: they cannot be. */
bool make_large(void);
bool make_small(void);

void run_pages(void);
void run_large(void);
void run_remap(void);
void run_alias(void);
void run_pressure(void);
