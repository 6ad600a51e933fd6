/* SPDX-License-Identifier: MIT */
/*
 * The system calls of memory: mmap with files and flags, mremap, madvise,
 * mincore, memfd_create, membarrier.
 */
#include "memory.h"

#include <kernel/errno.h>
#include <kernel/pagetable.h>
#include <kernel/string.h>
#include <kernel/syscall.h>

#define SHARED 1u
#define PRIVATE 2u
#define FIXED 0x10u
#define ANONYMOUS 0x20u
#define LOW 0x40u
#define HUGETLB 0x40000u
#define NOREPLACE 0x100000u

#define MAYMOVE 1u
#define TO_FIXED 2u
#define DONTUNMAP 4u

#define IS_ERROR(result) ((u64)(result) > (u64)-4096)

static s64 map(u64 hint, u64 size, u64 prot, u64 flags, s64 fd, u64 offset)
{
    return sys_mmap(hint, size, prot, flags, (u64)fd, offset);
}

static vaddr_t map_anon(u64 size)
{
    s64 va = map(0, size, PROT_RW, PRIVATE | ANONYMOUS, -1, 0);

    OK(!IS_ERROR(va));
    return (vaddr_t)va;
}

/* A memory file of that size; its descriptor. */
static s64 new_memfd(u64 size)
{
    vaddr_t name = map_anon(PAGE_SIZE);
    s64 fd;

    memcpy((void *)name, "test", 5);
    fd = sys_memfd_create(name, 0, 0, 0, 0, 0);
    OK(fd >= 0);
    EQ(sys_ftruncate((u64)fd, size, 0, 0, 0, 0), 0);
    EQ(sys_munmap(name, PAGE_SIZE, 0, 0, 0, 0), 0);
    return fd;
}

GUEST_TEST(mmap_errors)
{
    s64 fd = new_memfd(PAGE_SIZE);
    vaddr_t va = map_anon(PAGE_SIZE);

    EQ(map(0, 0, PROT_RW, PRIVATE | ANONYMOUS, -1, 0), -EINVAL);
    EQ(map(0, ~0ull, PROT_RW, PRIVATE | ANONYMOUS, -1, 0), -ENOMEM);
    EQ(map(0, 1ull << 48, PROT_RW, PRIVATE | ANONYMOUS, -1, 0), -ENOMEM);
    EQ(map(0, PAGE_SIZE, PROT_RW, ANONYMOUS, -1, 0), -EINVAL);
    EQ(map(0, PAGE_SIZE, PROT_RW, 3 | ANONYMOUS, -1, 0), -EINVAL);
    EQ(map(0, PAGE_SIZE, PROT_RW, PRIVATE, -1, 0), -EBADF);
    EQ(map(0, PAGE_SIZE, PROT_RW, PRIVATE, fd, 1), -EINVAL);
    EQ(map(0, PAGE_SIZE, PROT_RW, 0x80003, fd, 0), -EOPNOTSUPP); /* MAP_SYNC */
    EQ(map(0, PAGE_SIZE, PROT_RW, PRIVATE, fd, ~0ull << PAGE_SHIFT), -EOVERFLOW);
    EQ(map(va + 1, PAGE_SIZE, PROT_RW, PRIVATE | ANONYMOUS | FIXED, -1, 0), -EINVAL);
    EQ(map(va, PAGE_SIZE, PROT_RW, PRIVATE | ANONYMOUS | NOREPLACE, -1, 0), -EEXIST);
    EQ(map(0, PAGE_SIZE, PROT_RW, PRIVATE | ANONYMOUS | FIXED, -1, 0), -EPERM);
    EQ(map(VADDR_END, PAGE_SIZE, PROT_RW, PRIVATE | ANONYMOUS | FIXED, -1, 0), -ENOMEM);
    EQ(sys_munmap(va + 1, PAGE_SIZE, 0, 0, 0, 0), -EINVAL);
    EQ(sys_munmap(va, 0, 0, 0, 0, 0), -EINVAL);
    EQ(sys_mprotect(va, PAGE_SIZE, 16, 0, 0, 0), -EINVAL);
    EQ(sys_madvise(va, PAGE_SIZE, 77, 0, 0, 0), -EINVAL);
    EQ(sys_munmap(va, PAGE_SIZE, 0, 0, 0, 0), 0);
    EQ(sys_madvise(va, PAGE_SIZE, 4, 0, 0, 0), -ENOMEM);
    EQ(sys_mprotect(va, PAGE_SIZE, PROT_RW, 0, 0, 0), -ENOMEM);
    EQ(sys_close((u64)fd, 0, 0, 0, 0, 0), 0);
}

