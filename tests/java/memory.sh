# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034,SC2154
#
# What the host gets back of a heap.  Sourced by run-java.sh, behind common.sh.

# The QEMU below this process.
machine_of() {
    pid=$1
    while [ "$(cat "/proc/$pid/comm" 2>/dev/null)" != qemu-system-x86 ]; do
        read -r pid _ <<END
$(cat "/proc/$pid/task/"*/children 2>/dev/null)
END
        [ -n "$pid" ] || return 1
    done
    echo "$pid"
}

resident() {
    awk '/^VmRSS/ { print int($2 / 1024) }' "/proc/$1/status"
}

# waits_for TEXT: the program has printed it.
waits_for() {
    while ! grep -q "^$1" "$work/out" && kill -0 "$child" 2>/dev/null; do
        sleep 0.1
    done
    grep -q "^$1" "$work/out"
}

# heap_goes_back COLLECTOR OPTION...: after a heap of 600 MiB that is not needed any more QEMU
# holds half as much, at the latest in two minutes; and it grows again.
heap_goes_back() {
    collector=$1
    shift
    machine='-m 1500M -c 2'
    mkfifo "$work/in"
    exec 8<>"$work/in"
    : >"$work/out"
    java -Xmx1g "-XX:+Use${collector}GC" "$@" -cp "$classes" Heap 600 <"$work/in" >"$work/out" &
    child=$!
    waits_for peak && qemu=$(machine_of "$child") || return 1
    peak=$(resident "$qemu")
    waits_for idle || return 1
    tries=0
    while now=$(resident "$qemu") && [ "$now" -gt $((peak / 2)) ] && [ $tries -lt 120 ]; do
        sleep 1
        tries=$((tries + 1))
    done
    echo "from $peak MiB to $now MiB in $tries s"
    echo >&8
    waits_for again || return 1
    echo "and to $(resident "$qemu") MiB"
    cat "$work/out"
    status=0
    wait "$child" || status=$?
    child=''
    exec 8>&-
    [ "$now" -le $((peak / 2)) ] && [ $status = 0 ]
}

heaps_go_back() {
    true_that 'the heap goes back, G1' heap_goes_back G1 -XX:G1PeriodicGCInterval=5000
    true_that 'the heap goes back, Z' heap_goes_back Z -XX:ZCollectionInterval=5 -XX:ZUncommitDelay=1
    true_that 'the heap goes back, Shenandoah' heap_goes_back Shenandoah \
        -XX:+UnlockExperimentalVMOptions -XX:ShenandoahGuaranteedGCInterval=5000 \
        -XX:ShenandoahUncommitDelay=1000
}
