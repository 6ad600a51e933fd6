/* SPDX-License-Identifier: MIT */
/*
 * The tree of /proc: which name has which text.  Formats are those of proc(5).
 * There is one process, number 1; its threads are in /proc/self/task.
 *
 * What is not here is not known: io (nothing counts the bytes of read(2)),
 * pagemap, mem.
 */
#include "proc_priv.h"

#include "../../socket/net_unix.h"
#include <kernel/process.h>
#include <kernel/socket.h>
#include <kernel/version.h>

#define PROC_MAGIC 0x9fa0u

static const u64 zero = 0, one = 1, max_map_count = 2147483647, mmap_min_addr = 65536,
                 pid_max = TID_LIMIT, swappiness = 60, file_max = 9223372036854775807ull,
                 queued_events = 16384, instances = 128, watches = 1048576, pipe_max = 1048576,
                 somaxconn = 4096, cap_last_cap = 40, entropy = 256;

#define NUMBER(n, value) \
    { \
        .name = (n), .mode = S_IFREG | 0444, .number = &(value) \
    }

static u64 self_next(const struct pseudo_node *folder, u64 from)
{
    (void)folder;
    return from <= PROCESS_ID ? PROCESS_ID : PSEUDO_NONE;
}

static SHOW(show_self)
{
    (void)node;
    text_print(text, "%u", PROCESS_ID);
    return 0;
}

static SHOW(show_thread_self)
{
    (void)node;
    text_print(text, "%u/task/%u", PROCESS_ID, thread_current()->tid);
    return 0;
}

/* ---- /proc/1, and below ---------------------------------------------------------- */

static const struct pseudo_entry fd_entries[] = {
    {.name = "",
     .mode = S_IFLNK | 0700,
     .show = show_fd_target,
     .next = fd_number_next,
     .file = fd_link_file},
    PSEUDO_END,
};

static const struct pseudo_entry fdinfo_entries[] = {
    {.name = "", .mode = S_IFREG | 0444, .show = show_fdinfo, .next = fd_number_next},
    PSEUDO_END,
};

#define COMMON_ENTRIES \
    PSEUDO_FOLDER("fd", fd_entries), PSEUDO_FOLDER("fdinfo", fdinfo_entries), \
        {.name = "exe", .mode = S_IFLNK | 0777, .show = show_exe, .file = exe_link_file}, \
        {.name = "cwd", .mode = S_IFLNK | 0777, .show = show_cwd, .file = cwd_link_file}, \
        {.name = "root", .mode = S_IFLNK | 0777, .text = "/", .file = root_link_file}, \
        PSEUDO_FILE("maps", show_maps), PSEUDO_FILE("smaps", show_smaps), \
        PSEUDO_FILE("smaps_rollup", show_smaps_rollup), PSEUDO_FILE("statm", show_statm), \
        PSEUDO_FILE("cmdline", show_cmdline), PSEUDO_SECRET("environ", show_environ), \
        PSEUDO_SECRET("auxv", show_auxv), PSEUDO_SECRET("io", show_io), \
        PSEUDO_FILE("schedstat", show_schedstat), PSEUDO_TEXT("wchan", "0"), \
        {.name = "mem", .mode = S_IFREG | 0600, .read = read_mem, .write = write_mem}, \
        {.name = "pagemap", .mode = S_IFREG | 0400, .read = read_pagemap}, \
        PSEUDO_FILE("limits", show_limits), PSEUDO_FILE("mounts", show_mounts), \
        PSEUDO_FILE("mountinfo", show_mountinfo), PSEUDO_TEXT("cgroup", "0::/\n"), \
        PSEUDO_TEXT("cpuset", "/\n"), PSEUDO_TEXT("loginuid", "4294967295"), \
        PSEUDO_TEXT("sessionid", "4294967295"), \
        PSEUDO_WRITABLE("oom_score_adj", show_oom_score_adj, store_oom_score_adj), \
        PSEUDO_TEXT("oom_score", "0\n"), PSEUDO_TEXT("personality", "00000000\n"), \
        PSEUDO_WRITABLE("comm", show_comm, store_comm)

static const struct pseudo_entry task_entries[] = {
    PSEUDO_FILE("stat", show_thread_stat),
    PSEUDO_FILE("status", show_thread_status),
    COMMON_ENTRIES,
    PSEUDO_END,
};

static const struct pseudo_entry tasks[] = {
    PSEUDO_NUMBERS("", thread_next, task_entries),
    PSEUDO_END,
};

static SHOW(show_net_unix)
{
    (void)node;
    return net_show_unix(text);
}

/* Which one it is, the row of the table says. */
static SHOW(show_net_file);

static const struct pseudo_entry net_entries[] = {
    [NET_FILE_DEV] = PSEUDO_FILE("dev", show_net_file),
    [NET_FILE_IF_INET6] = PSEUDO_FILE("if_inet6", show_net_file),
    [NET_FILE_ROUTE] = PSEUDO_FILE("route", show_net_file),
    [NET_FILE_ARP] = PSEUDO_FILE("arp", show_net_file),
    [NET_FILE_TCP] = PSEUDO_FILE("tcp", show_net_file),
    [NET_FILE_TCP6] = PSEUDO_FILE("tcp6", show_net_file),
    [NET_FILE_UDP] = PSEUDO_FILE("udp", show_net_file),
    [NET_FILE_UDP6] = PSEUDO_FILE("udp6", show_net_file),
    PSEUDO_FILE("unix", show_net_unix),
    PSEUDO_END,
};

static SHOW(show_net_file)
{
    return net_file_show((enum net_file)(node->entry - net_entries), text);
}

