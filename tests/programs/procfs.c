/* SPDX-License-Identifier: MIT */
/* What /proc and /sys tell, compared with what the calls say and what the program does. */
#include "tap.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>

static char text[1 << 20];

/* The whole file in `text`: its length, or -1. */
static ssize_t slurp(const char *path)
{
    int fd = open(path, O_RDONLY);
    ssize_t size = 0, got;

    if (fd < 0) {
        return -1;
    }
    while ((got = read(fd, text + size, sizeof(text) - 1 - (size_t)size)) > 0) {
        size += got;
    }
    close(fd);
    text[size] = '\0';
    return got < 0 ? -1 : size;
}

/* The number behind `key` in a file of such lines, or -1. */
static long field(const char *path, const char *key)
{
    char *at = slurp(path) < 0 ? NULL : strstr(text, key);

    return at == NULL ? -1 : strtol(at + strlen(key), NULL, 10);
}

static void test_memory(void)
{
    size_t size = 8 << 20;
    unsigned long from, to, rss = 0, total = 0;
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
         perms[5], *line;
    bool found = false, stack = false, own = false;
    uint64_t entry[2];
    int fd;

    memset(memory, 1, size);
    OK(slurp("/proc/self/maps") > 0, "maps");
    for (line = text; line != NULL && sscanf(line, "%lx-%lx %4s", &from, &to, perms) == 3;) {
        found |= from <= (unsigned long)memory && to >= (unsigned long)memory + size &&
                 strcmp(perms, "rw-p") == 0;
        stack |= from <= (unsigned long)&fd && to > (unsigned long)&fd;
        own |= from <= (unsigned long)test_memory && to > (unsigned long)test_memory &&
               perms[2] == 'x';
        total += to - from;
        line = strchr(line, '\n');
        line = line == NULL || line[1] == '\0' ? NULL : line + 1;
    }
    OK(found && stack && own, "maps: memory, stack, program");
    OK(strstr(text, "[stack]") != NULL, "maps: [stack]");
    mprotect(memory, 4096, PROT_NONE);
    slurp("/proc/self/maps");
    OK(strstr(text, "---p 00000000 00:00 0") != NULL, "maps: PROT_NONE");
    mprotect(memory, 4096, PROT_READ | PROT_WRITE);
    OK(slurp("/proc/self/smaps") > 0 && strstr(text, "Private_Dirty:") != NULL &&
           strstr(text, "VmFlags:") != NULL,
       "smaps");
    for (line = text; (line = strstr(line, "\nRss:")) != NULL; line++) {
        rss += strtoul(line + 5, NULL, 10);
    }
    OK(rss >= size / 1024 && rss * 1024 <= total, "smaps: Rss");
    OK(field("/proc/self/smaps_rollup", "Rss:") >= (long)(size / 1024), "smaps_rollup");
    OK(field("/proc/self/status", "VmRSS:") >= (long)(size / 1024) &&
           field("/proc/self/status", "VmSize:") >= (long)(size / 1024),
       "status: VmRSS");
    /* In one reading, which the next would change. */
    OK(slurp("/proc/self/status") > 0 && strtol(strstr(text, "VmHWM:") + 6, NULL, 10) >=
                                             strtol(strstr(text, "VmRSS:") + 6, NULL, 10),
       "status: VmHWM");
    OK(slurp("/proc/self/statm") > 0 && sscanf(text, "%lu %lu", &total, &rss) == 2 &&
           rss >= size / 4096 && total >= rss,
       "statm");
    fd = open("/proc/self/pagemap", O_RDONLY);
    OK(fd >= 0 && pread(fd, entry, 16, (long)((unsigned long)memory / 4096 * 8)) == 16 &&
           entry[0] >> 63 == 1 && entry[1] >> 63 == 1,
       "pagemap: present");
    munmap(memory + 4096, 4096);
    OK(pread(fd, entry, 16, (long)((unsigned long)memory / 4096 * 8)) == 16 &&
           entry[0] >> 63 == 1 && entry[1] == 0,
       "pagemap: a hole");
    FAILS(pread(fd, entry, 4, 0), EINVAL, "pagemap: half an entry");
    close(fd);
    fd = open("/proc/self/mem", O_RDWR);
    OK(fd >= 0 && pread(fd, entry, 8, (long)memory) == 8 && entry[0] == 0x0101010101010101,
       "mem: read");
    OK(pwrite(fd, "xyz", 3, (long)memory) == 3 && memcmp(memory, "xyz\1", 4) == 0, "mem: written");
    OK(pread(fd, entry, 8, (long)memory + 4096) == -1 && errno == EIO, "mem: nothing there");
    close(fd);
}

