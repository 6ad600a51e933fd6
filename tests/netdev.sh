#!/bin/sh
# SPDX-License-Identifier: MIT
#
# netdev.sh BUILD-DIR [ACCEL [MACHINE]]
#
# The driver of network cards, in a guest that has two, wired to each other by
# datagram sockets (tests/guest/test_netdev.c): packets of every length, more at
# a time than a ring holds, all buffers kept; and a link that goes down and up.  TAP.
set -eu
cd "$(dirname "$0")/.."
. tests/tap.sh
. tests/device-guest.sh

case $machine in
q35*) net=virtio-net-pci,disable-legacy=on ;;
*) net=virtio-net-device ;;
esac

# wired TESTS PROPERTIES OPTION...: with the device's properties, each with a comma before it.
wired() {
    names=$1 properties=$2
    shift 2
    rm -f "$dir/one" "$dir/two"
    guest "$names" "$@" "$image" -- \
        -netdev "dgram,id=one,local.type=unix,local.path=$dir/one,remote.type=unix,remote.path=$dir/two" \
        -netdev "dgram,id=two,local.type=unix,local.path=$dir/two,remote.type=unix,remote.path=$dir/one" \
        -device "$net,netdev=one$properties" -device "$net,netdev=two$properties" </dev/null
}

all=netdev_every_size,netdev_windows,netdev_ring_full
wired "$all,netdev_kept_buffers" '' -m 256M
check 'two cards, wired' passed
sed -n 's/^# \(.*packets took.*\|.*were kept.*\)/# \1/p' "$log" | tr -d '\r'
wired "$all" '' -c 4
check '4 CPUs' passed
wired "$all" ,event_idx=off,indirect_desc=off
check 'without event index' passed
wired "$all" ,mrg_rxbuf=off
check 'without mergeable buffers' passed
wired netdev_every_size ,host_mtu=4000
check 'packets of up to 4014 bytes, in several buffers' passed
wired netdev_ring_full ,rx_queue_size=1024
check 'a larger ring' passed

# The host takes the link down when the guest asks for it, and up when it has seen that.
mkfifo "$dir/mon.in" "$dir/mon.out"
exec 4<>"$dir/mon.in" 5<>"$dir/mon.out"
: >"$log"
(
    until grep -q 'take the link down' "$log"; do sleep 0.1; done
    echo 'set_link card off' >&4
    until grep -q 'link is down' "$log"; do sleep 0.1; done
    echo 'set_link card on' >&4
) &
linker=$!
guest netdev_link "$image" -- -netdev user,id=u -device "$net,netdev=u,id=card" \
    -chardev "pipe,id=mon,path=$dir/mon" -mon chardev=mon,mode=readline </dev/null
kill $linker 2>/dev/null || true
check 'the link goes down and up' passed
finish
