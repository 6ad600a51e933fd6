#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run-programs.sh [--only PATTERN] [--accel kvm|tcg]... BUILD-DIR
#
# Runs tests/programs on Linux, then in Moka by the tool `moka`: on each
# accelerator, in each of the four ways in which they are built.  A program
# that speaks TAP passes when it says so; what the others print, and all
# statuses, must be what they are on Linux.  At the end the committed table
# of system calls is compared with the kernel.
#
# --only takes what matches an extended regular expression, as
# "kvm musl files".
set -eu
. tests/report.sh
. tests/compare.sh

only='' accels=''
while [ $# -gt 1 ]; do
    case $1 in
    --only) only=$2 && shift ;;
    --accel) accels="$accels $2" && shift ;;
    *) break ;;
    esac
    shift
done
if [ $# != 1 ]; then
    echo 'usage: run-programs.sh [--only PATTERN] [--accel kvm|tcg]... BUILD-DIR' >&2
    exit 2
fi
build=$(cd "$1" && pwd)
root=$build/programs
result=programs$(echo "$accels" | tr ' ' '-')
logs=$build/logs/$result
mkdir -p "$logs"
export MOKA_ROOT="$PWD" MOKA_BUILD="$build"

ends_child KILL

# The tool; $how is "ACCEL VARIANT".  A limit finds hangs only.
moka() {
    timeout -k 5 "$limit" "$build/tool/moka" exec --quiet --cache "$build/cache" \
        --accel "${how%% *}" "$@"
}

# program NAME ARGUMENT...: on Linux (how=linux) or in Moka, as the shell would.
program() {
    name=$1
    shift
    if [ "$how" = linux ]; then
        timeout -k 5 "$limit" "$root/glibc/$name" "$@"
    elif [ "$how" = "$preloaded" ]; then
        LD_PRELOAD=$build/hooks-linux/libmoka-linux.so timeout -k 5 "$limit" "$root/glibc/$name" "$@"
    else
        moka "$root" "/${how#* }/$name" "$@"
    fi
}

limit=100
variants='glibc static musl musl-static'
tap_names='hooks hooks_docs hooks_large hooks_role hooks_remap hooks_alias files mmap threads signals events clocks memory futexes sigcalls sigedge filecalls filedata times polls procfs private largefile cancel sockets sockmsg hooks_pressure inet inetopt inetudp'
# What the library for Linux has as well, and how that is run.
hooks_names='hooks hooks_docs hooks_large hooks_remap hooks_alias hooks_role'
preloaded='linux preloaded'

# tap_test NAME ARGUMENT...
tap_test() {
    wanted "$how $1" || return 0
    begin "$how $1"
    log=$logs/$(echo "$how $1" | tr ' ' '-').log status=0
    program "$@" </dev/null >"$log" 2>&1 || status=$?
    judge
}

# tool ACCEL MACHINE: streams, signals, folders and errors of the tool itself.
tool() {
    wanted "$1 tool $2" || return 0
    begin "$1 tool, $2"
    log=$logs/$1-tool-$2.log status=0
    tests/run-moka.sh "$build" "$1" "$2" >"$log" 2>&1 </dev/null || status=$?
    judge
}

# network ACCEL MACHINE: the machine's network from outside.
network() {
    wanted "$1 network $2" || return 0
    begin "$1 network, $2"
    log=$logs/$1-network-$2.log status=0
    tests/run-net.sh "$build" "$1" "$2" >"$log" 2>&1 </dev/null || status=$?
    judge
}

# Only the statuses: what is in a buffer at a sudden end is each library's own affair.
# What the tool says on standard error is in the log.
each_status() {
    for ending in 'return 3' 'exit 300' '_exit 5' abort 'null 8' ud2 'thread-exit 6' 'last-thread' \
        'atexit 4' 'raise 1' 'raise 2' 'raise 3' 'raise 4' 'raise 5' 'raise 6' 'raise 7' 'raise 8' \
        'kill 9' 'raise 10' 'raise 11' 'raise 12' 'raise 13' 'raise 14' 'kill 15' 'raise 17' \
        'raise 23' 'raise 24' 'raise 31' 'raise 34' 'raise 64'; do
        status=0
        # shellcheck disable=SC2086 # words
        program status $ending </dev/null >/dev/null || status=$?
        echo "$ending: $status"
    done
}

environment='PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb LANG=C.UTF-8'
newline='
'
arguments() {
    # shellcheck disable=SC2016 # as it is
    set -- one 'two words' '' "a'b\"c\\d" '$HOME' "line${newline}line" '-x' 'mitä' \
        "$(awk 'BEGIN { for (i = 0; i < 20000; i++) printf "long" }')"
    if [ "$how" = linux ]; then
        # shellcheck disable=SC2086 # words
        (cd /proc && env -i $environment A='x y' B= "$root/glibc/args" "$@" </dev/null)
    else
        TERM=dumb LANG=C.UTF-8 moka -e A=other -e 'A=x y' -e B= --cwd /proc "$root" \
            "/${how#* }/args" "$@" </dev/null
    fi
}

# The sum that the program prints of what it wrote, beside that of what arrived.
big_output() {
    { program bytes write 100 </dev/null 2>"$logs/sum"; } | cksum
    cat "$logs/sum"
}
input() {
    program bytes copy <"$logs/random" 2>&1 >"$logs/copied"
    cmp "$logs/random" "$logs/copied"
}
input_pipe() {
    # shellcheck disable=SC2002 # a pipe is what is wanted
    cat "$logs/random" | program bytes copy 2>/dev/null | cksum
}
no_input() {
    program bytes copy </dev/null 2>&1
}
both_outputs() {
    program bytes both </dev/null 2>"$logs/both"
    cksum <"$logs/both"
}
closed_output() {
    {
        status=0
        program bytes fill </dev/null 2>/dev/null || status=$?
        echo "$status" >"$logs/fill"
    } | head -c 300000 | cksum
    cat "$logs/fill"
}

# The library for Linux leaves Moka's own hooks to be found.
hooks_preloaded() {
    wanted "$how hooks preloaded" || return 0
    begin "$how hooks, preloaded"
    log=$logs/$(key "$how hooks-preloaded").log status=0
    moka -e LD_PRELOAD=/lib/libmoka-linux.so "$root" /glibc/hooks </dev/null >"$log" 2>&1 || status=$?
    judge
}

# large_machine NAME: a TAP test that wants 4 GiB.
large_machine() {
    wanted "$how $1" || return 0
    begin "$how $1, 4 GiB"
    log=$logs/$(key "$how $1").log status=0
    moka -m 4g "$root" "/glibc/$1" </dev/null >"$log" 2>&1 || status=$?
    judge
}

# signalled SIGNAL[+] HOW NUMBER: starts it, waits until it runs, sends.  A simple
# command, so that $! is the program or the tool and no shell.  The signal
# is sent again and again where it has a +: two that come while the tool does
# not run are one.
signalled() {
    : >"$logs/signalled"
    if [ "$how" = linux ]; then
        "$root/glibc/status" "$2" "$3" </dev/null >"$logs/signalled" 2>/dev/null &
    else
        "$build/tool/moka" exec --quiet --cache "$build/cache" --accel "${how%% *}" "$root" \
            "/${how#* }/status" "$2" "$3" </dev/null >"$logs/signalled" 2>/dev/null &
    fi
    child=$!
    tries=0
    while ! grep -q waiting "$logs/signalled" && [ $tries -lt 600 ]; do
        sleep 0.05
        tries=$((tries + 1))
    done
    kill -"${1%+}" "$child" 2>/dev/null || true
    tries=0
    while kill -0 "$child" 2>/dev/null && [ $tries -lt 300 ]; do
        sleep 0.2
        case $1 in
        *+) kill -"${1%+}" "$child" 2>/dev/null || true ;;
        esac
        tries=$((tries + 1))
    done
    kill -KILL "$child" 2>/dev/null || true
    status=0
    wait "$child" || status=$?
    child=''
    echo "$status"
    cat "$logs/signalled"
}
interrupt() {
    signalled INT catch 2
}
terminate() {
    signalled TERM catch 15
}
quit() {
    signalled QUIT catch 3
}
# On Linux the second one would not end it, so only Moka is asked.
interrupt_twice() {
    [ "$how" = linux ] && echo 130 && echo waiting && return
    signalled INT+ ignore 2 | grep -v ignore
}

