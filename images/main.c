/* SPDX-License-Identifier: MIT */
/*
 * The composition root: the one list of what is started, in which order.
 * Every image has this; what it does then is image_main()'s.
 */
#include <drivers/exit.h>
#include <drivers/serial.h>
#include <hugepages/policy.h>
#include <kernel/aspace.h>
#include <kernel/bootinfo.h>
#include <kernel/clock.h>
#include <kernel/cpu.h>
#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/panic.h>
#include <kernel/print.h>
#include <kernel/random.h>
#include <kernel/role.h>
#include <kernel/sched.h>
#include <kernel/start.h>
#include <kernel/thread.h>
#include <kernel/trace.h>
#include <net/net.h>

#include "image.h"

#define HOUSEKEEPING_INTERVAL (60 * NSEC_PER_SEC)

/* At start-up there is no going on without memory. */
static void need(int err, const char *what)
{
    if (err != 0) {
        config_error("too little memory for %s; give the machine more with -m", what);
    }
}

u64 image_option_u64(const char *name, u64 otherwise)
{
    u64 value = otherwise;

    if (cmdline_get_u64(name, &value) == -EINVAL) {
        config_error("option %s wants a number, with K, M or G behind it if need be", name);
    }
    return value;
}

static u64 us_since_entry(void)
{
    return clock_cycles_to_nsec(rdtsc() - boot_tsc) / NSEC_PER_USEC;
}

/* What has to be looked after now and then. */
static void keep_house(void *arg)
{
    (void)arg;
    for (;;) {
        sched_delay(HOUSEKEEPING_INTERVAL);
        clock_recheck();
    }
}

static void start_thread(const char *name, void (*entry)(void *arg))
{
    const struct thread_attr attr = {
        .name = name,
        .entry = entry,
        .class = SCHED_CLASS_FAIR,
        .detached = true,
    };

    need(thread_create(&attr, NULL), "the first threads");
}

/* The rest of start-up, on the idle thread's own stack, which has a guard. */
static noreturn void start_rest(void *arg)
{
    (void)arg;
    need(thread_init_cpu(0), "the idle thread");
    need(smp_wait(), "the other CPUs");
    if (role_init() != 0) {
        config_error("option roles wants to be on or off");
    }
    sched_set_idle_work(frame_zero_ahead_idle);
    frame_zero_on_low(sched_wake_idle_work);
    if (!cmdline_get("quiet", NULL, 0)) { /* a line costs 5 ms there */
        kprintf("boot: Moka on %s, %u CPUs, %s, entry to idle %lu us\n", platform->name,
                cpu_count(), clock_source(), (unsigned long)us_since_entry());
    }
    net_init();
    start_thread("housekeeper", keep_house);
    start_thread("main", image_main);
    sched_idle();
}

void os_main(paddr_t start_info)
{
    u64 stack;

    cpu_init_boot();
    serial_init();
    bootinfo_init(start_info);
    if (!cmdline_get("quiet", NULL, 0)) { /* a byte costs 80 us where exits are dear */
        kprintf("Moka\n");
    }
    cmdline_check(image_options, image_option_count);
    cpu_check_features();
    random_init();
    memory_init();
    need(trace_init(bootinfo.cpu_count), "the trace rings");
    if (clock_init() != 0) {
        config_error("nothing tells the frequency of the TSC; QEMU's machine option pit=on helps");
    }
    need(aspace_init(), "the address space");
    aspace_set_policy(&hugepages_policy);
    machine_exit_init();
    apic_init();
    timer_cpu_init();
    need(smp_start(), "the other CPUs");
    need(kstack_alloc(&stack), "the idle thread's stack");
    cpu_run_on_stack(stack, start_rest, NULL);
}
