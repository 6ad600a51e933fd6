# SPDX-License-Identifier: MIT
# Sources of the kernel, by folder.  Policy files (also built for the host)
# are listed again in tests/tests.mk.

kernel_boot := boot.S memory.c bootinfo.c cmdline.c fwcfg.c pvh.c acpi.c aml.c mptable.c ram.c io.c
kernel_x86 := entry.S switch.S cpu.c trap.c apic.c ioapic.c smp.c fpu.c switch.c fault_signal.c sigframe.c
kernel_bare := platform.c
kernel_kvm_pvm := platform.c
kernel_mm := buddy.c ram_list.c frame.c frame_boot.c frame_cache.c frame_table.c frame_lent.c frame_zero.c frame_own.c frame_zone.c slab.c kmalloc.c kmalloc_small.c kmalloc_debug.c \
	pagetable.c pt_range.c tlb.c tlb_batch.c region_set.c region_place.c \
	aspace.c aspace_lock.c aspace_op.c turn.c aspace_map.c aspace_change.c aspace_check.c aspace_file.c aspace_move.c aspace_grow.c aspace_query.c aspace_resident.c aspace_scan.c aspace_view.c \
	promote.c demote.c giant.c giant_promote.c aspace_populate.c aspace_remap.c remap_check.c remap_pages.c remap_swap.c remap_alias.c remap_copy.c fault.c fault_file.c fault_file_row.c fault_file_large.c fault_file_copy.c fault_large.c fault_private.c fault_snapshot.c fault_streak.c kmap.c uaccess.c uaccess_asm.S \
	mmap_syscall.c mremap_syscall.c madvise_syscall.c node_syscall.c
kernel_pressure := policy.c balloon.c pressure.c listen.c reserve.c
kernel_fs_cache := page_tree.c readahead.c page_cache.c page_fill.c page_ahead.c page_large.c page_io.c page_write.c page_change.c page_sync.c page_seek.c page_shrink.c page_writer.c
kernel_fs_erofs := erofs_image.c erofs_dir.c erofs_io.c erofs.c
kernel_sched := spinlock.c lock_rank.c runq.c poll_bound.c sched.c sleep.c idle.c wakeup.c balance.c thread.c thread_policy.c role.c role_name.c usage.c wait.c futex.c futex_pi.c futex_pi_requeue.c futex_syscall.c futex_robust.c sched_syscall.c sched_attr.c
kernel_time := clock.c clock_math.c kvmclock.c measure.c rtc.c timerq.c timer.c timespec.c sleep_syscall.c alarm.c itimer_syscall.c timer_syscall.c vdso.c
kernel_lib := string.c printf.c rbtree.c chacha20.c random.c libgcc.c
kernel_debug := console.c panic.c trap_report.c backtrace.c trace.c trace_ring.c symbols.c ubsan.c
kernel_fs := io.c fd.c file.c inode.c dentry.c dentry_change.c dentry_path.c dentry_trust.c trust.c walk.c mount.c open.c change.c flock.c notify.c xattr.c bounds.c \
	memfd.c tmpfs.c tmpfs_dir.c tmpfs_entry.c tmpfs_file.c devfs.c devices.c console.c console_input.c terminal.c \
	sys_at.c sys_rw.c sys_open.c sys_fd.c sys_lock.c sys_stat.c sys_name.c sys_attr.c sys_dir.c sys_sync.c sys_copy.c sys_tee.c sys_xattr.c
kernel_process := process.c clone.c elf.c exec.c exec_args.c exec_map.c exec_stack.c ids.c info.c limits.c loadavg.c signal.c signal_handle.c signal_queue.c signal_stop.c signal_syscall.c vm_copy.c
kernel_p9 := message.c rpc.c client.c fid.c transfer.c super.c look.c inode.c name.c file.c pages.c open_fid.c room.c
kernel_procfs := text.c pseudo_table.c pseudo.c proc.c proc_maps.c proc_memory.c proc_status.c proc_process.c proc_system.c cpuinfo.c sysfs.c cgroup.c
kernel_socket := socket.c socket_syscall.c socket_option.c socket_message.c control.c parcel.c \
	unix.c unix_name.c unix_connect.c unix_queue.c unix_send.c unix_receive.c unix_flight.c
kernel_event := poll.c event.c timeout.c poll_set.c poll_syscall.c select.c pipe_ring.c pipe.c pipe_file.c eventfd.c \
	epoll.c epoll_file.c epoll_nest.c epoll_ready.c epoll_wait.c timerfd.c signalfd.c inotify.c inotify_tell.c inotify_queue.c

kernel_sources := \
	$(addprefix kernel/boot/,$(kernel_boot)) \
	$(addprefix kernel/x86/,$(kernel_x86)) \
	$(addprefix kernel/platform/bare/,$(kernel_bare)) \
	$(addprefix kernel/platform/kvm_pvm/,$(kernel_kvm_pvm)) \
	$(addprefix kernel/mm/,$(kernel_mm)) \
	$(addprefix kernel/pressure/,$(kernel_pressure)) \
	$(addprefix kernel/sched/,$(kernel_sched)) \
	$(addprefix kernel/fs/cache/,$(kernel_fs_cache)) \
	$(addprefix kernel/fs/erofs/,$(kernel_fs_erofs)) \
	$(addprefix kernel/time/,$(kernel_time)) \
	$(addprefix kernel/lib/,$(kernel_lib)) \
	$(addprefix kernel/debug/,$(kernel_debug)) \
	$(addprefix kernel/fs/,$(kernel_fs)) \
	$(addprefix kernel/fs/event/,$(kernel_event)) \
	$(addprefix kernel/socket/,$(kernel_socket)) \
	$(addprefix kernel/fs/proc/,$(kernel_procfs)) \
	$(addprefix kernel/fs/p9/,$(kernel_p9)) \
	$(addprefix kernel/process/,$(kernel_process)) \
	kernel/syscall.c kernel/syscall_missing.S