# A folder of the host: what the calls say there, and what is in it at the end.
host_folder() {
    rm -rf "$logs/folder"
    mkdir "$logs/folder"
    if [ "$how" = linux ]; then
        program folder "$logs/folder" </dev/null
    else
        moka -v "$logs/folder:/host" "$root" "/${how#* }/folder" /host </dev/null
    fi
    (cd "$logs/folder" && cksum -- *)
}

# Calls that are not there are named in the log, if it is asked for.
named_in_log() {
    wanted "$how missing calls are named" || return 0
    begin "$how missing calls are named"
    log=$logs/named.log why=''
    timeout -k 5 "$limit" "$build/tool/moka" exec --verbose --cache "$build/cache" \
        --accel "${how%% *}" "$root" /glibc/missing </dev/null >"$log" 2>&1 || why="status $?"
    for call in '29 (shmget)' '57 (fork)'; do
        grep -aq "system call $call is not there, tried" "$log" || why="no word of $call"
    done
    verdict "$why"
}

# The bits of each address that were both 0 and 1 in so many boots.  A bit that is
# drawn at random seems constant once in two thousand times.
boots=12
count_bits() {
    awk -v digits=0123456789abcdef '
    {
        for (i = 1; i <= 16; i++) {
            digit = index(digits, substr($2, i, 1)) - 1
            for (bit = 8; bit >= 1; bit /= 2) {
                on = digit >= bit
                digit -= on ? bit : 0
                seen[$1, i, bit, on] = 1
                name[$1] = 1
            }
        }
    }
    END {
        for (n in name) {
            count = 0
            for (i = 1; i <= 16; i++)
                for (bit = 8; bit >= 1; bit /= 2)
                    count += ((n, i, bit, 0) in seen) && ((n, i, bit, 1) in seen)
            print n, count
        }
    }' "$1"
}

