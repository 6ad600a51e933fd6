/* SPDX-License-Identifier: MIT */
/*
 * /sys, as far as programs and the JVM read it: large pages, processors, the
 * one node of memory, and the folder that cgroup v2 is mounted on.
 *
 * Large pages are given to any region that a 2 MiB window fits in: that is
 * Linux's "always", done at the fault, without compaction ("defer").  Pools
 * of huge pages are empty: MAP_HUGETLB takes from all memory.
 */
#include "proc_priv.h"

#include <kernel/aspace.h>
#include <kernel/cpu.h>

#define SYSFS_MAGIC 0x62656572u
#define SYSFS_FILE_SIZE 4096u

/* ---- Memory --------------------------------------------------------------------- */

static SHOW(show_collapsed)
{
    struct aspace_stats stats;

    (void)node;
    aspace_get_stats(&stats);
    text_print(text, "%lu\n", (unsigned long)stats.promotions);
    return 0;
}

static const struct pseudo_entry khugepaged_entries[] = {
    PSEUDO_TEXT("defrag", "1\n"),
    PSEUDO_TEXT("max_ptes_none", "511\n"),
    PSEUDO_TEXT("max_ptes_shared", "0\n"),
    PSEUDO_TEXT("max_ptes_swap", "0\n"),
    PSEUDO_TEXT("pages_to_scan", "4096\n"),
    PSEUDO_TEXT("scan_sleep_millisecs", "10000\n"),
    PSEUDO_TEXT("alloc_sleep_millisecs", "60000\n"),
    PSEUDO_FILE("pages_collapsed", show_collapsed),
    PSEUDO_TEXT("full_scans", "0\n"),
    PSEUDO_END,
};

static const struct pseudo_entry thp_entries[] = {
    PSEUDO_TEXT("enabled", "[always] madvise never\n"),
    PSEUDO_TEXT("defrag", "always [defer] defer+madvise madvise never\n"),
    PSEUDO_TEXT("shmem_enabled", "always within_size advise [never] deny force\n"),
    PSEUDO_TEXT("hpage_pmd_size", "2097152\n"),
    PSEUDO_TEXT("use_zero_page", "0\n"),
    PSEUDO_FOLDER("khugepaged", khugepaged_entries),
    PSEUDO_END,
};

static const struct pseudo_entry pool_entries[] = {
    PSEUDO_TEXT("nr_hugepages", "0\n"),
    PSEUDO_TEXT("nr_hugepages_mempolicy", "0\n"),
    PSEUDO_TEXT("nr_overcommit_hugepages", "0\n"),
    PSEUDO_TEXT("free_hugepages", "0\n"),
    PSEUDO_TEXT("resv_hugepages", "0\n"),
    PSEUDO_TEXT("surplus_hugepages", "0\n"),
    PSEUDO_END,
};

/* "hugepages-" and a size in KiB; a number that the platform has. */
static u64 pool_next(const struct pseudo_node *folder, u64 from)
{
    (void)folder;
    if (from <= LARGE_SIZE / KIB) {
        return LARGE_SIZE / KIB;
    }
    return from <= GIANT_SIZE / KIB && cpu_has_giant_pages() ? GIANT_SIZE / KIB : PSEUDO_NONE;
}

static const struct pseudo_entry pools[] = {
    {.name = "hugepages-",
     .suffix = "kB",
     .mode = S_IFDIR | 0555,
     .next = pool_next,
     .children = pool_entries},
    PSEUDO_END,
};

static const struct pseudo_entry mm_entries[] = {
    PSEUDO_FOLDER("transparent_hugepage", thp_entries),
    PSEUDO_FOLDER("hugepages", pools),
    PSEUDO_END,
};

static const struct pseudo_entry kernel_entries[] = {
    PSEUDO_FOLDER("mm", mm_entries),
    PSEUDO_END,
};

/* ---- Processors ----------------------------------------------------------------- */

static void print_range(struct text *text, unsigned first, unsigned last)
{
    text_print(text, first == last ? "%u\n" : "%u-%u\n", first, last);
}

/* Words of 32 bits, the highest first. */
static void print_mask(struct text *text, u64 mask)
{
    if (cpu_count() > 32) {
        text_print(text, "%08lx,%08lx\n", (unsigned long)(mask >> 32),
                   (unsigned long)(mask & 0xffffffff));
    } else {
        text_print(text, "%lx\n", (unsigned long)mask);
    }
}

static SHOW(show_all_cpus)
{
    (void)node;
    print_range(text, 0, cpu_count() - 1);
    return 0;
}

static SHOW(show_all_mask)
{
    unsigned count = cpu_count();

    (void)node;
    print_mask(text, count == 64 ? ~0ull : (1ull << count) - 1);
    return 0;
}

static SHOW(show_this_cpu)
{
    text_print(text, "%lu\n", (unsigned long)node->key[0]);
    return 0;
}

