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


# Two taps in a bridge, in a network of its own that goes with the test: the host's TCP between
# two cards.  bridged TESTS PROPERTIES-OF-THE-SECOND OPTION...
cat >"$dir/up" <<'END'
#!/bin/sh
ip link set "$1" master bridge up
END
chmod +x "$dir/up"
bridged() {
    names=$1 properties=$2
    shift 2
    status=0
    # shellcheck disable=SC2016 # for the inner shell
    unshare -rn sh -c 'ip link add bridge type bridge mcast_snooping 0 && ip link set bridge up && exec "$@"' sh \
        tools/qemu.sh --accel "$accel" --machine "$machine" --timeout 200 --append "test=$names" "$@" "$image" -- \
        -netdev "tap,id=one,ifname=one,script=$dir/up,downscript=no$queues" \
        -netdev "tap,id=two,ifname=two,script=$dir/up,downscript=no$queues" \
        -device "$net,netdev=one,mac=52:54:00:00:00:01$cards" \
        -device "$net,netdev=two,mac=52:54:00:00:00:02$cards$properties" </dev/null >"$log" 2>&1 || status=$?
}
# check_bridged NAME TESTS PROPERTIES OPTION...
check_bridged() {
    name=$1
    shift
    if [ -w /dev/net/tun ] && unshare -rn ip link add bridge type bridge 2>/dev/null; then
        bridged "$@"
        check "$name" passed
        sed -n 's/^# \(.* bytes came in .*\|.* queues, used.*\)/# \1/p' "$log" | tr -d '\r'
    else
        tests=$((tests + 1))
        echo "ok $tests - $name # SKIP no taps and bridges can be made here"
    fi
}
queues='' cards=''
check_bridged 'a large packet, cut and put together by the host' netdev_offload ''
check_bridged 'a large packet, cut by the host' netdev_offload ,guest_tso4=off,guest_tso6=off
check_bridged 'a large packet, to a card that believes no checksum' netdev_offload \
    ,guest_csum=off,guest_tso4=off,guest_tso6=off
queues=,queues=4 cards=,mq=on
case $machine in
q35*) cards=$cards,vectors=10 ;;
esac
check_bridged 'four queues' netdev_queues '' -c 4
check_bridged 'four queues, two processors' netdev_queues '' -c 2

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
