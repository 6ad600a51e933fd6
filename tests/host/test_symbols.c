/* SPDX-License-Identifier: MIT */
/* sources: kernel/debug/symbols.c */
/* The search in tables of every small size, against a walk through all names. */
#include "host.h"

#include <kernel/symbols.h>
#include <stdio.h>
#include <string.h>

#include "../../kernel/debug/symbols_priv.h"

#define FUNCTIONS_MAX 40
#define START 0x200000ull

static struct {
    struct symbol_table *table;
    unsigned functions;
    u64 begin[FUNCTIONS_MAX + 1]; /* the last one: where the table ends */
    char name[FUNCTIONS_MAX][8];
} model;

/* Lays the table out as tools/symbols.sh does. */
static void build(unsigned functions)
{
    u32 count = functions + 1;
    size_t names = 0;
    char *blob;

    model.functions = functions;
    model.table = test_alloc(sizeof(*model.table) + 2 * count * sizeof(u32) + functions * 8 + 1);
    model.table->start = START;
    model.table->count = count;
    blob = (char *)&model.table->entries[2 * count];
    model.begin[0] = START;
    for (unsigned i = 0; i < count; i++) {
        if (i > 0) {
            model.begin[i] = model.begin[i - 1] + 1 + rnd_below(40);
        }
        model.table->entries[i] = (u32)(model.begin[i] - START);
        model.table->entries[count + i] = (u32)names;
        if (i < functions) {
            names += 1 + (size_t)sprintf(blob + names, "f%u", i);
            sprintf(model.name[i], "f%u", i);
        }
    }
    blob[names] = '\0';
}

static const char *walk(u64 addr, u64 *offset)
{
    for (unsigned i = 0; i < model.functions; i++) {
        if (addr >= model.begin[i] && addr < model.begin[i + 1]) {
            *offset = addr - model.begin[i];
            return model.name[i];
        }
    }
    return NULL;
}

static void check_address(u64 addr)
{
    u64 offset = 0, expected_offset = 0;
    const char *name = symbol_table_find(model.table, addr, &offset);
    const char *expected = walk(addr, &expected_offset);

    if (expected == NULL) {
        OK(name == NULL);
    } else {
        OK(name != NULL && strcmp(name, expected) == 0);
        EQ(offset, expected_offset);
    }
}

static void test_every_address(void)
{
    for (unsigned functions = 1; functions <= FUNCTIONS_MAX; functions++) {
        build(functions);
        for (u64 addr = START - 3; addr < model.begin[functions] + 3; addr++) {
            check_address(addr);
        }
        check_address(0);
        check_address(START + UINT32_MAX + 1);
        check_address(~0ull);
        test_free(model.table);
    }
}

static void test_empty(void)
{
    struct symbol_table table = {.start = START, .count = 0};
    u64 offset;

    OK(symbol_table_find(&table, START, &offset) == NULL);
}

/* This program has no table: the weak reference must be harmless. */
static void test_no_table(void)
{
    u64 offset;

    OK(symbol_lookup(START, &offset) == NULL);
}

int main(void)
{
    run("finds the function of every address", test_every_address);
    run("an empty table", test_empty);
    run("no table", test_no_table);
    return finish();
}