static const struct pseudo_entry process_entries[] = {
    PSEUDO_FILE("stat", show_process_stat),
    PSEUDO_FILE("status", show_process_status),
    PSEUDO_FOLDER("task", tasks),
    PSEUDO_FOLDER("net", net_entries),
    PSEUDO_WRITABLE("coredump_filter", show_coredump_filter, store_coredump_filter),
    COMMON_ENTRIES,
    PSEUDO_END,
};

/* ---- /proc/sys ------------------------------------------------------------------ */

static const struct pseudo_entry random_entries[] = {
    PSEUDO_FILE("uuid", show_uuid),
    PSEUDO_FILE("boot_id", show_boot_id),
    NUMBER("entropy_avail", entropy),
    NUMBER("poolsize", entropy),
    PSEUDO_END,
};

static const struct pseudo_entry kernel_entries[] = {
    PSEUDO_FOLDER("random", random_entries),
    PSEUDO_FILE("osrelease", show_osrelease),
    PSEUDO_TEXT("ostype", LINUX_SYSNAME "\n"),
    PSEUDO_TEXT("version", LINUX_VERSION "\n"),
    PSEUDO_FILE("hostname", show_hostname),
    PSEUDO_TEXT("domainname", "(none)\n"),
    PSEUDO_TEXT("core_pattern", "core\n"),
    NUMBER("pid_max", pid_max),
    PSEUDO_FILE("threads-max", show_threads_max),
    NUMBER("cap_last_cap", cap_last_cap),
    NUMBER("numa_balancing", zero),
    PSEUDO_TEXT("randomize_va_space", "2\n"),
    PSEUDO_END,
};

static const struct pseudo_entry vm_entries[] = {
    NUMBER("max_map_count", max_map_count),
    NUMBER("overcommit_memory", one),
    NUMBER("nr_hugepages", zero),
    NUMBER("nr_overcommit_hugepages", zero),
    NUMBER("swappiness", swappiness),
    NUMBER("mmap_min_addr", mmap_min_addr),
    PSEUDO_END,
};

static const struct pseudo_entry inotify_entries[] = {
    NUMBER("max_queued_events", queued_events),
    NUMBER("max_user_instances", instances),
    NUMBER("max_user_watches", watches),
    PSEUDO_END,
};

static const struct pseudo_entry fs_entries[] = {
    NUMBER("file-max", file_max),
    PSEUDO_FILE("nr_open", show_nr_open),
    PSEUDO_FOLDER("inotify", inotify_entries),
    NUMBER("pipe-max-size", pipe_max),
    PSEUDO_END,
};

static const struct pseudo_entry net_core_entries[] = {
    NUMBER("somaxconn", somaxconn),
    PSEUDO_END,
};

static const struct pseudo_entry sys_net_entries[] = {
    PSEUDO_FOLDER("core", net_core_entries),
    PSEUDO_END,
};

static const struct pseudo_entry sys_entries[] = {
    PSEUDO_FOLDER("kernel", kernel_entries),
    PSEUDO_FOLDER("vm", vm_entries),
    PSEUDO_FOLDER("fs", fs_entries),
    PSEUDO_FOLDER("net", sys_net_entries),
    PSEUDO_END,
};

/* ---- /proc ---------------------------------------------------------------------- */

/* All controllers in the one hierarchy of cgroup v2: that is how the JVM tells it. */
#define CGROUPS \
    "#subsys_name\thierarchy\tnum_cgroups\tenabled\n" \
    "cpuset\t0\t1\t1\ncpu\t0\t1\t1\ncpuacct\t0\t1\t1\nio\t0\t1\t1\nmemory\t0\t1\t1\npids\t0\t1\t1\n"

#define FILESYSTEMS \
    "nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\nnodev\tcgroup2\nnodev\tdevtmpfs\nnodev\tsockfs\n" \
    "nodev\tpipefs\n\terofs\nnodev\t9p\n"

#define DEVICES \
    "Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/console\n\nBlock devices:\n254 virtblk\n"

static const struct pseudo_entry entries[] = {
    PSEUDO_LINK("self", show_self),
    PSEUDO_LINK("thread-self", show_thread_self),
    PSEUDO_NUMBERS("", self_next, process_entries),
    PSEUDO_FILE("stat", show_stat),
    PSEUDO_FILE("meminfo", show_meminfo),
    PSEUDO_FILE("cpuinfo", show_cpuinfo),
    PSEUDO_FILE("version", show_version),
    PSEUDO_FILE("uptime", show_uptime),
    PSEUDO_FILE("loadavg", show_loadavg),
    PSEUDO_FILE("cmdline", show_boot_cmdline),
    PSEUDO_TEXT("filesystems", FILESYSTEMS),
    {.name = "mounts", .mode = S_IFLNK | 0777, .text = "self/mounts"},
    {.name = "net", .mode = S_IFLNK | 0777, .text = "self/net"},
    PSEUDO_TEXT("cgroups", CGROUPS),
    PSEUDO_FILE("interrupts", show_interrupts),
    PSEUDO_FILE("vmstat", show_vmstat),
    PSEUDO_TEXT("diskstats", ""),
    PSEUDO_TEXT("partitions", "major minor  #blocks  name\n\n"),
    PSEUDO_TEXT("devices", DEVICES),
    PSEUDO_TEXT("swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"),
    PSEUDO_FOLDER("sys", sys_entries),
    PSEUDO_END,
};

int procfs_new(struct super **super)
{
    static const struct pseudo_entry root = PSEUDO_FOLDER("", entries);

    return pseudo_new("proc", &root, 0, PROC_MAGIC, super);
}
