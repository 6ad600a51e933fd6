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
#   --rom FILE              our boot ROM, if it is not ../rom/moka.rom from the ELF
#   --cpu MODEL             instead of the accelerator's whole feature set
#   -m SIZE                 memory (default 1G)
#   -c CPUS                 1 to 64 (default 2)
#   --append STRING         the kernel's command line
#   --serial DEVICE         QEMU's name of where the serial port goes (stdio)
#   --disk FILE[,ro]        a disk with the file's contents; the first is vda
#   --share TAG=FOLDER[:ro] a folder of the host, by 9P
#   --console NAME=CHARDEV  a port of the console: QEMU's -chardev without the
#                           id (file,path=out), or stdin, stdout, stderr
#   --rng                   random numbers from the host
#   --balloon               the host gets free memory back, and may ask for more
#   --no-exit-device        end by power-off, with status 0
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
find_kvm_problem() {
    problem=''
    if ! [ -e /dev/kvm ]; then
        problem='there is no /dev/kvm'
    elif ! (: <>/dev/kvm) 2>/dev/null; then
        problem='/dev/kvm is not accessible'
    fi
}
kvm_remedy() {
    if [ -e /dev/kvm ]; then
        echo "to get access: sudo usermod -aG kvm $(id -un), then log in again"
    else
        echo 'KVM needs virtualisation in the host: modprobe kvm_intel, kvm_amd or kvm_pvm'
    fi
}

accel=auto machine=microvm firmware=auto rom='' cpu='' memory=1G cpus=2 append='' serial=stdio
newline='
'
wanted='' devices='' disks=0 shares=0 ports=0 keep_stdin=false exit_device=true
gdb='' gdb_wait=false timeout='' dry_run=false elf=''
# Options of QEMU for devices, in the order of ours, each quoted for eval.
add_device() {
    devices="$devices$(quote "$@")"
}
# add_virtio DEVICE PROPERTIES: as the machine attaches it.
add_virtio() {
    case ${machine%%,*} in
    q35) add_device -device "$1-pci,disable-legacy=on$2" ;;
    *) add_device -device "$1-device$2" ;;
    esac
}

# QEMU reads options at commas, and two of them as one that is meant.
escape() {
    printf '%s' "$1" | sed 's/,/,,/g'
}

# add_disk FILE[,ro]
add_disk() {
    disks=$((disks + 1))
    case $1 in
    *,ro) add_device -blockdev "driver=file,node-name=disk$disks,read-only=on,filename=$(escape "${1%,ro}")" ;;
    *) add_device -blockdev "driver=file,node-name=disk$disks,filename=$(escape "$1")" ;;
    esac
    add_virtio virtio-blk ",drive=disk$disks"
}

# add_share TAG=FOLDER[:ro]
add_share() {
    shares=$((shares + 1))
    folder=${1#*=} ro=''
    case $folder in
    *:ro) folder=${folder%:ro} ro=,readonly=on ;;
    esac
    [ -d "$folder" ] || die "--share: '$folder' is not a folder"
    add_device -fsdev "local,id=share$shares,security_model=none,path=$(escape "$folder")$ro"
    add_virtio virtio-9p ",fsdev=share$shares,mount_tag=${1%%=*}"
}

# add_port NAME=CHARDEV
add_port() {
    ports=$((ports + 1))
    case ${1#*=} in
    stdin)
        [ "$serial" != stdio ] || die '--console stdin: --serial must be something else than stdio'
        chardev=stdio,signal=off keep_stdin=true
        ;;
    stdout | stderr) chardev=file,append=on,path=/dev/${1#*=} ;;
    *) chardev=${1#*=} ;;
    esac
    case $chardev in
    *,*) chardev="${chardev%%,*},id=port$ports,${chardev#*,}" ;;
    *) chardev=$chardev,id=port$ports ;;
    esac
    add_device -chardev "$chardev"
    add_device -device "virtserialport,nr=$ports,chardev=port$ports,name=${1%%=*}"
}

