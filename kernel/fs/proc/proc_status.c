/* SPDX-License-Identifier: MIT */
/*
 * The process and its threads: stat, status, statm, comm.
 *
 * A thread may end while it is printed: a counted reference keeps its memory,
 * and what is said of it is then a moment old.  Processor time is not split
 * into the application's and the kernel's, which are one program: all of it
 * is user time.
 */
#include "proc_priv.h"

#include <kernel/aspace.h>
#include <kernel/clock.h>
#include <kernel/cpu.h>
#include <kernel/errno.h>
#include <kernel/fd.h>
#include <kernel/process.h>
#include <kernel/signal.h>
#include <kernel/string.h>

#define ALL_CAPABILITIES "000001ffffffffff"
#define NO_LIMIT 18446744073709551615ul

static bool thread_is_application(const struct thread *thread)
{
    return thread->xsave != NULL;
}

/* Under the lock of the list of threads. */
static void add_thread(struct thread *thread, void *arg)
{
    struct process_sums *sums = arg;

    if (!thread_is_application(thread)) {
        return;
    }
    sums->threads++;
    sums->running += atomic_load_explicit(&thread->state, memory_order_relaxed) == THREAD_RUNNABLE;
    sums->major_faults += thread->major_faults;
}

void process_sums(struct process_sums *sums)
{
    struct process_usage usage;

    *sums = (struct process_sums){.threads = 0};
    thread_for_each(add_thread, sums);
    process_usage(&usage);
    sums->run_time = usage.run_time;
    sums->system_time = usage.system_time;
    sums->minor_faults = usage.faults; /* of the ended ones, too: it never goes down */
}

struct search {
    u64 from, found;
};

static void nearer(struct thread *thread, void *arg)
{
    struct search *search = arg;

    if (thread_is_application(thread) && thread->tid >= search->from &&
        thread->tid < search->found) {
        search->found = thread->tid;
    }
}

u64 thread_next(const struct pseudo_node *folder, u64 from)
{
    struct search search = {from, PSEUDO_NONE};

    (void)folder;
    thread_for_each(nearer, &search);
    return search.found;
}

static char state_letter(struct thread *thread)
{
    return atomic_load_explicit(&thread->state, memory_order_relaxed) == THREAD_RUNNABLE ? 'R'
                                                                                         : 'S';
}

/* The thread that the file is about, counted; else the process's first. */
static struct thread *thread_of(const struct pseudo_node *node)
{
    return thread_find(node->keys > 0 ? (u32)node->key[node->keys - 1] : PROCESS_ID);
}

/* Fields 14 and on of stat: times, priorities, memory. */
static void print_stat_rest(struct text *text, struct thread *thread,
                            const struct process_sums *sums)
{
    struct aspace_stats memory;

    aspace_get_stats(&memory);
    text_print(text, "%lu %lu 0 0 %d %d %u 0 0 %lu %lu %lu ",
               (unsigned long)ticks_of(sums->run_time - MIN(sums->system_time, sums->run_time)),
               (unsigned long)ticks_of(sums->system_time), 20 + thread->nice, thread->nice,
               sums->threads, (unsigned long)memory.bytes_mapped,
               (unsigned long)(process_resident() / PAGE_SIZE), NO_LIMIT);
    text_print(text, "0 0 %lu 0 0 ", (unsigned long)thread->app_stack);
}

static int print_stat(struct text *text, struct thread *thread, const struct process_sums *sums)
{
    struct signal_summary signals;
    vaddr_t argv, argv_end, envp, envp_end;

    signal_summary(thread, &signals);
    process_args(&argv, &argv_end, &envp, &envp_end);
    text_print(text, "%u (%s) %c 0 %u %u 0 -1 4194304 %lu 0 %lu 0 ", thread->tid, thread->name,
               state_letter(thread), PROCESS_ID, PROCESS_ID, (unsigned long)sums->minor_faults,
               (unsigned long)sums->major_faults);
    print_stat_rest(text, thread, sums);
    /* Of the signals, only those below 32 have room. */
    text_print(text, "%lu %lu %lu %lu 0 0 0 17 %u 0 0 0 0 0 0 0 0 ",
               (unsigned long)((signals.thread_pending | signals.shared_pending) & 0x7fffffff),
               (unsigned long)(signals.blocked & 0x7fffffff),
               (unsigned long)(signals.ignored & 0x7fffffff),
               (unsigned long)(signals.caught & 0x7fffffff),
               atomic_load_explicit(&thread->cpu, memory_order_relaxed));
    text_print(text, "%lu %lu %lu %lu 0\n", (unsigned long)argv, (unsigned long)argv_end,
               (unsigned long)envp, (unsigned long)envp_end);
    return 0;
}

