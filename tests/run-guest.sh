#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run-guest.sh [--set full|quick|stress] [--seconds N] [--only PATTERN]
#              [--accel kvm|tcg]... [--list] BUILD-DIR
#
# Boots the test image on each platform and machine, and judges what it
# prints (TAP) and the status with which it ends QEMU.  The configurations
# are the list at the end of this file.  --only takes those whose line
# matches an extended regular expression, --accel one platform's of the set
# "full"; --list prints them; --seconds is how long each stress run of the
# set "stress" lasts.
#
# A guest that has not ended long after it should have is killed and counts
# as hung; no test depends on time otherwise.  Without a usable /dev/kvm its
# configurations are counted as skipped, and that is said at the end.
set -eu
. tests/report.sh

set=full only='' accels='' list=false stress_seconds=600
while [ $# -gt 1 ]; do
    case $1 in
    --set) set=$2 && shift ;;
    --only) only=$2 && shift ;;
    --accel) accels="$accels $2" && shift ;;
    --seconds) stress_seconds=$2 && shift ;;
    --list) list=true ;;
    *) break ;;
    esac
    shift
done
if [ $# != 1 ]; then
    echo 'usage: run-guest.sh [--set full|quick|stress] [--only PATTERN] [--accel kvm|tcg] [--list] BUILD-DIR' >&2
    exit 2
fi
build=$1
result=guest$(echo "$accels" | tr ' ' '-')
accels=${accels:-kvm tcg}
image=$build/test/moka-test.elf
ubsan=$build/ubsan/moka-test.elf
logs=$build/logs
mkdir -p "$logs"

ends_child TERM

kvm=true kvm_skipped=0
tools/qemu.sh --accel kvm --firmware bios --dry-run tests/run-guest.sh >/dev/null 2>&1 || kvm=false

# Is this configuration to run?  Then its line is begun; else it is listed or skipped.
# begins ACCEL NAME
begins() {
    wanted "$1 $2" || return 1
    if $list; then
        echo "$1 $2"
        return 1
    fi
    begin "$1 $2"
    if [ "$1" = kvm ] && ! $kvm; then
        kvm_skipped=$((kvm_skipped + 1))
        count 0 0 1
        echo ' SKIPPED  no KVM here'
        return 1
    fi
}

# Boots and waits; leaves the output in $log, the end in $status.
# boot ACCEL NAME LIMIT OPTION... IMAGE
boot() {
    accel=$1 limit=$3
    log=$logs/guest-$(key "$1 $2").log
    shift 3
    status=0
    tools/qemu.sh --accel "$accel" --timeout "$limit" "$@" </dev/null >"$log" 2>&1 &
    child=$!
    wait "$child" || status=$?
    child=''
}

# What a status means, for people.
meaning() {
    case $1 in
    0) echo 'ended without a status: triple fault, or killed' ;;
    33) echo 'ended well' ;;
    35) echo 'reported failure' ;;
    37) echo 'panic' ;;
    39) echo 'configuration error' ;;
    124 | 137) echo 'hung' ;;
    *) echo "QEMU's status $1" ;;
    esac
}

# The part of the log that explains the failure.
explain() {
    {
        awk -v show=1 -f tests/tap.awk "$log"
        case $status in
        33 | 35) ;;
        37) sed -n '/[Pp][Aa][Nn][Ii][Cc]/,$p' "$log" | head -n 80 ;;
        *) tail -n 20 "$log" ;;
        esac
        echo "all of it: $log"
    } | sed 's/^/    /'
}

# result PASSED FAILED SKIPPED WHY
result() {
    end "$1" "$2" "$3" "$4"
    if [ "$2" != 0 ] || [ -n "$4" ]; then
        explain
    fi
}

# The guest runs tests, and all pass.
# tests ACCEL NAME OPTION...
tests() {
    begins "$1" "$2" || return 0
    name=$2
    accel=$1
    shift 2
    boot "$accel" "$name" 400 "$@"
    read_tap
    # A panic explains the missing end of the stream, not the other way round.
    if [ $status != 33 ] && { [ $status != 35 ] || [ "$failed" = 0 ]; }; then
        why=$(meaning $status)
    fi
    result "$passed" "$failed" "$skipped" "$why"
}

# The guest ends with STATUS, having printed TEXT: one test.
# ends ACCEL NAME STATUS TEXT LIMIT OPTION...
ends() {
    begins "$1" "$2" || return 0
    accel=$1 name=$2 expected=$3 text=$4 limit=$5
    shift 5
    boot "$accel" "$name" "$limit" "$@"
    if [ $status != "$expected" ]; then
        result 0 1 0 "$(meaning $status), not: $(meaning "$expected")"
    elif ! grep -Fq -e "$text" "$log"; then
        result 0 1 0 "did not print \"$text\""
    else
        result 1 0 0 ''
    fi
}

# What the image says about itself: "test NAME" and "death NAME TEXT".
names=$logs/$result-names
read_names() {
    if $list && ! [ -e "$image" ]; then
        : >"$names"
        return
    fi
    some=tcg
    case $accels in
    *kvm*) ! $kvm || some=kvm ;;
    esac
    boot $some 'test names' 100 --append test=list "$image"
    tr -d '\r' <"$log" | grep -E '^(test|death) ' >"$names" || true
}

# Programs that must die, each in a boot of its own.
deaths() {
    if ! $list && ! grep -q '^death ' "$names"; then
        echo 'run-guest.sh: the image lists no programs that must die' >&2
        tail -n 20 "$log" >&2
        count 0 1 0
        return
    fi
    while read -r kind name text <&3; do
        [ "$kind" = death ] || continue
        ends "$1" "dies: $name" 37 "$text" 100 --append "test=$name" "$image"
    done 3<"$names"
}

