# SPDX-License-Identifier: MIT
# Sources of the kernel, by folder.  Policy files (also built for the host)
# are listed again in tests/tests.mk.

kernel_boot := boot.S memory.c bootinfo.c cmdline.c fwcfg.c pvh.c acpi.c aml.c mptable.c ram.c io.c
kernel_x86 := entry.S switch.S cpu.c trap.c apic.c smp.c fpu.c switch.c
kernel_bare := platform.c
kernel_kvm_pvm := platform.c
kernel_mm := buddy.c ram_list.c frame.c frame_boot.c frame_cache.c frame_zero.c frame_zone.c slab.c kmalloc.c kmalloc_small.c kmalloc_debug.c \
	pagetable.c pt_range.c tlb.c tlb_batch.c region_set.c region_place.c \
	aspace.c aspace_lock.c aspace_op.c aspace_map.c aspace_change.c aspace_check.c \
	promote.c fault.c fault_streak.c kmap.c uaccess.c uaccess_asm.S
kernel_sched := spinlock.c lock_rank.c runq.c poll_bound.c sched.c sleep.c idle.c wakeup.c balance.c thread.c thread_policy.c wait.c futex.c futex_syscall.c
kernel_time := clock.c clock_math.c kvmclock.c measure.c rtc.c timerq.c timer.c
kernel_lib := string.c printf.c rbtree.c chacha20.c random.c libgcc.c
kernel_debug := console.c panic.c trap_report.c backtrace.c trace.c trace_ring.c symbols.c ubsan.c

kernel_sources := \
	$(addprefix kernel/boot/,$(kernel_boot)) \
	$(addprefix kernel/x86/,$(kernel_x86)) \
	$(addprefix kernel/platform/bare/,$(kernel_bare)) \
	$(addprefix kernel/platform/kvm_pvm/,$(kernel_kvm_pvm)) \
	$(addprefix kernel/mm/,$(kernel_mm)) \
	$(addprefix kernel/sched/,$(kernel_sched)) \
	$(addprefix kernel/time/,$(kernel_time)) \
	$(addprefix kernel/lib/,$(kernel_lib)) \
	$(addprefix kernel/debug/,$(kernel_debug)) \
	kernel/syscall.c kernel/syscall_missing.S
