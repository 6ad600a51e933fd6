#!/bin/sh
# SPDX-License-Identifier: MIT
#
# qemu.sh [OPTION]... ELF [-- QEMU-OPTION...]
#
# Boots a kernel image in QEMU with the serial port on standard output.  The
# one place that knows how: `make run`, the tests, the benchmarks and the
# debugger all come here.
#
#   --accel kvm|tcg|auto    auto (default): KVM if /dev/kvm can be opened
#   --machine TYPE          microvm (default) or q35, with QEMU's properties
#                           behind it: microvm,acpi=off
#   --firmware rom|bios     our boot ROM, or QEMU's own firmware; default: rom
#                           on kvm_pvm, where firmware is interpreted
#   --cpu MODEL             instead of the accelerator's whole feature set
#   -m SIZE                 memory (default 1G)
#   -c CPUS                 1 to 64 (default 2)
#   --append STRING         the kernel's command line
#   --gdb [PORT]            a debugger may connect to 127.0.0.1:PORT (1234)
#   --wait                  with --gdb: stop before the first instruction
#   --timeout SECONDS       kill a guest that has not ended by then
#   --dry-run               print the command instead
#
# The status is QEMU's: 33, 35, 37 or 39 as in kernel/include/kernel/panic.h;
# 0 after a triple fault or a signal.  124 is a timeout, 2 an error of ours.
#
# QEMU replaces this shell, so a signal to the process that was started
# reaches it.  A kernel that reads no input gets none: with a terminal as its
# input QEMU would put that into raw mode.
set -eu

die() {
    echo "qemu.sh: $1" >&2
    [ $# -lt 2 ] || echo "  $2" >&2
    exit 2
}

is_number() {
    case $1 in
    '' | *[!0-9]*) return 1 ;;
    esac
}

# Prints "$@" so that a shell reads it back as it is.
quote() {
    for word in "$@"; do
        case $word in
        '' | *[!A-Za-z0-9_=,./:+-]*)
            printf "'%s' " "$(printf '%s' "$word" | sed "s/'/'\\\\''/g")" ;;
        *) printf '%s ' "$word" ;;
        esac
    done
    echo
}

# KVM must not only be there: a container may show the device and refuse it.
kvm_problem() {
    if ! [ -e /dev/kvm ]; then
        echo 'there is no /dev/kvm'
    elif ! (: <>/dev/kvm) 2>/dev/null; then
        echo '/dev/kvm is not accessible'
    fi
}
kvm_remedy() {
    if [ -e /dev/kvm ]; then
        echo "to get access: sudo usermod -aG kvm $(id -un), then log in again"
    else
        echo 'KVM needs virtualisation in the host: modprobe kvm_intel, kvm_amd or kvm_pvm'
    fi
}

accel=auto machine=microvm firmware=auto cpu='' memory=1G cpus=2 append=''
gdb='' gdb_wait=false timeout='' dry_run=false elf=''
while [ $# -gt 0 ]; do
    option=$1
    shift
    case $option in
    --accel | --machine | --firmware | --cpu | -m | -c | --append | --timeout)
        [ $# -gt 0 ] || die "$option needs a value"
        value=$1
        shift
        ;;
    esac
    case $option in
    --accel) accel=$value ;;
    --machine) machine=$value ;;
    --firmware) firmware=$value ;;
    --cpu) cpu=$value ;;
    -m) memory=$value ;;
    -c) cpus=$value ;;
    --append) append=$value ;;
    --timeout) timeout=$value ;;
    --gdb)
        gdb=1234
        if is_number "${1:-}"; then
            gdb=$1
            shift
        fi
        ;;
    --wait) gdb_wait=true ;;
    --dry-run) dry_run=true ;;
    --) break ;;
    -*) die "unknown option '$option'" "the options are at the top of $0" ;;
    *)
        [ -z "$elf" ] || die "two images: '$elf' and '$option'"
        elf=$option
        ;;
    esac
done

[ -n "$elf" ] || die 'which image?' 'usage: qemu.sh [OPTION]... ELF [-- QEMU-OPTION...]'
[ -r "$elf" ] || die "cannot read '$elf'" 'build it first: make'
case ${machine%%,*} in
microvm | q35) ;;
*) die "--machine is microvm or q35, not '$machine'" ;;
esac
case $memory in
*[!0-9KMG]* | '' | [KMG]* | *[KMG]?*) die "-m is a number with K, M or G behind it, not '$memory'" ;;
esac
if ! is_number "$cpus" || [ "$cpus" -lt 1 ] || [ "$cpus" -gt 64 ]; then
    die "-c is a number from 1 to 64, not '$cpus'"
fi
[ -z "$timeout" ] || is_number "$timeout" || die "--timeout is in seconds, not '$timeout'"
command -v qemu-system-x86_64 >/dev/null ||
    die 'qemu-system-x86_64 is not installed' 'make deps installs it, or says how'

case $accel in
tcg) ;;
kvm)
    problem=$(kvm_problem)
    [ -z "$problem" ] || die "$problem" "$(kvm_remedy)"
    ;;
auto)
    accel=kvm
    problem=$(kvm_problem)
    if [ -n "$problem" ]; then
        accel=tcg
        echo "qemu.sh: $problem: emulating the CPU (TCG), which is many times slower" >&2
        echo "  $(kvm_remedy)" >&2
    fi
    ;;
*) die "--accel is kvm, tcg or auto, not '$accel'" ;;
esac

# kvm_pvm does not know the feature that plain "host" asks it for.
pvm=false
if [ "$accel" = tcg ]; then
    set -- -accel tcg,thread=multi -cpu "${cpu:-max}" "$@"
elif [ -d /sys/module/kvm_pvm ]; then
    pvm=true
    set -- -accel kvm -cpu "${cpu:-host,-arch-capabilities}" "$@"
else
    set -- -accel kvm -cpu "${cpu:-host}" "$@"
fi

case $firmware in
auto) if $pvm; then firmware=rom; else firmware=bios; fi ;;
rom | bios) ;;
*) die "--firmware is rom or bios, not '$firmware'" ;;
esac
if [ "$firmware" = rom ]; then
    rom=$(dirname "$elf")/../rom/moka.rom
    [ -r "$rom" ] || die "cannot read the boot ROM '$rom'" 'build it first: make rom'
    set -- -bios "$rom" "$@"
fi

if [ -n "$gdb" ]; then
    set -- -gdb "tcp:127.0.0.1:$gdb" "$@"
    $gdb_wait && set -- -S "$@"
fi
set -- qemu-system-x86_64 -machine "$machine" -m "$memory" -smp "$cpus" -kernel "$elf" \
    -append "$append" -nodefaults -display none -no-reboot -serial stdio \
    -device isa-debug-exit,iobase=0xf4,iosize=4 "$@"
[ -z "$timeout" ] || set -- timeout --foreground -k 5 "$timeout" "$@"

if $dry_run; then
    quote "$@"
    exit 0
fi
exec "$@" </dev/null