# Faults of the environment: one clear line, and an end.
config_errors() {
    ends "$1" 'refused: 8 MiB of memory' 39 'memory' 100 -m 8M "$image"
    ends "$1" 'refused: unknown option' 39 'nonsense' 100 --append 'nonsense=1' "$image"
    ends "$1" 'refused: bad value' 39 'stress' 100 --append 'stress=many' "$image"
}

# What a script said in TAP, in $log, and the status with which it ended.
script_result() {
    read_tap
    if [ "$status" != 0 ] && [ "$failed" = 0 ]; then
        why="status $status"
    fi
    result "$passed" "$failed" "$skipped" "$why"
}

# Our commands for GDB, in a live guest.
debugger() {
    begins tcg "gdb" || return 0
    log=$logs/guest-gdb.log status=0
    tests/gdb.sh "$build" >"$log" 2>&1 || status=$?
    script_result
}

# A script of tests for guests that have more devices: devices.sh, netdev.sh, erofs.sh, balloon.sh.
# device_script NAME ACCEL MACHINE
device_script() {
    begins "$2" "$1, $3" || return 0
    log=$logs/guest-$1-$2-$3.log status=0
    "tests/$1.sh" "$build" "$2" "$3" >"$log" 2>&1 || status=$?
    script_result
}

# What users run stays small: 700 KiB, and 200 for the network.
release_size() {
    begins any 'release image below 900 KiB' || return 0
    strip -o "$logs/moka.stripped" "$build/release/moka.elf"
    bytes=$(wc -c <"$logs/moka.stripped")
    if [ "$bytes" -lt $((900 * 1024)) ]; then
        end 1 0 0 ''
    else
        end 0 1 0 "$bytes bytes"
    fi
}

# stress ACCEL NAME SECONDS OPTION...
stress() {
    accel=$1 name=$2 seconds=$3
    shift 3
    ends "$accel" "stress $seconds s, $name" 33 '' $((seconds * 2 + 200)) \
        --append "stress=$seconds" "$@" "$image"
}

full_kvm() {
    for cpus in 1 2 4; do
        tests kvm "microvm, $cpus CPUs" -c $cpus "$image"
    done
    tests kvm 'microvm, 16 MiB' -m 16M --append 'test=boot*' "$image"
    tests kvm 'microvm, 32 MiB' -m 32M "$image"
    tests kvm 'microvm, 6 GiB' -m 6G "$image"
    tests kvm 'microvm, 64 CPUs' -c 64 --append 'test=boot*' "$image"
    tests kvm 'microvm, no ACPI' --machine microvm,acpi=off --append 'test=boot*' "$image"
    tests kvm 'microvm, qboot' --firmware bios --append 'test=boot*' "$image"
    tests kvm 'q35' --machine q35 "$image"
    tests kvm 'q35, SeaBIOS' --machine q35 --firmware bios --append 'test=boot*' "$image"
    device_script devices kvm microvm
    device_script devices kvm q35
    device_script netdev kvm microvm
    device_script netdev kvm q35
    device_script erofs kvm microvm
    device_script balloon kvm microvm
    device_script balloon kvm q35
    deaths kvm
    config_errors kvm
    tests kvm 'UBSan' "$ubsan"
    stress kvm '4 CPUs' 60 -c 4
}

full_tcg() {
    release_size
    for cpus in 1 2 4; do
        tests tcg "microvm, $cpus CPUs" -c $cpus "$image"
    done
    tests tcg 'microvm, 32 MiB' -m 32M "$image"
    tests tcg 'microvm, 6 GiB' -m 6G "$image"
    for cpus in 1 4; do
        tests tcg "microvm, 1 GiB pages, $cpus CPUs" -m 4G -c $cpus --append 'test=giant*' "$image"
    done
    tests tcg 'microvm, no ACPI' --machine microvm,acpi=off --append 'test=boot*' "$image"
    tests tcg 'microvm, our ROM' --firmware rom --append 'test=boot*' "$image"
    tests tcg 'q35' --machine q35 "$image"
    device_script devices tcg microvm
    device_script devices tcg q35
    device_script netdev tcg microvm
    device_script netdev tcg q35
    device_script erofs tcg q35
    device_script balloon tcg microvm
    deaths tcg
    config_errors tcg
    ends tcg 'refused: an old CPU' 39 'CPU' 100 --cpu qemu64 "$image"
    debugger
    tests tcg 'UBSan' "$ubsan"
    stress tcg '2 CPUs' 15
}

quick() {
    if $kvm; then
        tests kvm 'microvm, 2 CPUs' "$image"
    else
        tests tcg 'microvm, 2 CPUs' "$image"
    fi
}

case $set in
full)
    read_names
    for accel in $accels; do
        "full_$accel"
    done
    ;;
quick) quick ;;
stress)
    if $kvm; then
        stress kvm '4 CPUs' "$stress_seconds" -c 4
    else
        stress tcg '2 CPUs' "$stress_seconds"
    fi
    ;;
*)
    echo "run-guest.sh: no set '$set'" >&2
    exit 2
    ;;
esac

$list && exit 0
if [ $kvm_skipped != 0 ]; then
    echo "NO KVM: $kvm_skipped configurations were NOT run: $(tools/qemu.sh --accel kvm \
        --dry-run tests/run-guest.sh 2>&1 | head -n 1)"
fi
finish "$result" "$build/$result.result"