GUEST_TEST(mmap_low_and_huge)
{
    struct memory_state before = memory_state_with_threads();
    s64 low = map(0, MIB, PROT_RW, PRIVATE | ANONYMOUS | LOW, -1, 0);
    s64 low2 = map(0, MIB, PROT_RW, PRIVATE | ANONYMOUS | LOW, -1, 0);
    s64 huge = map(0, LARGE_SIZE + 1, PROT_RW, PRIVATE | ANONYMOUS | HUGETLB | 21u << 26, -1, 0);

    OK(low > 0 && (u64)low + MIB <= 2 * GIB);
    OK(low2 > 0 && (u64)low2 + MIB <= 2 * GIB && low2 != low);
    OK(!IS_ERROR(huge) && IS_ALIGNED((u64)huge, LARGE_SIZE));
    *word_at((vaddr_t)huge + LARGE_SIZE) = 1;
    EQ(backed_by((vaddr_t)huge + LARGE_SIZE), 2);
    EQ(sys_munmap((u64)huge, 2 * LARGE_SIZE, 0, 0, 0, 0), 0);
    EQ(sys_munmap((u64)low, MIB, 0, 0, 0, 0), 0);
    EQ(sys_munmap((u64)low2, MIB, 0, 0, 0, 0), 0);
    OK(memory_back(&before, 8));
}

/* The first file in memory makes the file system for all. */
static struct memory_state state_with_memfd(void)
{
    EQ(sys_close((u64)new_memfd(PAGE_SIZE), 0, 0, 0, 0, 0), 0);
    return memory_state_with_threads();
}

/* As ZGC does: the same memory at three addresses. */
GUEST_TEST(mmap_memfd_at_three_addresses)
{
    struct memory_state before = state_with_memfd();
    u64 size = 8 * MIB;
    s64 fd = new_memfd(size);
    vaddr_t view[3];
    /* Less may be too scattered for four large frames. */
    bool roomy = memory_free_frames() > 48 * MIB / PAGE_SIZE;
    u64 wrong = 0;

    for (unsigned i = 0; i < 3; i++) {
        vaddr_t at = (4ull << i) * TIB;

        view[i] = (vaddr_t)map(at, size, PROT_RW, SHARED | FIXED, fd, 0);
        EQ(view[i], at);
    }
    for (u64 page = 0; page < size / PAGE_SIZE; page++) {
        *word_at(view[page % 3] + page * PAGE_SIZE) = page + 1;
    }
    for (u64 page = 0; page < size / PAGE_SIZE; page++) {
        for (unsigned i = 0; i < 3; i++) {
            wrong += *word_at(view[i] + page * PAGE_SIZE) != page + 1;
        }
    }
    EQ(wrong, 0);
    if (roomy) {
        EQ(backed_by(view[0]), 2);
        EQ(backed_by(view[2] + 3 * LARGE_SIZE), 2);
        EQ(stats_now().resident_4k, before.stats.resident_4k);
    }
    /* The hole is in all views; what is mapped elsewhere in the file is what it is. */
    EQ(sys_fallocate((u64)fd, 3, LARGE_SIZE, LARGE_SIZE, 0, 0), 0);
    EQ(*word_at(view[0] + LARGE_SIZE - PAGE_SIZE), LARGE_SIZE / PAGE_SIZE);
    for (unsigned i = 0; i < 3; i++) {
        EQ(*word_at(view[i] + LARGE_SIZE), 0);
        EQ(*word_at(view[i] + 2 * LARGE_SIZE), 2 * LARGE_SIZE / PAGE_SIZE + 1);
    }
    EQ(map(view[1], LARGE_SIZE, PROT_RW, SHARED | FIXED, fd, 2 * LARGE_SIZE), view[1]);
    EQ(*word_at(view[1]), 2 * LARGE_SIZE / PAGE_SIZE + 1);
    /* A small hole, and a protection of a part: exact. */
    EQ(sys_fallocate((u64)fd, 3, 3 * LARGE_SIZE + PAGE_SIZE, PAGE_SIZE, 0, 0), 0);
    EQ(*word_at(view[2] + 3 * LARGE_SIZE + PAGE_SIZE), 0);
    EQ(*word_at(view[2] + 3 * LARGE_SIZE), 3 * LARGE_SIZE / PAGE_SIZE + 1);
    EQ(*word_at(view[0] + 3 * LARGE_SIZE + 2 * PAGE_SIZE), 3 * LARGE_SIZE / PAGE_SIZE + 3);
    EQ(sys_mprotect(view[0] + 2 * LARGE_SIZE, PAGE_SIZE, 0, 0, 0, 0), 0);
    EQ(sys_mprotect(view[0] + 2 * LARGE_SIZE, PAGE_SIZE, PROT_RW, 0, 0, 0), 0);
    *word_at(view[0] + 2 * LARGE_SIZE) = 77;
    *word_at(view[0] + 2 * LARGE_SIZE + PAGE_SIZE) = 78;
    EQ(*word_at(view[2] + 2 * LARGE_SIZE), 77);
    EQ(*word_at(view[1]), 77);
    EQ(*word_at(view[1] + PAGE_SIZE), 78);
    aspace_check();
    for (unsigned i = 0; i < 3; i++) {
        EQ(sys_munmap(view[i], size, 0, 0, 0, 0), 0);
    }
    EQ(sys_close((u64)fd, 0, 0, 0, 0, 0), 0);
    OK(memory_back(&before, 16));
}

