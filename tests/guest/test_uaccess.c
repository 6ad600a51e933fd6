/* SPDX-License-Identifier: MIT */
/* Access to memory whose address came from the application. */
#include "memory.h"

#include <kernel/errno.h>
#include <kernel/start.h>
#include <kernel/string.h>
#include <kernel/uaccess.h>

GUEST_TEST(uaccess_copies)
{
    struct memory_state before = memory_state_now();
    vaddr_t va = map_new(4 * PAGE_SIZE, PROT_RW);
    static u8 out[5000], in[5000];

    for (unsigned i = 0; i < sizeof(out); i++) {
        out[i] = (u8)(i * 7);
    }
    EQ(user_write((void *)(va + 3), out, sizeof(out)), 0); /* faults in two pages */
    EQ(user_read(in, (void *)(va + 3), sizeof(in)), 0);
    EQ(memcmp(in, out, sizeof(in)), 0);
    EQ(*(u8 *)(va + 2), 0);
    EQ(*(u8 *)(va + 3 + sizeof(out)), 0);
    EQ(user_read(in, (void *)va, 0), 0);
    EQ(aspace_unmap(va, 4 * PAGE_SIZE), 0);
    OK(memory_back(&before, 4));
}

/* Every size up to beyond where REP begins, up to the last byte of a page. */
GUEST_TEST(uaccess_sizes)
{
    vaddr_t va = map_new(2 * PAGE_SIZE, PROT_RW);
    static u8 out[300], in[300];

    EQ(aspace_protect(va + PAGE_SIZE, PAGE_SIZE, 0), 0);
    for (size_t n = 0; n <= sizeof(out); n++) {
        u8 *at = (u8 *)(va + PAGE_SIZE - n);

        memset((void *)(va + PAGE_SIZE - 2 * sizeof(out)), 0xee, 2 * sizeof(out));
        for (size_t i = 0; i < n; i++) {
            out[i] = (u8)(i + n + 1);
        }
        memset(in, 0, sizeof(in));
        EQ(user_write(at, out, n), 0);
        EQ(at[-1], 0xee);
        EQ(user_read(in, at, n), 0);
        if (!OK(memcmp(in, out, n) == 0) || !OK(n == sizeof(in) || in[n] == 0)) {
            break;
        }
        EQ(n > 0 ? user_write(at + 1, out, n) : -EFAULT, -EFAULT);
        EQ(n > 0 ? user_read(in, at + 1, n) : -EFAULT, -EFAULT);
    }
    EQ(aspace_unmap(va, 2 * PAGE_SIZE), 0);
}

GUEST_TEST(uaccess_refused)
{
    struct memory_state before = memory_state_now();
    vaddr_t va = map_new(4 * PAGE_SIZE, PROT_RW);
    static u8 buf[2 * PAGE_SIZE];
    u32 value;

    EQ(aspace_unmap(va + PAGE_SIZE, PAGE_SIZE), 0);
    EQ(aspace_protect(va + 2 * PAGE_SIZE, PAGE_SIZE, PROT_READ), 0);
    EQ(aspace_protect(va + 3 * PAGE_SIZE, PAGE_SIZE, 0), 0);
    memset(buf, 0x5a, sizeof(buf));
    EQ(user_write((void *)va, buf, sizeof(buf)), -EFAULT); /* the second page is missing */
    EQ(*(u8 *)(va + PAGE_SIZE - 1), 0x5a);
    EQ(user_read(buf, (void *)(va + PAGE_SIZE), 1), -EFAULT);
    EQ(user_write((void *)(va + 2 * PAGE_SIZE), buf, 1), -EFAULT);
    EQ(user_read(buf, (void *)(va + 2 * PAGE_SIZE), 1), 0);
    EQ(user_write((void *)(va + 2 * PAGE_SIZE), buf, 1), -EFAULT); /* now it is there */
    EQ(user_read(buf, (void *)(va + 3 * PAGE_SIZE), 1), -EFAULT);
    EQ(user_read_u32((u32 *)va, &value), 0);
    EQ(value, 0x5a5a5a5a);
    EQ(user_read_u32((u32 *)(va + PAGE_SIZE), &value), -EFAULT);
    EQ(user_read_u32((u32 *)(va + PAGE_SIZE - 2), &value), -EFAULT);
    EQ(user_read(buf, NULL, 1), -EFAULT);
    EQ(aspace_unmap(va, 4 * PAGE_SIZE), 0);
    OK(memory_back(&before, 4));
}

/* The kernel's memory is out of reach, however it is asked for. */
GUEST_TEST(uaccess_kernel_memory)
{
    static u32 secret = 5;
    u64 stack = 0;
    u32 value = 0, old;
    void *object = kmalloc(64);

    OK(!user_range_ok(&secret, 4));
    OK(!user_range_ok(&stack, 8));
    OK(!user_range_ok(object, 1));
    OK(!user_range_ok((char *)((u64)kernel_text_start - 1), 2));
    OK(user_range_ok((char *)((u64)kernel_text_start - 1), 1));
    OK(!user_range_ok((void *)(VADDR_END - 1), 2));
    OK(!user_range_ok((void *)~0ull, 1));
    OK(!user_range_ok((void *)(32 * GIB), ~0ull - 5));
    OK(!user_range_ok((void *)ASPACE_MIN, VADDR_END));
    EQ(user_read(&value, &secret, 4), -EFAULT);
    EQ(user_write(&secret, &value, 4), -EFAULT);
    EQ(user_read_u32(&secret, &value), -EFAULT);
    EQ(user_read_u32_nofault(&secret, &value), -EFAULT);
    EQ(user_cmpxchg_u32_nofault(&secret, 5, 6, &old), -EFAULT);
    EQ(secret, 5);
    EQ(value, 0);
    kfree(object);
}

GUEST_TEST(uaccess_nofault)
{
    struct memory_state before = memory_state_now();
    vaddr_t va = map_new(LARGE_SIZE, PROT_RW);
    u32 *word = (u32 *)(va + 16);
    u32 value = 9, old = 9;

    EQ(user_read_u32_nofault(word, &value), -EFAULT); /* merely not there yet */
    EQ(user_cmpxchg_u32_nofault(word, 0, 1, &old), -EFAULT);
    EQ(backed_by(va), 0);
    EQ(user_read_u32(word, &value), 0);
    EQ(value, 0);
    EQ(user_read_u32_nofault(word, &value), 0);
    EQ(user_cmpxchg_u32_nofault(word, 0, 7, &old), 0);
    EQ(old, 0);
    EQ(*word, 7);
    EQ(user_cmpxchg_u32_nofault(word, 0, 8, &old), 0);
    EQ(old, 7);
    EQ(*word, 7);
    EQ(aspace_protect(va, LARGE_SIZE, PROT_READ), 0);
    EQ(user_cmpxchg_u32_nofault(word, 7, 8, &old), -EFAULT);
    EQ(user_read_u32_nofault(word, &value), 0);
    EQ(value, 7);
    OK(!this_cpu()->no_fault);
    EQ(aspace_unmap(va, LARGE_SIZE), 0);
    EQ(user_read_u32_nofault(word, &value), -EFAULT);
    OK(memory_back(&before, 4));
}

GUEST_TEST(uaccess_fixups)
{
    OK(fixup_lookup((u64)fixup_lookup) == 0);
    OK(fixup_lookup(0) == 0);
}
