/* SPDX-License-Identifier: MIT */
/*
 * The vDSO (vdso(7)): functions that tell the time and the CPU without a
 * system call.  A C library finds them by the auxiliary vector.
 *
 * There is one address space, and the program may execute the kernel's text.
 * So this is no library of its own that is mapped somewhere: the functions
 * are the kernel's, and the ELF image is only their symbol table.  It is
 * linked at the place where it lies, with the addresses as they are.
 *
 * The functions run as a part of the program, on its stack: they may be
 * interrupted, and a bad pointer is the program's fault.  What they cannot do
 * they ask of the kernel as the program would.  There are no symbol versions;
 * who looks for one takes a symbol that has none.
 */
#include <kernel/vdso.h>

#include <kernel/clock.h>
#include <kernel/cpu.h>
#include <kernel/syscall.h>
#include <stdatomic.h>

#include "time_syscall_priv.h"

#define NR_CLOCK_GETTIME 228

static s64 call_kernel(u64 nr, u64 a0, u64 a1)
{
    __asm__ volatile("call syscall_entry"
                     : "+a"(nr), "+D"(a0), "+S"(a1)
                     :
                     : "rcx", "rdx", "r8", "r9", "r10", "r11", "memory", "cc");
    return (s64)nr;
}

/* (a) atomic: the second last told of each clock, which the next time most likely is in. */
static struct {
    _Atomic u64 wall, monotonic; /* (a) */
} second;

/*
 * A division takes as long as the rest; so the second is guessed.  The guess is
 * read ahead of the clock, whose fence would else wait for it.
 */
static inline void tell(u64 (*clock)(void), _Atomic u64 *guess, struct timespec *time)
{
    u64 sec = atomic_load_explicit(guess, memory_order_relaxed), start = sec * NSEC_PER_SEC;
    u64 now = clock();

    if (unlikely(now - start >= NSEC_PER_SEC)) {
        *time = timespec_from_nsec(now);
        atomic_store_explicit(guess, (u64)time->sec, memory_order_relaxed);
        return;
    }
    time->sec = (s64)sec;
    time->nsec = (s64)(now - start);
}

static int vdso_clock_gettime(int clock, struct timespec *time)
{
    if (clock_is_wall(clock)) {
        tell(clock_wall, &second.wall, time);
        return 0;
    }
    if (clock_is_monotonic(clock)) {
        tell(clock_now, &second.monotonic, time);
        return 0;
    }
    return (int)call_kernel(NR_CLOCK_GETTIME, (u64)clock, (u64)time);
}

static int vdso_gettimeofday(struct timeval *time, s32 *zone)
{
    if (time != NULL) {
        *time = timeval_from_nsec(clock_wall());
    }
    if (zone != NULL) {
        zone[0] = zone[1] = 0;
    }
    return 0;
}

static s64 vdso_time(s64 *time)
{
    s64 now = (s64)(clock_wall() / NSEC_PER_SEC);

    if (time != NULL) {
        *time = now;
    }
    return now;
}

static s64 vdso_getcpu(u32 *cpu, u32 *node, void *unused)
{
    if (cpu != NULL) {
        *cpu = cpu_id();
    }
    if (node != NULL) {
        *node = 0;
    }
    return 0;
}

/* ---- The image: System V ABI, chapters 4 and 5 --------------------------------- */

struct header {
    u8 ident[16];
    u16 type, machine;
    u32 version;
    u64 entry, segments, sections;
    u32 flags;
    u16 size, segment_size, segment_count, section_size, section_count, section_names;
};

struct segment {
    u32 type, flags;
    u64 offset, vaddr, paddr, file_size, memory_size, align;
};

struct dynamic {
    u64 tag, value;
};

struct symbol {
    u32 name;
    u8 info, other;
    u16 section;
    u64 value, size;
};

enum {
    SYMBOL_NONE,
    SYMBOL_CLOCK_GETTIME,
    SYMBOL_GETTIMEOFDAY,
    SYMBOL_TIME,
    SYMBOL_GETCPU,
    SYMBOLS
};
#define HASH_BUCKETS 1 /* which has all symbols, the last one first */

#define ET_DYN 3
#define EM_X86_64 62
#define PT_LOAD 1
#define PT_DYNAMIC 2
#define READ_EXECUTE 5
#define DT_HASH 4
#define DT_STRTAB 5
#define DT_SYMTAB 6
#define DT_STRSZ 10
#define DT_SYMENT 11
#define DT_SONAME 14
#define GLOBAL_FUNCTION 0x12
#define ABSOLUTE 0xfff1

struct names {
    char none[1];
    char clock_gettime[sizeof("__vdso_clock_gettime")];
    char gettimeofday[sizeof("__vdso_gettimeofday")];
    char time[sizeof("__vdso_time")];
    char getcpu[sizeof("__vdso_getcpu")];
    char own[sizeof("linux-vdso.so.1")];
};

#define SYMBOL(name) \
    { \
        offsetof(struct names, name), GLOBAL_FUNCTION, 0, ABSOLUTE, (u64)vdso_##name, 0 \
    }

const struct vdso_image {
    struct header header;
    struct segment segment[2];
    struct dynamic dynamic[7];
    struct symbol symbol[SYMBOLS];
    u32 hash[2 + HASH_BUCKETS + SYMBOLS]; /* counts, the bucket, the chain */
    struct names names;
} vdso_image = {
    .header = {.ident = {0x7f, 'E', 'L', 'F', 2, 1, 1},
               .type = ET_DYN,
               .machine = EM_X86_64,
               .version = 1,
               .segments = offsetof(struct vdso_image, segment),
               .size = sizeof(struct header),
               .segment_size = sizeof(struct segment),
               .segment_count = 2},
    .segment = {{.type = PT_LOAD,
                 .flags = READ_EXECUTE,
                 .vaddr = (u64)&vdso_image,
                 .file_size = sizeof(vdso_image),
                 .memory_size = sizeof(vdso_image),
                 .align = 16},
                {.type = PT_DYNAMIC,
                 .flags = READ_EXECUTE,
                 .offset = offsetof(struct vdso_image, dynamic),
                 .vaddr = (u64)&vdso_image.dynamic,
                 .file_size = sizeof(vdso_image.dynamic),
                 .memory_size = sizeof(vdso_image.dynamic),
                 .align = 8}},
    .dynamic = {{DT_SONAME, offsetof(struct names, own)},
                {DT_HASH, (u64)&vdso_image.hash},
                {DT_SYMTAB, (u64)&vdso_image.symbol},
                {DT_SYMENT, sizeof(struct symbol)},
                {DT_STRTAB, (u64)&vdso_image.names},
                {DT_STRSZ, sizeof(struct names)}},
    .symbol = {[SYMBOL_CLOCK_GETTIME] = SYMBOL(clock_gettime),
               [SYMBOL_GETTIMEOFDAY] = SYMBOL(gettimeofday),
               [SYMBOL_TIME] = SYMBOL(time),
               [SYMBOL_GETCPU] = SYMBOL(getcpu)},
    .hash = {HASH_BUCKETS, SYMBOLS, SYMBOL_GETCPU, SYMBOL_NONE, SYMBOL_NONE, SYMBOL_CLOCK_GETTIME,
             SYMBOL_GETTIMEOFDAY, SYMBOL_TIME},
    .names = {"", "__vdso_clock_gettime", "__vdso_gettimeofday", "__vdso_time", "__vdso_getcpu",
              "linux-vdso.so.1"},
};
