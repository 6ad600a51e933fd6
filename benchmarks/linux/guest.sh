#!/bin/sh
# SPDX-License-Identifier: MIT
#
# guest.sh BUILD MEMORY CPUS COMMAND...
#
# Runs a command in the Linux guest that prepare.sh has made, under TCG: its
# folder there is /mnt, its output ours, its status as well.  A word of the
# command has no spaces, since it comes by the kernel's command line.
#
# The machine is a q35: in a microvm, where Moka runs, Debian's kernel does not
# get past the calibration of its clocks under TCG.  It has no firmware's screen,
# no network, and nothing to wait for.
set -eu

die() {
    echo "guest.sh: $1" >&2
    exit 125
}
[ $# -ge 4 ] || die 'usage: guest.sh BUILD MEMORY CPUS COMMAND...'
guest=$1/bench/linux memory=$2 cpus=$3
shift 3
[ -e "$guest/first.cpio" ] || die "no Linux guest in $guest: benchmarks/linux/prepare.sh makes it"
command -v qemu-system-x86_64 >/dev/null || die 'no qemu-system-x86_64: make deps-run'

status=0
qemu-system-x86_64 -machine q35 -accel tcg,thread=multi -cpu max -m "$memory" -smp "$cpus" \
    -nodefaults -display none -no-reboot -serial stdio -device isa-debug-exit,iobase=0xf4,iosize=4 \
    -kernel "$guest/vmlinuz" -initrd "$guest/first.cpio" -append "console=ttyS0 quiet panic=-1 -- $*" \
    -drive "if=none,id=root,format=raw,readonly=on,file=$guest/disk.erofs" \
    -device virtio-blk-pci,drive=root </dev/null || status=$?
[ $((status % 2)) = 1 ] || die "the guest ended before its command (QEMU's status $status)"
exit $((status / 2))
