/* SPDX-License-Identifier: MIT */
/*
 * The machine as /proc tells of it: time, processors, memory.  What Linux has
 * and we have not - swap, slabs that could be given back, interrupts by
 * number - is 0 where programs want the line, and left out elsewhere.
 *
 * There are no load averages: /proc/loadavg tells how many threads run now,
 * three times.
 */
#include "proc_priv.h"

#include <kernel/aspace.h>
#include <kernel/bootinfo.h>
#include <kernel/clock.h>
#include <kernel/cpu.h>
#include <kernel/fd.h>
#include <kernel/frame.h>
#include <kernel/kmalloc.h>
#include <kernel/pagecache.h>
#include <kernel/pressure.h>
#include <kernel/print.h>
#include <kernel/process.h>
#include <kernel/random.h>
#include <kernel/sched.h>
#include <kernel/string.h>
#include <kernel/version.h>

u64 cpu_next(const struct pseudo_node *folder, u64 from)
{
    (void)folder;
    return from < cpu_count() ? from : PSEUDO_NONE;
}

static void print_cpu(struct text *text, const char *name, nsec_t busy, nsec_t idle)
{
    text_print(text, "%s %lu 0 0 %lu 0 0 0 0 0 0\n", name, (unsigned long)ticks_of(busy),
               (unsigned long)ticks_of(idle));
}

SHOW(show_stat)
{
    u64 idle = 0, switches = 0;
    nsec_t now = clock_now();
    struct sched_stats stats;
    struct process_sums sums;
    char name[16];

    (void)node;
    for (unsigned i = 0; i < cpu_count(); i++) {
        sched_get_stats(i, &stats);
        idle += MIN(stats.idle_time, now);
        switches += stats.switches;
    }
    /* Two blanks, as Linux has them. */
    print_cpu(text, "cpu ", now * cpu_count() - idle, idle);
    for (unsigned i = 0; i < cpu_count(); i++) {
        sched_get_stats(i, &stats);
        ksnprintf(name, sizeof(name), "cpu%u", i);
        print_cpu(text, name, now - MIN(stats.idle_time, now), MIN(stats.idle_time, now));
    }
    process_sums(&sums);
    text_print(text, "intr 0\nctxt %lu\nbtime %lu\nprocesses 1\nprocs_running %u\n",
               (unsigned long)switches, (unsigned long)((clock_wall() - now) / NSEC_PER_SEC),
               sums.running);
    text_puts(text, "procs_blocked 0\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n");
    return 0;
}

static void print_kb(struct text *text, const char *prefix, const char *name, u64 bytes)
{
    int pad = 15 - (int)strlen(name);

    text_print(text, "%s%s:%*s%8lu kB\n", prefix, name, pad > 0 ? pad : 0, "",
               (unsigned long)(bytes / KIB));
}

struct memory {
    struct frame_stats frames;
    struct page_cache_stats cache;
    struct kmalloc_stats heap;
    struct aspace_stats aspace;
    u64 total, free, available, cached, anonymous, balloon;
};

static void get_memory(struct memory *m)
{
    frame_get_stats(&m->frames);
    page_cache_get_stats(&m->cache);
    kmalloc_get_stats(&m->heap);
    aspace_get_stats(&m->aspace);
    m->balloon = balloon_frames() * PAGE_SIZE;
    m->total = (m->frames.total - balloon_kept_frames()) * PAGE_SIZE;
    m->free = m->frames.free * PAGE_SIZE;
    m->cached = m->cache.pages * PAGE_SIZE;
    /* Clean pages that are elsewhere as well can be given back. */
    m->available =
        m->free + m->cached - MIN(m->cached, (m->cache.dirty + m->cache.memory) * PAGE_SIZE);
    m->anonymous = process_resident();
    m->anonymous -= MIN(m->anonymous, m->cache.mapped * PAGE_SIZE);
}

