/* SPDX-License-Identifier: MIT */
/* The table of function names as tools/symbols.sh lays it out. */
#pragma once

#include <kernel/types.h>

/*
 * entries[0 .. count)        where a function starts, from `start`, ascending
 * entries[count .. 2*count)  where its name is, from the first name
 * then the names, each ended by NUL
 *
 * The last entry has an empty name: it ends the function before it.
 */
struct symbol_table {
    u64 start;
    u32 count;
    u32 entries[];
};

/* As symbol_lookup(), in a table of the caller's. */
const char *symbol_table_find(const struct symbol_table *table, u64 addr, u64 *offset);