SHOW(show_process_stat)
{
    struct thread *thread = thread_find(PROCESS_ID);
    struct process_sums sums;
    int err;

    (void)node;
    if (thread == NULL) {
        return -ESRCH;
    }
    process_sums(&sums);
    err = print_stat(text, thread, &sums);
    thread_put(thread);
    return err;
}

/* As of the process, but for what the thread itself has used. */
SHOW(show_thread_stat)
{
    struct thread *thread = thread_of(node);
    struct process_sums sums;
    int err;

    if (thread == NULL) {
        return -ESRCH;
    }
    process_sums(&sums);
    sums.run_time = thread_run_time(thread);
    sums.system_time = thread->system_time;
    sums.minor_faults = thread->minor_faults;
    sums.major_faults = thread->major_faults;
    err = print_stat(text, thread, &sums);
    thread_put(thread);
    return err;
}

/* Hexadecimal words of 32 bits, the highest first, and a list of ranges. */
static void print_cpus(struct text *text, u64 mask)
{
    unsigned count = cpu_count();
    bool first = true;

    mask &= count == 64 ? ~0ull : (1ull << count) - 1;
    text_print(text, "Cpus_allowed:\t");
    if (count > 32) {
        text_print(text, "%lx,%08lx\n", (unsigned long)(mask >> 32),
                   (unsigned long)(mask & 0xffffffff));
    } else {
        text_print(text, "%lx\n", (unsigned long)mask);
    }
    text_print(text, "Cpus_allowed_list:\t");
    for (unsigned cpu = 0; cpu < count; cpu++) {
        unsigned last = cpu;

        if ((mask >> cpu & 1) == 0) {
            continue;
        }
        while (last + 1 < count && (mask >> (last + 1) & 1) != 0) {
            last++;
        }
        text_print(text, first ? "%u" : ",%u", cpu);
        if (last > cpu) {
            text_print(text, "-%u", last);
        }
        first = false;
        cpu = last;
    }
    text_puts(text, "\n");
}

static unsigned open_files(void)
{
    unsigned count = 0;

    for (int fd = fd_next(0); fd >= 0; fd = fd_next(fd + 1)) {
        count++;
    }
    return count;
}

static void print_memory(struct text *text)
{
    unsigned long resident = process_resident() / KIB;
    struct aspace_stats stats;

    aspace_get_stats(&stats);
    text_print(text, "VmSize:\t%8lu kB\n", (unsigned long)(stats.bytes_mapped / KIB));
    text_print(text, "VmLck:\t%8u kB\nVmPin:\t%8u kB\n", 0, 0);
    text_print(text, "VmHWM:\t%8lu kB\n", (unsigned long)(aspace_resident_peak() / KIB));
    text_print(text, "VmRSS:\t%8lu kB\n", resident);
    text_print(text, "VmSwap:\t%8u kB\n", 0);
    text_print(text, "CoreDumping:\t0\nTHP_enabled:\t1\n");
}

static void print_signals(struct text *text, struct thread *thread)
{
    struct signal_summary s;

    signal_summary(thread, &s);
    text_print(text, "SigQ:\t0/%lu\n", (unsigned long)process_limit(RLIMIT_SIGPENDING).soft);
    text_print(text, "SigPnd:\t%016lx\nShdPnd:\t%016lx\n", (unsigned long)s.thread_pending,
               (unsigned long)s.shared_pending);
    text_print(text, "SigBlk:\t%016lx\nSigIgn:\t%016lx\nSigCgt:\t%016lx\n",
               (unsigned long)s.blocked, (unsigned long)s.ignored, (unsigned long)s.caught);
}

