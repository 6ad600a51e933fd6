/* SPDX-License-Identifier: MIT */
/* Names of functions in the kernel as it was linked, and backtraces. */
#include "guest.h"

#include <kernel/kmalloc.h>
#include <kernel/start.h>
#include <kernel/string.h>
#include <kernel/symbols.h>

static bool is_named(u64 addr, const char *name, u64 offset)
{
    u64 found_offset = ~0ull;
    const char *found = symbol_lookup(addr, &found_offset);

    return found != NULL && strcmp(found, name) == 0 && found_offset == offset;
}

GUEST_TEST(symbols_name_functions)
{
    OK(is_named((u64)kprintf, "kprintf", 0));
    OK(is_named((u64)kprintf + 1, "kprintf", 1));
    OK(is_named((u64)memcpy, "memcpy", 0));
    OK(is_named((u64)test_symbols_name_functions, "test_symbols_name_functions", 0));
}

GUEST_TEST(symbols_end_with_the_code)
{
    u64 offset, on_stack = 0;
    void *on_heap = kmalloc(16);

    OK(symbol_lookup((u64)kernel_text_start, &offset) != NULL);
    OK(symbol_lookup((u64)kernel_code_end - 1, &offset) != NULL);
    OK(symbol_lookup((u64)kernel_text_start - 1, &offset) == NULL);
    OK(symbol_lookup((u64)kernel_code_end, &offset) == NULL);
    OK(symbol_lookup((u64)kernel_data_start, &offset) == NULL);
    OK(symbol_lookup((u64)&on_stack, &offset) == NULL);
    OK(symbol_lookup((u64)on_heap, &offset) == NULL);
    OK(symbol_lookup(0, &offset) == NULL);
    OK(symbol_lookup(~0ull, &offset) == NULL);
    kfree(on_heap);
}

/* Chains that lead nowhere: what is not memory must not be read. */
GUEST_TEST(backtrace_survives_any_chain)
{
    u64 loop[2] = {(u64)loop, (u64)kprintf};
    u64 down[4] = {0, (u64)kprintf, (u64)down, (u64)kprintf};
    u64 wild[2] = {1ull << 62, (u64)kprintf};
    u64 starts[] = {0,
                    1,
                    8,
                    1ull << 46,
                    1ull << 62,
                    ~0ull,
                    ~7ull,
                    (u64)loop,
                    (u64)loop + 4,
                    (u64)&down[2],
                    (u64)wild,
                    (u64)__builtin_frame_address(0)};

    for (unsigned i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        guest_note("chain from 0x%lx", (unsigned long)starts[i]);
        backtrace_print((u64)kprintf, starts[i]);
    }
    OK(true);
}
