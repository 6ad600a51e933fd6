/* SPDX-License-Identifier: MIT */
/*
 * cgroup v2, mounted on /sys/fs/cgroup: the machine is the container.  Its
 * limits are the machine's, so none is set; what is used is told.
 */
#include "proc_priv.h"

#include <kernel/cpu.h>
#include <kernel/frame.h>
#include <kernel/pagecache.h>
#include <kernel/pressure.h>
#include <kernel/process.h>

#define CGROUP2_MAGIC 0x63677270u

static SHOW(show_memory_current)
{
    struct frame_stats stats;

    (void)node;
    frame_get_stats(&stats);
    text_print(text, "%lu\n",
               (unsigned long)((stats.total - stats.free - balloon_frames()) * PAGE_SIZE));
    return 0;
}

static SHOW(show_memory_stat)
{
    struct page_cache_stats cache;
    struct process_sums sums;

    (void)node;
    page_cache_get_stats(&cache);
    process_sums(&sums);
    text_print(text, "anon %lu\nfile %lu\nfile_mapped %lu\nfile_dirty %lu\n",
               (unsigned long)process_resident(), (unsigned long)(cache.pages * PAGE_SIZE),
               (unsigned long)(cache.mapped * PAGE_SIZE), (unsigned long)(cache.dirty * PAGE_SIZE));
    text_print(text, "inactive_file %lu\npgfault %lu\npgmajfault %lu\n",
               (unsigned long)(cache.pages * PAGE_SIZE), (unsigned long)sums.minor_faults,
               (unsigned long)sums.major_faults);
    return 0;
}

static SHOW(show_cpu_stat)
{
    struct process_sums sums;

    (void)node;
    process_sums(&sums);
    text_print(text, "usage_usec %lu\nuser_usec %lu\nsystem_usec 0\n",
               (unsigned long)(sums.run_time / NSEC_PER_USEC),
               (unsigned long)(sums.run_time / NSEC_PER_USEC));
    text_puts(text, "nr_periods 0\nnr_throttled 0\nthrottled_usec 0\n");
    return 0;
}

static SHOW(show_cpus)
{
    (void)node;
    text_print(text, cpu_count() == 1 ? "%u\n" : "%u-%u\n", 0, cpu_count() - 1);
    return 0;
}

static SHOW(show_pids_current)
{
    struct process_sums sums;

    (void)node;
    process_sums(&sums);
    text_print(text, "%u\n", sums.threads);
    return 0;
}

static SHOW(show_procs)
{
    (void)node;
    text_print(text, "%u\n", PROCESS_ID);
    return 0;
}

static const struct pseudo_entry entries[] = {
    PSEUDO_TEXT("cgroup.controllers", "cpuset cpu io memory pids\n"),
    PSEUDO_TEXT("cgroup.subtree_control", "\n"),
    PSEUDO_TEXT("cgroup.type", "domain\n"),
    PSEUDO_FILE("cgroup.procs", show_procs),
    PSEUDO_TEXT("memory.max", "max\n"),
    PSEUDO_TEXT("memory.high", "max\n"),
    PSEUDO_TEXT("memory.low", "0\n"),
    PSEUDO_TEXT("memory.min", "0\n"),
    PSEUDO_FILE("memory.current", show_memory_current),
    PSEUDO_FILE("memory.stat", show_memory_stat),
    PSEUDO_TEXT("memory.events", "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\n"),
    PSEUDO_TEXT("memory.swap.max", "0\n"),
    PSEUDO_TEXT("memory.swap.current", "0\n"),
    PSEUDO_TEXT("cpu.max", "max 100000\n"),
    PSEUDO_TEXT("cpu.weight", "100\n"),
    PSEUDO_FILE("cpu.stat", show_cpu_stat),
    PSEUDO_FILE("cpuset.cpus", show_cpus),
    PSEUDO_FILE("cpuset.cpus.effective", show_cpus),
    PSEUDO_TEXT("cpuset.mems", "0\n"),
    PSEUDO_TEXT("cpuset.mems.effective", "0\n"),
    PSEUDO_TEXT("io.stat", ""),
    PSEUDO_TEXT("pids.max", "max\n"),
    PSEUDO_FILE("pids.current", show_pids_current),
    PSEUDO_END,
};

int cgroupfs_new(struct super **super)
{
    static const struct pseudo_entry root = PSEUDO_FOLDER("", entries);

    return pseudo_new("cgroup2", &root, 0, CGROUP2_MAGIC, super);
}