GUEST_TEST(mremap_in_place)
{
    struct memory_state before = memory_state_with_threads();
    vaddr_t va = map_anon(64 * PAGE_SIZE);

    EQ(sys_munmap(va + 16 * PAGE_SIZE, 48 * PAGE_SIZE, 0, 0, 0, 0), 0); /* room to grow */
    stamp_pages(va, va + 16 * PAGE_SIZE, 3);
    EQ(sys_mremap(va, 16 * PAGE_SIZE, 4 * PAGE_SIZE, 0, 0, 0), va);
    EQ(aspace_fault(va + 4 * PAGE_SIZE, 0), -EFAULT);
    EQ(sys_mremap(va, 4 * PAGE_SIZE, 16 * PAGE_SIZE, 0, 0, 0), va);
    OK(pages_stamped(va, va + 4 * PAGE_SIZE, 3));
    OK(memory_is_zero(va + 4 * PAGE_SIZE, va + 16 * PAGE_SIZE));
    EQ(stats_now().regions, before.stats.regions + 1);
    /* Something is in the way. */
    EQ(map(va + 16 * PAGE_SIZE, PAGE_SIZE, PROT_READ, PRIVATE | ANONYMOUS | FIXED, -1, 0),
       va + 16 * PAGE_SIZE);
    EQ(sys_mremap(va, 16 * PAGE_SIZE, 32 * PAGE_SIZE, 0, 0, 0), -ENOMEM);
    EQ(sys_mremap(va, 17 * PAGE_SIZE, 32 * PAGE_SIZE, MAYMOVE, 0, 0), -EFAULT);
    EQ(sys_mremap(va, 0, PAGE_SIZE, 0, 0, 0), -EINVAL);
    EQ(sys_mremap(va, PAGE_SIZE, 0, 0, 0, 0), -EINVAL);
    EQ(sys_mremap(va, PAGE_SIZE, PAGE_SIZE, TO_FIXED, va, 0), -EINVAL);
    EQ(sys_munmap(va, 17 * PAGE_SIZE, 0, 0, 0, 0), 0);
    EQ(sys_mremap(va, PAGE_SIZE, PAGE_SIZE, 0, 0, 0), -EFAULT);
    OK(memory_back(&before, 4));
}