static void *sleeper(void *arg)
{
    *(_Atomic int *)arg = (int)syscall(SYS_gettid);
    for (;;) {
        pause();
    }
    return NULL;
}

static void test_process(void)
{
    static _Atomic int tid;
    char path[64], state = 0, name[32];
    int pid = 0, ppid = 0, threads = 0, number;
    unsigned long user = 0, system = 0;
    pthread_t thread;
    struct dirent *entry;
    uint64_t *vector = (uint64_t *)(void *)text;
    bool found = false;
    ssize_t size;
    DIR *dir;

    OK(slurp("/proc/self/stat") > 0 &&
           sscanf(text, "%d (%31[^)]) %c %d", &pid, name, &state, &ppid) == 4 && pid == getpid() &&
           strcmp(name, "procfs") == 0 && state == 'R' && ppid == getppid(),
       "stat");
    OK(sscanf(strrchr(text, ')') + 1,
              " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %d", &user,
              &system, &threads) == 3 &&
           threads == 1,
       "stat: times, threads");
    int fields = 2;
    for (char *at = strrchr(text, ')'); *at != '\0'; at++) {
        fields += *at == ' ';
    }
    OK(fields == 52, "stat: 52 fields");
    pthread_create(&thread, NULL, sleeper, (void *)&tid);
    while (tid == 0) {
        usleep(1000);
    }
    tap_until_asleep(tid);
    snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
    state = slurp(path) > 0 ? strrchr(text, ')')[2] : 0;
    OK(state == 'S' && atoi(text) == tid, "task/TID/stat: a thread that sleeps");
    snprintf(path, sizeof(path), "/proc/self/task/%d/schedstat", tid);
    user = slurp(path) > 0 ? strtoul(text, NULL, 10) : 0;
    snprintf(path, sizeof(path), "/proc/self/task/%d/schedstat", getpid());
    for (system = 0; system <= user;) {
        system = slurp(path) > 0 ? strtoul(text, NULL, 10) : ULONG_MAX;
    }
    snprintf(path, sizeof(path), "/proc/self/task/%d/schedstat", tid);
    OK(slurp(path) > 0 && strtoul(text, NULL, 10) == user, "schedstat: of one thread");
    dir = opendir("/proc/self/task");
    tap_need(dir != NULL, "opendir");
    number = 0;
    while ((entry = readdir(dir)) != NULL) {
        number += entry->d_name[0] != '.';
        found |= atoi(entry->d_name) == tid;
    }
    closedir(dir);
    OK(number == 2 && found, "task");
    OK(field("/proc/self/status", "Threads:") == 2 &&
           field("/proc/self/status", "Pid:") == getpid(),
       "status");
    /* A sleep may be over before it has begun; not each. */
    while (field("/proc/self/status", "voluntary_ctxt_switches:") == 0) {
        usleep(1000);
    }
    OK(field("/proc/self/status", "voluntary_ctxt_switches:") > 0, "status: switches");
    snprintf(path, sizeof(path), "/proc/self/task/%d/comm", tid);
    OK(slurp(path) == 7 && strcmp(text, "procfs\n") == 0, "comm");
    OK(slurp("/proc/self/cmdline") > 0 && strstr(text, "procfs") != NULL, "cmdline");
    size = slurp("/proc/self/auxv");
    for (found = false; size >= 16 && vector[0] != AT_NULL; vector += 2) {
        found |= vector[0] == AT_PAGESZ && vector[1] == 4096;
    }
    OK(found && vector[0] == AT_NULL, "auxv");
    OK(field("/proc/self/io", "rchar: ") > 0 && field("/proc/self/io", "syscr: ") > 0 &&
           field("/proc/self/io", "write_bytes: ") >= 0,
       "io");
    OK(slurp("/proc/self/limits") > 0 && strstr(text, "Max open files") != NULL, "limits");
    OK(slurp("/proc/self/mountinfo") > 0 && strstr(text, " / / ") != NULL &&
           strstr(text, " - ") != NULL,
       "mountinfo");
    OK(slurp("/proc/self/mounts") > 0 && strstr(text, "proc /proc proc ") != NULL, "mounts");
    OK(slurp("/proc/self/cgroup") > 0 && strchr(text, '/') != NULL, "cgroup");
    size = readlink("/proc/self/exe", path, sizeof(path) - 1);
    path[size > 0 ? size : 0] = '\0';
    OK(size > 7 && strcmp(path + size - 7, "/procfs") == 0, "exe");
    OK(readlink("/proc/self", path, sizeof(path)) > 0 && atoi(path) == getpid(), "/proc/self");
    FAILS(open("/proc/self/none", O_RDONLY), ENOENT, "nothing");
    FAILS(open("/proc/4000000/stat", O_RDONLY), ENOENT, "no such process");
    OK(slurp("/proc/self/fdinfo/0") > 0 && strstr(text, "flags:") != NULL, "fdinfo");
    OK(slurp("/proc/self/oom_score_adj") > 0 && slurp("/proc/self/wchan") >= 0 &&
           slurp("/proc/self/schedstat") > 0,
       "small ones");
}