# Addresses differ from boot to boot; docs/memory-map.md says in how many bits.
entropy() {
    wanted "$how random addresses" || return 0
    begin "$how random addresses, $boots boots"
    log=$logs/aslr.log why=''
    : >"$log.addresses"
    for boot in $(seq $boots); do
        program aslr </dev/null >>"$log.addresses" 2>&1 || why="status $? of boot $boot"
    done
    count_bits "$log.addresses" >"$log"
    for least in 'program 26' 'loader 26' 'library 26' 'stack 26' 'mmap 21' 'heap 26'; do
        awk -v name="${least% *}" -v least="${least#* }" \
            '$1 == name && $2 >= least { good = 1 } END { exit !good }' "$log" ||
            why="fewer random bits than ${least#* } for ${least% *}"
    done
    verdict "$why"
}

in_each_way() {
    for variant in $variants; do
        how="$1 $variant"
        [ -e "$root/$variant/hello" ] || continue
        same hello program hello
        for name in $tap_names; do
            tap_test "$name"
        done
    done
    how="$1 glibc"
    tap_test missing
    hooks_preloaded
    tap_test hooks_fuzz 30
    large_machine hooks_giant
    named_in_log
    entropy
    tap_test cxx /glibc/libthrower.so
    same arguments arguments
    same 'a folder of the host' host_folder
    same statuses each_status
    same 'exit handlers' program status atexit 4
    same 'the last thread' program status last-thread
    same 'output, 100 MB' big_output
    same 'input, a file' input
    same 'input, a pipe' input_pipe
    same 'input, none' no_input
    same 'both outputs' both_outputs
    same 'nobody reads' closed_output
    same SIGINT interrupt
    same SIGTERM terminate
    same SIGQUIT quit
    same 'SIGINT twice' interrupt_twice
}

on_linux() {
    how=linux
    for name in $tap_names; do
        tap_test "$name"
    done
    tap_test cxx "$root/glibc/libthrower.so"
    how=$preloaded
    for name in $hooks_names; do
        tap_test "$name"
    done
}

rm -f "$logs"/*.linux
head -c 20000000 /dev/urandom >"$logs/random"
on_linux
for accel in ${accels:-kvm tcg}; do
    can_run "$accel" 'programs were' || continue
    in_each_way "$accel"
    tool "$accel" microvm
    tool "$accel" q35
    # On TCG a server of datagrams hung once in some thirty runs (docs/network.md): asked for only.
    if [ "$accel" = kvm ] || [ -n "$only" ]; then
        network "$accel" microvm
        network "$accel" q35
    fi
done
if wanted 'system calls table'; then
    begin 'docs/system-calls.md is up to date'
    log=$logs/system-calls.log why=''
    tools/list-syscalls.sh --check "$build/release/moka.elf" >"$log" 2>&1 || why='it is not'
    verdict "$why"
fi
finish "$result" "$build/$result.result"
