/* SPDX-License-Identifier: MIT */
/*
 * Names of functions, for panic's backtraces.  The build links the kernel
 * twice: tools/symbols.sh makes a table of the first link's functions, which
 * the second embeds behind all code.  The first one has no table, hence the
 * weak reference.  8 bytes and the name for each function, found by bisection.
 *
 * Rejected: reading the ELF's own symbol table (the loader does not load it),
 * and compressing names (they are 20 KiB).
 */
#include <kernel/symbols.h>

#include "symbols_priv.h"

extern const struct symbol_table symbol_table weak;

/* Index of the last entry at or below `offset`; entries[0] is. */
static u32 last_at_or_below(const struct symbol_table *table, u32 offset)
{
    u32 low = 0, high = table->count;

    while (high - low > 1) {
        u32 middle = low + (high - low) / 2;

        if (table->entries[middle] <= offset) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

const char *symbol_table_find(const struct symbol_table *table, u64 addr, u64 *offset)
{
    const char *names = (const char *)&table->entries[2 * table->count];
    const char *name;
    u32 index;

    if (table->count == 0 || addr < table->start || addr - table->start > UINT32_MAX) {
        return NULL;
    }
    index = last_at_or_below(table, (u32)(addr - table->start));
    name = names + table->entries[table->count + index];
    *offset = addr - table->start - table->entries[index];
    return *name != '\0' ? name : NULL;
}

const char *symbol_lookup(u64 addr, u64 *offset)
{
    const struct symbol_table *table = &symbol_table;

    return table != NULL ? symbol_table_find(table, addr, offset) : NULL;
}
