#!/bin/sh
# SPDX-License-Identifier: MIT
#
# gdb.sh BUILD-DIR
#
# tools/gdb/moka.py in a live guest (TCG: breakpoints work there): stops in
# the scene of tests/guest/test_debugger.c, runs every command, and looks for
# what the scene has put there.
set -eu
cd "$(dirname "$0")/.."
. tests/tap.sh

image=$1/test/moka-test.elf
socket=$dir/gdb

tools/qemu.sh --accel tcg --timeout 120 -c 2 --append test=debugger_scene "$image" \
    -- -S -gdb "unix:$socket,server=on,wait=off" >"$dir/guest" 2>&1 &
guest=$!
trap 'kill $guest 2>/dev/null || true; rm -rf "$dir"' EXIT

tries=0
while ! [ -S "$socket" ] && [ $tries -lt 100 ]; do
    sleep 0.1
    tries=$((tries + 1))
done

cat >"$dir/commands" <<'END'
set pagination off
set confirm off
set width 0
break debugger_scene_ready
continue
echo == cpus\n
moka-cpus
echo == threads\n
moka-threads
echo == runqueues\n
moka-runqueues
echo == regions\n
moka-regions
echo == region\n
moka-regions 0x280000001000
echo == walk\n
moka-walk &sched_cpus
echo == unmapped\n
moka-walk 0
echo == trace\n
moka-trace 100
echo == locks\n
moka-locks
echo == end\n
delete
detach
END
timeout 100 gdb -nx -batch -ex "target remote $socket" -x tools/gdb/moka.py -x "$dir/commands" \
    "$image" >"$dir/out" 2>"$dir/error" || true

# part NAME: what the command printed.
part() {
    sed -n "/^== $1\$/,/^== /p" "$dir/out"
}

# shows NAME PATTERN: a line of the part matches.
shows() {
    part "$1" | grep -Eq -e "$2"
}

# shows_after NAME PATTERN PATTERN: so does a line after one that matches the first.
shows_after() {
    part "$1" | sed -n "/$2/,/^[0-9]/p" | grep -Eq -e "$3"
}

lacks_errors() {
    ! grep -Eiq 'error|exception|traceback|undefined' "$dir/error"
}

check 'stops in the scene' grep -q 'Breakpoint 1, debugger_scene_ready' "$dir/out"
check 'CPUs: the one that runs the test' shows cpus "runs [0-9]+ 'main'"
check 'CPUs: where it is' shows cpus 'debugger_scene_ready'
check 'CPUs: two' shows cpus '^CPU 1: '
check 'threads: the running one' shows threads "^[0-9]+ 'main' running"
check 'threads: backtrace of the running one' \
    shows_after threads "'main'" 'test_debugger_scene.* at tests/guest/test_debugger.c:'
check 'threads: a sleeping one' shows threads "'scene-sleeper' sleeping"
check 'threads: backtrace of a sleeping one' \
    shows_after threads "'scene-sleeper'" 'debugger_scene_sleeps.* at '
check 'threads: across a system call' \
    shows_after threads "'scene-caller'" 'debugger_scene_in_kernel.* at '
check 'threads: the application behind it' \
    shows_after threads "'scene-caller'" 'debugger_scene_calls.* at '
check 'threads: application code that was preempted' \
    shows_after threads "'scene-spinner-[12]' runnable" 'debugger_scene_spins.* at '
check 'threads: behind a trap' shows threads '-- trap, vector 6[456] --'
check 'threads: idle ones' shows threads "'idle/0'"
check 'run queues: two' shows runqueues '^CPU 1: '
check 'run queues: what runs' shows runqueues "runs   [0-9]+ 'main'"
check 'run queues: what waits' shows runqueues "(queued|woken) .*'scene-spinner-[12]'"
check 'regions: the scene'"'"'s' \
    shows regions '^0000280000000000-0000280000200000 r-- +2048 KiB anon'
check 'regions: by address' shows region '^0000280000000000-'
check 'walk: a page of the kernel' shows walk 'physical address [0-9a-f]+, page of 2048 KiB'
check 'walk: nothing there' shows unmapped 'not mapped'
check 'trace: the scene'"'"'s event' shows trace 'cpu [01] NOTE 5ce4e 0'
check 'trace: threads were made' shows trace 'THREAD_NEW thread [0-9]+ cpu [01]'
check 'locks: the one that is held' shows locks 'scene at 0x[0-9a-f]+, rank test_low'
check 'no command failed' lacks_errors
if [ $failed != 0 ]; then
    sed 's/^/# /' "$dir/out" "$dir/error" "$dir/guest"
fi
finish