static int print_status(struct text *text, struct thread *thread)
{
    char letter = state_letter(thread);
    struct process_sums sums;

    process_sums(&sums);
    text_print(text, "Name:\t%s\nUmask:\t", thread->name);
    text_octal(text, process_umask(0, false), 4);
    text_print(text, "\nState:\t%c (%s)\n", letter, letter == 'R' ? "running" : "sleeping");
    text_print(text, "Tgid:\t%u\nNgid:\t0\nPid:\t%u\nPPid:\t0\nTracerPid:\t0\n", PROCESS_ID,
               thread->tid);
    text_print(text, "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n");
    text_print(text, "FDSize:\t%u\nGroups:\t \n", ALIGN_UP(MAX(open_files(), 64u), 64u));
    text_print(text, "NStgid:\t%u\nNSpid:\t%u\nNSpgid:\t%u\nNSsid:\t%u\nKthread:\t0\n", PROCESS_ID,
               thread->tid, PROCESS_ID, PROCESS_ID);
    print_memory(text);
    text_print(text, "Threads:\t%u\n", sums.threads);
    print_signals(text, thread);
    text_puts(text, "CapInh:\t0000000000000000\nCapPrm:\t" ALL_CAPABILITIES
                    "\nCapEff:\t" ALL_CAPABILITIES "\nCapBnd:\t" ALL_CAPABILITIES
                    "\nCapAmb:\t0000000000000000\nNoNewPrivs:\t0\nSeccomp:\t0\n");
    print_cpus(text, atomic_load_explicit(&thread->affinity, memory_order_relaxed));
    text_puts(text, "Mems_allowed:\t1\nMems_allowed_list:\t0\n");
    text_print(text, "voluntary_ctxt_switches:\t%lu\nnonvoluntary_ctxt_switches:\t%lu\n",
               (unsigned long)thread->switches[0], (unsigned long)thread->switches[1]);
    return 0;
}

SHOW(show_thread_status)
{
    struct thread *thread = thread_of(node);
    int err;

    if (thread == NULL) {
        return -ESRCH;
    }
    err = print_status(text, thread);
    thread_put(thread);
    return err;
}

SHOW(show_process_status)
{
    return show_thread_status(text, node);
}

/* Nanoseconds running and ready to run, and how often it has run: of the process, its first thread.
 */
SHOW(show_schedstat)
{
    struct thread *thread = thread_of(node);
    nsec_t running, waiting;

    if (thread == NULL) {
        return -ESRCH;
    }
    thread_get_times(thread, &running, &waiting);
    text_print(text, "%lu %lu %lu\n", (unsigned long)running, (unsigned long)waiting,
               (unsigned long)(thread->switches[0] + thread->switches[1]));
    thread_put(thread);
    return 0;
}

/* Pages: size, resident; of the latter, how much is shared is not known. */
SHOW(show_statm)
{
    struct aspace_stats stats;

    (void)node;
    aspace_get_stats(&stats);
    text_print(text, "%lu %lu 0 0 0 %lu 0\n", (unsigned long)(stats.bytes_mapped / PAGE_SIZE),
               (unsigned long)(process_resident() / PAGE_SIZE),
               (unsigned long)(stats.bytes_mapped / PAGE_SIZE));
    return 0;
}

SHOW(show_comm)
{
    struct thread *thread = thread_of(node);

    if (thread == NULL) {
        return -ESRCH;
    }
    text_print(text, "%s\n", thread->name);
    thread_put(thread);
    return 0;
}

STORE(store_comm)
{
    struct thread *thread = thread_of(node);
    char name[THREAD_NAME];

    if (thread == NULL) {
        return -ESRCH;
    }
    size -= size > 0 && data[size - 1] == '\n';
    size = MIN(size, sizeof(name) - 1);
    memcpy(name, data, size);
    name[size] = 0;
    thread_set_name(thread, name);
    thread_put(thread);
    return 0;
}
