#!/bin/sh
# SPDX-License-Identifier: MIT
#
# balloon.sh BUILD-DIR [ACCEL [MACHINE]]
#
# Memory that the host gets back (tests/guest/test_balloon.c): what it asks for by
# the balloon, and what the guest gives.  The memory that QEMU itself holds falls.  TAP.
set -eu
cd "$(dirname "$0")/.."
. tests/tap.sh
. tests/device-guest.sh

mkfifo "$dir/mon.in" "$dir/mon.out"
exec 4<>"$dir/mon.in" 5<>"$dir/mon.out"
case $machine in
q35*) balloon=virtio-balloon-pci,disable-legacy=on ;;
*) balloon=virtio-balloon-device ;;
esac

# MiB that QEMU holds.
resident() {
    awk '/^VmRSS/ { print int($2 / 1024) }' "/proc/$qemu/status"
}
child() {
    read -r found <"/proc/$1/task/$1/children" || [ -n "$found" ]
    echo "$found"
}

# says TEXT: waits until the guest does, or has ended.
says() {
    while ! grep -q "^# $1" "$log" && kill -0 "$running" 2>/dev/null; do
        sleep 0.1
    done
    grep -q "^# $1" "$log"
}

# falls MIB: so much less is resident than before, at the latest in a minute.
falls() {
    tries=0
    while now=$(resident) && [ "$now" -gt $((before - $1)) ] && [ $tries -lt 600 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    echo "# from $before to $now MiB"
    [ "$now" -le $((before - $1)) ]
}

# balloon PROPERTIES OPTION...: one run, by the device with these properties.
balloon() {
    properties=$1
    shift
    : >"$log"
    {
        guest balloon_by_host -m 512M "$image" -- -device "$balloon$properties" "$@" \
            -chardev "pipe,id=mon,path=$dir/mon" -mon chardev=mon,mode=readline </dev/null
        echo "$status" >"$dir/status"
    } &
    running=$!
    check 'the guest writes to its memory' says written
    qemu=$(child "$(child "$running")") # a shell's, a time limit's
    before=$(resident)
    echo 'balloon 256' >&4
    check 'the balloon is filled' says taken
    check 'what the host took it has' falls 128
    echo 'balloon 512' >&4
    check 'the guest writes to its memory again, and gives it' says given
    case $properties in
    *reporting=on*) check 'what the guest gave the host has' falls 256 ;;
    *) check 'a host that takes nothing' says 'given -95' ;;
    esac
    echo 'balloon 448' >&4
    wait "$running" || true
    status=$(cat "$dir/status")
    check 'the guest has seen the same' passed
}

balloon ,free-page-reporting=on,deflate-on-oom=on
balloon ''
# Its queue comes behind another one then.
balloon ,free-page-hint=on,iothread=io,free-page-reporting=on -object iothread,id=io
finish