static void test_system(void)
{
    struct sysinfo info;
    double load[3], up, idle;
    unsigned long number;
    int cpus = 0;

    sysinfo(&info);
    long total = field("/proc/meminfo", "MemTotal:");
    OK(total > 0 && (unsigned long)total == info.totalram / 1024, "meminfo: MemTotal");
    OK(field("/proc/meminfo", "MemFree:") > 0 && field("/proc/meminfo", "MemAvailable:") > 0 &&
           field("/proc/meminfo", "Cached:") >= 0 &&
           field("/proc/meminfo", "Hugepagesize:") == 2048,
       "meminfo");
    OK(slurp("/proc/cpuinfo") > 0, "cpuinfo");
    for (char *at = text; (at = strstr(at, "processor\t:")) != NULL; at++) {
        cpus++;
    }
    OK(cpus == sysconf(_SC_NPROCESSORS_ONLN) && strstr(text, "model name") != NULL &&
           strstr(text, "flags\t\t:") != NULL,
       "cpuinfo: CPUs");
    OK(slurp("/proc/loadavg") > 0 &&
           sscanf(text, "%lf %lf %lf", &load[0], &load[1], &load[2]) == 3 && load[0] >= 0,
       "loadavg");
    OK(slurp("/proc/uptime") > 0 && sscanf(text, "%lf %lf", &up, &idle) == 2 && up > 0, "uptime");
    OK(slurp("/proc/stat") > 0 && strncmp(text, "cpu  ", 5) == 0 &&
           strstr(text, "\nbtime ") != NULL && strstr(text, "\ncpu0 ") != NULL,
       "stat");
    OK(slurp("/proc/version") > 0 && strncmp(text, "Linux version ", 14) == 0, "version");
    OK(slurp("/proc/filesystems") > 0 && strstr(text, "tmpfs") != NULL, "filesystems");
    OK(slurp("/proc/sys/kernel/pid_max") > 0 && atoi(text) > 1000, "sys/kernel/pid_max");
    OK(slurp("/proc/sys/vm/max_map_count") > 0 && atoi(text) > 1000, "sys/vm/max_map_count");
    OK(slurp("/proc/sys/vm/overcommit_memory") == 2, "sys/vm/overcommit_memory");
    OK(slurp("/proc/sys/kernel/random/uuid") == 37, "sys/kernel/random/uuid");
    OK(slurp("/proc/sys/fs/file-max") > 0 && slurp("/proc/sys/kernel/osrelease") > 0,
       "sys: others");
    OK(slurp("/sys/devices/system/cpu/online") > 0 && text[0] == '0', "cpu/online");
    OK(slurp("/sys/kernel/mm/transparent_hugepage/enabled") > 0 && strchr(text, '[') != NULL,
       "transparent_hugepage");
    OK(slurp("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages") > 0 &&
           sscanf(text, "%lu", &number) == 1,
       "hugepages");
    OK(access("/sys/fs/cgroup", F_OK) == 0, "cgroup");
    OK(slurp("/proc/vmstat") > 0 && strstr(text, "pgfault ") != NULL, "vmstat");
    OK(slurp("/proc/diskstats") >= 0 && slurp("/proc/partitions") >= 0 &&
           slurp("/proc/swaps") > 0 && slurp("/proc/devices") > 0,
       "others");
}

int main(void)
{
    test_process();
    test_memory();
    test_system();
    return tap_end();
}
