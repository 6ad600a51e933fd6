/* SPDX-License-Identifier: MIT */
/*
 * KVM's clock: the hypervisor writes to a structure of ours what its clock
 * was at some TSC value, and the TSC's frequency (Linux,
 * Documentation/virt/kvm/x86/msr.rst and cpuid.rst).
 *
 * Only CPU 0 registers a structure.  Where KVM says that the TSCs of all
 * CPUs agree, its parameters hold for all; where it does not, clock.c takes
 * the frequency from it and guards against steps itself.
 */
#include "../x86/x86_priv.h"
#include "clock_priv.h"

#include <kernel/cpu.h>
#include <kernel/errno.h>
#include <kernel/image_place.h>
#include <kernel/platform.h>
#include <stdatomic.h>

#define CPUID_HYPERVISOR 0x40000000u
#define CPUID_HYPERVISOR_NEXT 0x100u /* KVM comes second when it also plays Hyper-V */
#define KVM_FEATURES 1u
#define KVM_FEATURE_CLOCKSOURCE2 (1u << 3)

#define MSR_KVM_WALL_CLOCK 0x4b564d00
#define MSR_KVM_SYSTEM_TIME 0x4b564d01
#define KVM_SYSTEM_TIME_ENABLE 1u

/* Longer than any update of the structure takes. */
#define READ_TRIES 1000000

struct kvmclock_wall {
    u32 version;
    u32 seconds, nanoseconds; /* since 1970, at system time 0 */
};

/*
 * (h) written by the hypervisor, under its version number.  In the kernel's
 * image; neither structure may cross a page.
 */
static struct {
    struct kvmclock_time time aligned_to(32); /* (h) */
    struct kvmclock_wall wall aligned_to(16); /* (h) */
} kvmclock;

static bool is_kvm(u32 leaf)
{
    struct cpuid id = cpuid(leaf, 0);

    /* "KVMKVMKVM" and three zeroes. */
    return id.ebx == 0x4b4d564b && id.ecx == 0x564b4d56 && id.edx == 0x4d;
}

/* Whether the hypervisor is KVM and has the clock.  CPUID is an exit. */
static bool has_kvmclock(void)
{
    u32 leaf = CPUID_HYPERVISOR;

    if (!platform_is_pvm && !is_kvm(leaf)) {
        leaf += CPUID_HYPERVISOR_NEXT;
        if (!is_kvm(leaf)) {
            return false;
        }
    }
    return (cpuid(leaf + KVM_FEATURES, 0).eax & KVM_FEATURE_CLOCKSOURCE2) != 0;
}

struct kvmclock_time kvmclock_read(void)
{
    struct kvmclock_time copy = {0};

    for (unsigned i = 0; i < READ_TRIES; i++) {
        u32 before = __atomic_load_n(&kvmclock.time.version, __ATOMIC_ACQUIRE);

        /* Keeps the fields' loads between those of the version; pairs with the host's stores. */
        copy = kvmclock.time;
        atomic_thread_fence(memory_order_acquire);
        if (before % 2 == 0 &&
            before == __atomic_load_n(&kvmclock.time.version, __ATOMIC_RELAXED)) {
            return copy;
        }
        cpu_pause();
    }
    return (struct kvmclock_time){0};
}

int kvmclock_init(void)
{
    if (!has_kvmclock()) {
        return -ENODEV;
    }
    wrmsr(MSR_KVM_SYSTEM_TIME, image_to_phys(&kvmclock.time) | KVM_SYSTEM_TIME_ENABLE);
    return 0;
}

/* The write makes the hypervisor fill the structure in, before the next instruction. */
u64 kvmclock_wall_base(void)
{
    wrmsr(MSR_KVM_WALL_CLOCK, image_to_phys(&kvmclock.wall));
    atomic_signal_fence(memory_order_seq_cst);
    return kvmclock.wall.seconds * NSEC_PER_SEC + kvmclock.wall.nanoseconds;
}