# Disks, shares and ports as they were asked for: "disk FILE" a line.
add_devices() {
    [ -n "$wanted" ] || return 0
    consoles=$(printf '%s' "$wanted" | grep -c '^console ' || true)
    [ "$consoles" = 0 ] || add_virtio virtio-serial ",max_ports=$((consoles + 1))"
    while read -r kind value; do
        case $kind in
        disk) add_disk "$value" ;;
        share) add_share "$value" ;;
        console) add_port "$value" ;;
        rng) add_virtio virtio-rng '' ;;
        balloon) add_virtio virtio-balloon ,free-page-reporting=on,deflate-on-oom=on ;;
        esac
    done <<END
$wanted
END
}

while [ $# -gt 0 ]; do
    option=$1
    shift
    case $option in
    --accel | --machine | --firmware | --rom | --cpu | -m | -c | --append | --serial | --timeout | \
        --disk | --share | --console)
        [ $# -gt 0 ] || die "$option needs a value"
        value=$1
        shift
        ;;
    esac
    case $option in
    --accel) accel=$value ;;
    --machine) machine=$value ;;
    --firmware) firmware=$value ;;
    --rom) rom=$value ;;
    --cpu) cpu=$value ;;
    -m) memory=$value ;;
    -c) cpus=$value ;;
    --append) append=$value ;;
    --serial) serial=$value ;;
    --disk | --share | --console) wanted="$wanted${option#--} $value$newline" ;;
    --rng | --balloon) wanted="$wanted${option#--}$newline" ;;
    --no-exit-device) exit_device=false ;;
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
    find_kvm_problem
    [ -z "$problem" ] || die "$problem" "$(kvm_remedy)"
    ;;
auto)
    accel=kvm
    find_kvm_problem
    if [ -n "$problem" ]; then
        accel=tcg
        echo "qemu.sh: $problem: emulating the CPU (TCG), which is many times slower" >&2
        echo "  $(kvm_remedy)" >&2
    fi
    ;;
*) die "--accel is kvm, tcg or auto, not '$accel'" ;;
esac

# kvm_pvm does not know the feature that plain "host" asks it for.  migratable=off leaves the TSC
# what it is, invariant: HotSpot measures another's frequency, for 3 ms of each start.  And where
# HotSpot is told of a hypervisor it looks for its name at 256 places: on kvm_pvm, where CPUID is
# an exit, 6 ms.  The kernel finds KVM's clock without being told.
pvm=false
if [ "$accel" = tcg ]; then
    set -- -accel tcg,thread=multi -cpu "${cpu:-max}" "$@"
elif [ -d /sys/module/kvm_pvm ]; then
    pvm=true
    set -- -accel kvm -cpu "${cpu:-host,migratable=off,-hypervisor,-arch-capabilities}" "$@"
else
    set -- -accel kvm -cpu "${cpu:-host,migratable=off}" "$@"
fi

case $firmware in
auto) if $pvm; then firmware=rom; else firmware=bios; fi ;;
rom | bios) ;;
*) die "--firmware is rom or bios, not '$firmware'" ;;
esac
if [ "$firmware" = rom ]; then
    case $rom,$elf in
    ,*/*) rom=${elf%/*}/../rom/moka.rom ;;
    ,*) rom=../rom/moka.rom ;;
    esac
    [ -r "$rom" ] || die "cannot read the boot ROM '$rom'" 'build it first: make rom'
    set -- -bios "$rom" "$@"
fi

add_devices
$exit_device && add_device -device isa-debug-exit,iobase=0xf4,iosize=4
eval "set -- $devices \"\$@\""

if [ -n "$gdb" ]; then
    set -- -gdb "tcp:127.0.0.1:$gdb" "$@"
    $gdb_wait && set -- -S "$@"
fi
set -- qemu-system-x86_64 -machine "$machine" -m "$memory" -smp "$cpus" -kernel "$elf" \
    -append "$append" -nodefaults -display none -no-reboot -serial "$serial" \
    -global virtio-mmio.force-legacy=false "$@"
[ -z "$timeout" ] || set -- timeout --foreground -k 5 "$timeout" "$@"

if $dry_run; then
    quote "$@"
    exit 0
fi
$keep_stdin && exec "$@"
exec "$@" </dev/null