SHOW(show_meminfo)
{
    struct memory m;

    (void)node;
    get_memory(&m);
    print_kb(text, "", "MemTotal", m.total);
    print_kb(text, "", "MemFree", m.free);
    print_kb(text, "", "MemAvailable", m.available);
    print_kb(text, "", "Buffers", 0);
    print_kb(text, "", "Cached", m.cached);
    print_kb(text, "", "SwapCached", 0);
    print_kb(text, "", "SwapTotal", 0);
    print_kb(text, "", "SwapFree", 0);
    print_kb(text, "", "Dirty", m.cache.dirty * PAGE_SIZE);
    print_kb(text, "", "Writeback", 0);
    print_kb(text, "", "AnonPages", m.anonymous);
    print_kb(text, "", "Mapped", m.cache.mapped * PAGE_SIZE);
    print_kb(text, "", "Shmem", m.cache.memory * PAGE_SIZE);
    print_kb(text, "", "Slab", m.heap.slab_bytes);
    print_kb(text, "", "SReclaimable", 0);
    print_kb(text, "", "SUnreclaim", m.heap.slab_bytes);
    print_kb(text, "", "CommitLimit", m.total);
    print_kb(text, "", "Committed_AS", m.anonymous);
    print_kb(text, "", "VmallocTotal", 0);
    print_kb(text, "", "VmallocUsed", 0);
    print_kb(text, "", "VmallocChunk", 0);
    print_kb(text, "", "AnonHugePages",
             m.aspace.resident_2m * LARGE_SIZE + m.aspace.resident_1g * GIANT_SIZE);
    print_kb(text, "", "ShmemHugePages", 0);
    text_puts(text, "HugePages_Total:       0\nHugePages_Free:        0\n"
                    "HugePages_Rsvd:        0\nHugePages_Surp:        0\n");
    print_kb(text, "", "Hugepagesize", LARGE_SIZE);
    print_kb(text, "", "Hugetlb", 0);
    print_kb(text, "", "Balloon", m.balloon);
    return 0;
}

SHOW(show_node_meminfo)
{
    struct memory m;

    (void)node;
    get_memory(&m);
    print_kb(text, "Node 0 ", "MemTotal", m.total);
    print_kb(text, "Node 0 ", "MemFree", m.free);
    print_kb(text, "Node 0 ", "MemUsed", m.total - m.free);
    print_kb(text, "Node 0 ", "FilePages", m.cached);
    print_kb(text, "Node 0 ", "AnonPages", m.anonymous);
    print_kb(text, "Node 0 ", "AnonHugePages",
             m.aspace.resident_2m * LARGE_SIZE + m.aspace.resident_1g * GIANT_SIZE);
    text_puts(text, "Node 0 HugePages_Total:     0\nNode 0 HugePages_Free:      0\n"
                    "Node 0 HugePages_Surp:      0\n");
    return 0;
}

SHOW(show_vmstat)
{
    struct pressure_stats pressure;
    struct process_sums sums;
    struct memory m;

    (void)node;
    get_memory(&m);
    process_sums(&sums);
    text_print(text, "nr_free_pages %lu\nnr_file_pages %lu\nnr_dirty %lu\nnr_mapped %lu\n",
               (unsigned long)m.frames.free, (unsigned long)m.cache.pages,
               (unsigned long)m.cache.dirty, (unsigned long)m.cache.mapped);
    text_print(text, "pgpgin %lu\npgpgout %lu\npswpin 0\npswpout 0\n",
               (unsigned long)(m.cache.read * PAGE_SIZE / KIB),
               (unsigned long)(m.cache.written * PAGE_SIZE / KIB));
    text_print(text, "pgfault %lu\npgmajfault %lu\nthp_fault_alloc %lu\nthp_collapse_alloc %lu\n",
               (unsigned long)m.aspace.faults, (unsigned long)sums.major_faults,
               (unsigned long)m.aspace.faults_2m, (unsigned long)m.aspace.promotions);
    pressure_get_stats(&pressure);
    text_print(text, "balloon_inflate %lu\nballoon_deflate %lu\n", (unsigned long)pressure.inflated,
               (unsigned long)pressure.deflated);
    return 0;
}

