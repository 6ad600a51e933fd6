/* SPDX-License-Identifier: MIT */
/*
 * Between the files of /proc, /sys and cgroup v2:
 *
 *   pseudo.c, pseudo_table.c, text.c   file systems of text
 *   proc.c          the table of /proc          sysfs.c   of /sys
 *   proc_maps.c     regions of memory           cgroup.c  of cgroup v2
 *   proc_memory.c   memory by its address
 *   proc_status.c   the process and its threads
 *   proc_process.c  what else belongs to it
 *   proc_system.c   the machine                 cpuinfo.c   its processors
 */
#pragma once

#include "pseudo_priv.h"
#include <kernel/thread.h>

#define USER_HZ 100u

/* Processor times in USER_HZ. */
static inline u64 ticks_of(nsec_t time)
{
    return time / (NSEC_PER_SEC / USER_HZ);
}

/* The process as a whole: its living threads; the time is that of the dead ones, too. */
struct process_sums {
    unsigned threads, running;
    nsec_t run_time, system_time;
    u64 minor_faults, major_faults;
};
void process_sums(struct process_sums *sums);
/* The lowest number from `from` on that an application thread has. */
u64 thread_next(const struct pseudo_node *folder, u64 from);
/* Processors by number, for folders. */
u64 cpu_next(const struct pseudo_node *folder, u64 from);

#define SHOW(name) int name(struct text *text, const struct pseudo_node *node)
#define STORE(name) int name(const struct pseudo_node *node, const char *data, size_t size)

SHOW(show_maps);
SHOW(show_smaps);
SHOW(show_smaps_rollup);
SHOW(show_auxv);
SHOW(show_io);
SHOW(show_schedstat);
int read_pagemap(const struct pseudo_node *node, struct io *io, u64 *pos);
int read_mem(const struct pseudo_node *node, struct io *io, u64 *pos);
int write_mem(const struct pseudo_node *node, struct io *io, u64 *pos);
SHOW(show_process_stat);
SHOW(show_thread_stat);
SHOW(show_process_status);
SHOW(show_thread_status);
SHOW(show_statm);
SHOW(show_comm);
STORE(store_comm);
SHOW(show_cmdline);
SHOW(show_environ);
SHOW(show_exe);
SHOW(show_cwd);
SHOW(show_limits);
SHOW(show_mounts);
SHOW(show_mountinfo);
SHOW(show_fd_target);
SHOW(show_fdinfo);
SHOW(show_coredump_filter);
STORE(store_coredump_filter);
SHOW(show_oom_score_adj);
STORE(store_oom_score_adj);
u64 fd_number_next(const struct pseudo_node *folder, u64 from);
struct file *fd_link_file(const struct pseudo_node *node);
struct file *exe_link_file(const struct pseudo_node *node);
struct file *cwd_link_file(const struct pseudo_node *node);
struct file *root_link_file(const struct pseudo_node *node);

SHOW(show_stat);
SHOW(show_meminfo);
SHOW(show_node_meminfo);
SHOW(show_vmstat);
SHOW(show_uptime);
SHOW(show_loadavg);
SHOW(show_boot_cmdline);
SHOW(show_interrupts);
SHOW(show_version);
SHOW(show_osrelease);
SHOW(show_hostname);
SHOW(show_uuid);
SHOW(show_boot_id);
SHOW(show_nr_open);
SHOW(show_threads_max);
SHOW(show_cpuinfo);

SHOW(show_cache_level);
SHOW(show_cache_type);
SHOW(show_cache_size);
SHOW(show_cache_line);
SHOW(show_cache_sets);
SHOW(show_cache_ways);
SHOW(show_cache_cpus);
SHOW(show_cache_map);
u64 cache_next(const struct pseudo_node *folder, u64 from);