/* Moves `size` bytes from an offset in a window to another one. */
static void move_once(u64 size, u64 from_offset, u64 to_offset, u64 grown)
{
    vaddr_t from = map_anon(size + 2 * LARGE_SIZE), to = map_anon(grown + 2 * LARGE_SIZE);
    vaddr_t old = from + from_offset, new = to + to_offset;

    stamp_pages(old, old + size, old);
    EQ(sys_mremap(old, size, grown, MAYMOVE | TO_FIXED, new, 0), new);
    for (u64 i = 0; i < size; i += PAGE_SIZE) { /* the stamps are those of the old place */
        u64 word = (old + i) >> PAGE_SHIFT;

        if (!EQ(*word_at(new + i + word % 512 * 8), (old + i) ^ old)) {
            break;
        }
    }
    OK(memory_is_zero(new + size, new + grown));
    EQ(aspace_fault(old, 0), -EFAULT);
    EQ(aspace_fault(old + size - PAGE_SIZE, 0), -EFAULT);
    aspace_check();
    EQ(sys_munmap(from, size + 2 * LARGE_SIZE, 0, 0, 0, 0), 0);
    EQ(sys_munmap(to, grown + 2 * LARGE_SIZE, 0, 0, 0, 0), 0);
}

GUEST_TEST(mremap_moves)
{
    struct memory_state before = memory_state_with_threads();

    move_once(4 * LARGE_SIZE, 0, 0, 6 * LARGE_SIZE);
    move_once(3 * PAGE_SIZE, 0, 5 * PAGE_SIZE, 3 * PAGE_SIZE);
    move_once(2 * LARGE_SIZE, 7 * PAGE_SIZE, 0, 2 * LARGE_SIZE + PAGE_SIZE);
    move_once(3 * LARGE_SIZE, 0, 511 * PAGE_SIZE, 3 * LARGE_SIZE);
    move_once(3 * LARGE_SIZE + 9 * PAGE_SIZE, 3 * PAGE_SIZE, 3 * PAGE_SIZE,
              3 * LARGE_SIZE + 9 * PAGE_SIZE);
    OK(memory_back(&before, 16));
}

GUEST_TEST(mremap_elsewhere_and_dontunmap)
{
    struct memory_state before = memory_state_with_threads();
    vaddr_t va = map_anon(4 * LARGE_SIZE);
    s64 moved, kept;

    *word_at(va) = 5;
    *word_at(va + 3 * LARGE_SIZE) = 6;
    moved = sys_mremap(va, 4 * LARGE_SIZE, 8 * TIB, MAYMOVE, 0, 0);
    OK(!IS_ERROR(moved));
    EQ(*word_at((vaddr_t)moved), 5);
    EQ(*word_at((vaddr_t)moved + 3 * LARGE_SIZE), 6);
    EQ(sys_mremap((u64)moved, 8 * TIB, 4 * LARGE_SIZE, 0, 0, 0), moved);
    kept = sys_mremap((u64)moved, 4 * LARGE_SIZE, 4 * LARGE_SIZE, MAYMOVE | DONTUNMAP, 0, 0);
    OK(!IS_ERROR(kept) && kept != moved);
    EQ(*word_at((vaddr_t)kept + 3 * LARGE_SIZE), 6);
    EQ(*word_at((vaddr_t)moved + 3 * LARGE_SIZE), 0);
    EQ(sys_munmap((u64)kept, 4 * LARGE_SIZE, 0, 0, 0, 0), 0);
    EQ(sys_munmap((u64)moved, 4 * LARGE_SIZE, 0, 0, 0, 0), 0);
    aspace_check();
    OK(memory_back(&before, 16));
}

/* A file's mapping keeps its place in the file. */
GUEST_TEST(mremap_of_a_file)
{
    struct memory_state before = state_with_memfd();
    s64 fd = new_memfd(64 * PAGE_SIZE), va, moved;

    va = map(0, 8 * PAGE_SIZE, PROT_RW, SHARED, fd, 8 * PAGE_SIZE);
    OK(!IS_ERROR(va));
    for (u64 i = 0; i < 8; i++) {
        *word_at((vaddr_t)va + i * PAGE_SIZE) = 100 + i;
    }
    moved = sys_mremap((u64)va + 2 * PAGE_SIZE, 2 * PAGE_SIZE, 6 * PAGE_SIZE, MAYMOVE, 0, 0);
    OK(!IS_ERROR(moved));
    EQ(*word_at((vaddr_t)moved), 102);
    EQ(*word_at((vaddr_t)moved + 5 * PAGE_SIZE), 107);
    *word_at((vaddr_t)moved + 5 * PAGE_SIZE) = 7;
    EQ(*word_at((vaddr_t)va + 7 * PAGE_SIZE), 7);
    aspace_check();
    EQ(sys_munmap((u64)va, 8 * PAGE_SIZE, 0, 0, 0, 0), 0);
    EQ(sys_munmap((u64)moved, 6 * PAGE_SIZE, 0, 0, 0, 0), 0);
    EQ(sys_close((u64)fd, 0, 0, 0, 0, 0), 0);
    OK(memory_back(&before, 16));
}