static void print_hundredths(struct text *text, nsec_t time, char end)
{
    text_print(text, "%lu.%02lu%c", (unsigned long)(time / NSEC_PER_SEC),
               (unsigned long)(time % NSEC_PER_SEC / (NSEC_PER_SEC / 100)), end);
}

SHOW(show_uptime)
{
    nsec_t now = clock_now(), idle = 0;
    struct sched_stats stats;

    (void)node;
    for (unsigned i = 0; i < cpu_count(); i++) {
        sched_get_stats(i, &stats);
        idle += stats.idle_time;
    }
    print_hundredths(text, now, ' ');
    print_hundredths(text, idle, '\n');
    return 0;
}

SHOW(show_loadavg)
{
    struct process_sums sums;
    u64 load[3];

    (void)node;
    process_sums(&sums);
    process_load(load);
    for (unsigned i = 0; i < 3; i++) {
        text_print(text, "%u.%02u ", (unsigned)(load[i] / LOAD_ONE),
                   (unsigned)(load[i] % LOAD_ONE * 100 / LOAD_ONE));
    }
    text_print(text, "%u/%u %u\n", sums.running, sums.threads, PROCESS_ID);
    return 0;
}

SHOW(show_boot_cmdline)
{
    (void)node;
    text_puts(text, bootinfo.cmdline);
    text_puts(text, "\n");
    return 0;
}

/* The processors only: no interrupt is counted. */
SHOW(show_interrupts)
{
    (void)node;
    text_puts(text, "           ");
    for (unsigned i = 0; i < cpu_count(); i++) {
        text_print(text, "CPU%-8u", i);
    }
    text_puts(text, "\n");
    return 0;
}

SHOW(show_version)
{
    (void)node;
    text_puts(text, "Linux version " LINUX_RELEASE " (moka) " LINUX_VERSION "\n");
    return 0;
}

SHOW(show_osrelease)
{
    (void)node;
    text_puts(text, LINUX_RELEASE "\n");
    return 0;
}

SHOW(show_hostname)
{
    char name[65] = LINUX_NODENAME;

    (void)node;
    (void)cmdline_get("net.name", name, sizeof(name));
    text_print(text, "%s\n", name);
    return 0;
}

/* RFC 9562, version 4. */
static void print_uuid(struct text *text, u64 high, u64 low)
{
    high = (high & ~0xf000ull) | 0x4000;
    low = (low & ~(3ull << 62)) | 1ull << 63;
    text_print(text, "%08lx-%04lx-%04lx-%04lx-%012lx\n", (unsigned long)(high >> 32),
               (unsigned long)(high >> 16 & 0xffff), (unsigned long)(high & 0xffff),
               (unsigned long)(low >> 48), (unsigned long)(low & 0xffffffffffffull));
}

SHOW(show_uuid)
{
    (void)node;
    print_uuid(text, random_u64(), random_u64());
    return 0;
}

SHOW(show_boot_id)
{
    static _Atomic u64 id[2]; /* drawn at the first look */

    (void)node;
    for (unsigned i = 0; i < 2; i++) {
        u64 none = 0;

        atomic_compare_exchange_strong_explicit(&id[i], &none, random_u64() | 1,
                                                memory_order_relaxed, memory_order_relaxed);
    }
    print_uuid(text, atomic_load_explicit(&id[0], memory_order_relaxed),
               atomic_load_explicit(&id[1], memory_order_relaxed));
    return 0;
}

SHOW(show_nr_open)
{
    (void)node;
    text_print(text, "%lu\n", (unsigned long)process_limit(RLIMIT_NOFILE).hard);
    return 0;
}

SHOW(show_threads_max)
{
    (void)node;
    text_print(text, "%u\n", TID_LIMIT);
    return 0;
}