static SHOW(show_this_mask)
{
    print_mask(text, 1ull << node->key[0]);
    return 0;
}

/* One package of as many cores; whether two are one core's threads is not known. */
static const struct pseudo_entry topology_entries[] = {
    PSEUDO_FILE("core_id", show_this_cpu),
    PSEUDO_FILE("core_cpus", show_this_mask),
    PSEUDO_FILE("core_cpus_list", show_this_cpu),
    PSEUDO_FILE("core_siblings", show_all_mask),
    PSEUDO_FILE("core_siblings_list", show_all_cpus),
    PSEUDO_TEXT("die_id", "0\n"),
    PSEUDO_FILE("die_cpus", show_all_mask),
    PSEUDO_FILE("die_cpus_list", show_all_cpus),
    PSEUDO_TEXT("physical_package_id", "0\n"),
    PSEUDO_FILE("package_cpus", show_all_mask),
    PSEUDO_FILE("package_cpus_list", show_all_cpus),
    PSEUDO_FILE("thread_siblings", show_this_mask),
    PSEUDO_FILE("thread_siblings_list", show_this_cpu),
    PSEUDO_END,
};

static const struct pseudo_entry index_entries[] = {
    PSEUDO_FILE("level", show_cache_level),
    PSEUDO_FILE("type", show_cache_type),
    PSEUDO_FILE("size", show_cache_size),
    PSEUDO_FILE("coherency_line_size", show_cache_line),
    PSEUDO_FILE("number_of_sets", show_cache_sets),
    PSEUDO_FILE("ways_of_associativity", show_cache_ways),
    PSEUDO_FILE("shared_cpu_list", show_cache_cpus),
    PSEUDO_FILE("shared_cpu_map", show_cache_map),
    PSEUDO_TEXT("physical_line_partition", "1\n"),
    PSEUDO_END,
};

static const struct pseudo_entry caches[] = {
    PSEUDO_NUMBERS("index", cache_next, index_entries),
    PSEUDO_END,
};

static const struct pseudo_entry cpu_entries[] = {
    PSEUDO_FOLDER("topology", topology_entries),
    PSEUDO_FOLDER("cache", caches),
    PSEUDO_TEXT("online", "1\n"),
    PSEUDO_END,
};

static const struct pseudo_entry cpus_entries[] = {
    PSEUDO_FILE("online", show_all_cpus),
    PSEUDO_FILE("possible", show_all_cpus),
    PSEUDO_FILE("present", show_all_cpus),
    PSEUDO_TEXT("offline", "\n"),
    PSEUDO_TEXT("isolated", "\n"),
    PSEUDO_TEXT("kernel_max", "63\n"),
    PSEUDO_NUMBERS("cpu", cpu_next, cpu_entries),
    PSEUDO_END,
};

/* ---- Nodes ---------------------------------------------------------------------- */

static const struct pseudo_entry node0_entries[] = {
    PSEUDO_FILE("cpulist", show_all_cpus),
    PSEUDO_FILE("cpumap", show_all_mask),
    PSEUDO_TEXT("distance", "10\n"),
    PSEUDO_FILE("meminfo", show_node_meminfo),
    PSEUDO_END,
};

static const struct pseudo_entry node_entries[] = {
    PSEUDO_TEXT("online", "0\n"),
    PSEUDO_TEXT("possible", "0\n"),
    PSEUDO_TEXT("has_cpu", "0\n"),
    PSEUDO_TEXT("has_memory", "0\n"),
    PSEUDO_TEXT("has_normal_memory", "0\n"),
    PSEUDO_FOLDER("node0", node0_entries),
    PSEUDO_END,
};

static const struct pseudo_entry system_entries[] = {
    PSEUDO_FOLDER("cpu", cpus_entries),
    PSEUDO_FOLDER("node", node_entries),
    PSEUDO_END,
};

static const struct pseudo_entry devices_entries[] = {
    PSEUDO_FOLDER("system", system_entries),
    PSEUDO_END,
};

/* ---- /sys ----------------------------------------------------------------------- */

static const struct pseudo_entry nothing[] = {PSEUDO_END};

static const struct pseudo_entry fs_entries[] = {
    PSEUDO_FOLDER("cgroup", nothing),
    PSEUDO_END,
};

static const struct pseudo_entry entries[] = {
    PSEUDO_FOLDER("kernel", kernel_entries),
    PSEUDO_FOLDER("devices", devices_entries),
    PSEUDO_FOLDER("fs", fs_entries),
    PSEUDO_END,
};

int sysfs_new(struct super **super)
{
    static const struct pseudo_entry root = PSEUDO_FOLDER("", entries);

    return pseudo_new("sysfs", &root, SYSFS_FILE_SIZE, SYSFS_MAGIC, super);
}