GUEST_TEST(madvise_shared_and_private)
{
    vaddr_t private = map_anon(2 * LARGE_SIZE);
    s64 shared = map(0, LARGE_SIZE, PROT_RW, SHARED | ANONYMOUS, -1, 0);

    *word_at(private) = 1;
    *word_at((vaddr_t)shared) = 2;
    EQ(sys_madvise(private, 2 * LARGE_SIZE, 4, 0, 0, 0), 0);
    EQ(sys_madvise((u64)shared, LARGE_SIZE, 4, 0, 0, 0), 0);
    EQ(*word_at(private), 0);
    EQ(*word_at((vaddr_t)shared), 2);
    EQ(sys_madvise((u64)shared, LARGE_SIZE, 8, 0, 0, 0), -EINVAL); /* MADV_FREE */
    EQ(sys_madvise(private, LARGE_SIZE, 9, 0, 0, 0), -EINVAL);     /* MADV_REMOVE */
    EQ(sys_madvise((u64)shared, LARGE_SIZE, 9, 0, 0, 0), 0);
    EQ(*word_at((vaddr_t)shared), 0);
    /* Does what it can before it says that there was a hole. */
    *word_at(private) = 1;
    *word_at(private + LARGE_SIZE) = 1;
    EQ(sys_munmap(private + PAGE_SIZE, PAGE_SIZE, 0, 0, 0, 0), 0);
    EQ(sys_madvise(private, 2 * LARGE_SIZE, 4, 0, 0, 0), -ENOMEM);
    EQ(*word_at(private) | *word_at(private + LARGE_SIZE), 0);
    EQ(sys_munmap(private, 2 * LARGE_SIZE, 0, 0, 0, 0), 0);
    EQ(sys_munmap((u64)shared, LARGE_SIZE, 0, 0, 0, 0), 0);
}

GUEST_TEST(mincore_and_populate)
{
    vaddr_t vec = map_anon(PAGE_SIZE), va = map_anon(16 * PAGE_SIZE);
    u8 *core = (u8 *)vec;
    u64 sum = 0;

    EQ(sys_madvise(va, 16 * PAGE_SIZE, 15, 0, 0, 0), 0);
    *word_at(va + 3 * PAGE_SIZE) = 1;
    EQ(sys_mincore(va, 16 * PAGE_SIZE, vec, 0, 0, 0), 0);
    EQ(core[3], 1);
    EQ(core[0], 0);
    EQ(sys_madvise(va, 16 * PAGE_SIZE, 23, 0, 0, 0), 0);
    EQ(sys_mincore(va, 16 * PAGE_SIZE, vec, 0, 0, 0), 0);
    for (unsigned i = 0; i < 16; i++) {
        sum += core[i];
    }
    EQ(sum, 16);
    EQ(sys_mincore(va, PAGE_SIZE, 8, 0, 0, 0), -EFAULT);
    EQ(sys_mincore(va + 1, PAGE_SIZE, vec, 0, 0, 0), -EINVAL);
    EQ(sys_munmap(va, 16 * PAGE_SIZE, 0, 0, 0, 0), 0);
    EQ(sys_mincore(va, PAGE_SIZE, vec, 0, 0, 0), -ENOMEM);
    EQ(sys_mlock(va, PAGE_SIZE, 0, 0, 0, 0), -ENOMEM);
    EQ(sys_mlock(vec, PAGE_SIZE, 0, 0, 0, 0), 0);
    EQ(sys_munmap(vec, PAGE_SIZE, 0, 0, 0, 0), 0);
}

GUEST_TEST(membarrier_registers)
{
    EQ(sys_membarrier(0, 1, 0, 0, 0, 0), -EINVAL);
    OK((sys_membarrier(0, 0, 0, 0, 0, 0) & 24) == 24);
    EQ(sys_membarrier(16, 0, 0, 0, 0, 0), 0);
    EQ(sys_membarrier(8, 0, 0, 0, 0, 0), 0);
    EQ(sys_membarrier(3, 0, 0, 0, 0, 0), -EINVAL);
}
