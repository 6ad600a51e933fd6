#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run-net.sh BUILD-DIR [ACCEL [MACHINE]]
#
# The machine's network from outside, by QEMU's user networking, which needs no
# rights: servers in the machine by -p, clients in it by the host's address,
# addresses of one's own choice, a web server in Java.  tests/programs/netpeer.c runs on both sides and
# compares each byte.  TAP.
set -eu
cd "$(dirname "$0")/.."
. tests/tap.sh

build=$(cd "$1" && pwd)
accel=${2:-kvm}
machine=${3:-microvm}
export MOKA_ROOT="$PWD" MOKA_BUILD="$build" TERM=dumb

mkdir -p "$dir/root/bin"
cp "$build/programs/glibc/netpeer" "$dir/root/bin/"
peer() {
    timeout -k 5 100 "$build/programs/glibc/netpeer" "$@"
}
# A server in the machine, by a port of the host below those that are given out.
# serve GUEST-PORT[/udp] WORD...
tried=0
serve() {
    guest=$1
    shift
    while :; do
        free=$((20000 + ($$ * 31 + tried * 7) % 10000)) tried=$((tried + 1))
        publish=127.0.0.1:$free:$guest
        ! start "$@" || return 0
        grep -q 'is taken already' "$dir/err" || { sed 's/^/# /' "$dir/err"; return 1; }
    done
}

# start WORD...: in the background, its first line is waited for; the number behind it is $port.
start() {
    mkfifo "$dir/said"
    "$@" >"$dir/said" 2>"$dir/err" </dev/null &
    started=$!
    exec 3<"$dir/said"
    rm "$dir/said"
    port='' word=''
    read -r word port <&3 || true
    cat <&3 >"$dir/out" &
    exec 3<&-
    [ "$word" = port ]
}
# What is in the file says why; nothing is left that was started.
give_up() {
    sed 's/^/# /' "$1"
    kill "$started" 2>/dev/null || true
    wait "$started" || true
    return 1
}
# What was started ends with this status.
ends() {
    status=0
    wait "$started" || status=$?
    [ "$status" = "$1" ] || { echo "# status $status"; sed 's/^/# /' "$dir/err"; return 1; }
}
machine() {
    timeout -k 5 200 "$build/tool/moka" exec --cache "$dir/cache" --accel "$accel" --machine "$machine" "$@"
}
# In a process of its own: $started.
server() {
    exec timeout -k 5 200 "$build/tool/moka" exec -q --cache "$dir/cache" --accel "$accel" \
        --machine "$machine" -p "$publish" "$dir/root" /bin/netpeer "$@"
}
in_machine() {
    machine -q "$dir/root" /bin/netpeer "$@" >"$dir/out" 2>"$dir/err" </dev/null || {
        sed 's/^/# /' "$dir/out" "$dir/err"
        return 1
    }
}

# tcp_server COUNT BYTES...: a server in the machine, and so many calls, one after the other.
tcp_server() {
    serve 7000 server tcp-serve 7000 "$1" || return 1
    shift
    for bytes; do
        peer tcp-call 127.0.0.1 "$free" "$bytes" >"$dir/call" || { give_up "$dir/call"; return 1; }
    done
    ends 0
}
check 'a server: one byte, one packet, megabytes' tcp_server 4 1 1460 70000 20000000

# They connect one after the other: QEMU has room for one that waits to be accepted.
tcp_server_at_a_time() {
    serve 7000 server tcp-serve 7000 8 || return 1
    callers='' result=0
    for number in 1 2 3 4 5 6 7 8; do
        mkfifo "$dir/connected"
        { peer tcp-call 127.0.0.1 "$free" 2000000 || echo failed; } >"$dir/connected" &
        callers="$callers $!"
        exec 4<"$dir/connected"
        rm "$dir/connected"
        read -r word <&4 || true
        [ "$word" = connected ] || result=1
        cat <&4 >"$dir/call$number" &
        callers="$callers $!"
        exec 4<&-
    done
    # shellcheck disable=SC2086 # words
    wait $callers
    [ "$(cat "$dir"/call[1-8] | grep -c '^2000000 bytes')" = 8 ] || result=1
    [ $result = 0 ] || { cat "$dir"/call[1-8] | sed 's/^/# /'; give_up "$dir/err"; return 1; }
    ends 0
}
check 'a server: eight at a time' tcp_server_at_a_time

udp_server() {
    serve 7000/udp server udp-serve 7000 || return 1
    peer udp-call 127.0.0.1 "$free" 100 >"$dir/call" || { give_up "$dir/call"; return 1; }
    ends 0
}
check 'a server of datagrams' udp_server

closes() {
    serve 7000 server close-waiting 7000 || return 1
    peer refused 127.0.0.1 "$free" >"$dir/call" || { give_up "$dir/call"; return 1; }
    ends 0
}
check 'a listener that closes with a connection waiting' closes

tcp_client() {
    start "$build/programs/glibc/netpeer" tcp-serve 0 2 || return 1
    result=0
    in_machine tcp-call 10.0.2.2 "$port" 5000000 || result=1
    peer tcp-call 127.0.0.1 "$port" 1 >"$dir/call"
    ends 0 && [ $result = 0 ]
}
check 'a client' tcp_client

udp_client() {
    start "$build/programs/glibc/netpeer" udp-serve 0 || return 1
    result=0
    in_machine udp-call 10.0.2.2 "$port" 100 || result=1
    [ $result = 0 ] || kill $started
    ends 0 && [ $result = 0 ]
}
check 'a client of datagrams' udp_client

check 'nobody listens there' in_machine refused 10.0.2.2 9

with_address() {
    start "$build/programs/glibc/netpeer" tcp-serve 0 2 || return 1
    result=0
    machine -q --ip 10.77.0.9/24,10.77.0.1 "$dir/root" /bin/netpeer tcp-call 10.77.0.1 "$port" 100000 \
        >"$dir/out" 2>&1 </dev/null || { sed 's/^/# /' "$dir/out"; result=1; }
    peer tcp-call 127.0.0.1 "$port" 1 >"$dir/call"
    ends 0 && [ $result = 0 ]
}
check 'an address of its own choice' with_address

without_card() {
    ! machine -q --network none "$dir/root" /bin/netpeer tcp-call 10.0.2.2 9 1 >"$dir/out" 2>&1 </dev/null &&
        grep -q 'unreachable' "$dir/out"
}
check 'no card' without_card

if [ -r "$build/java/web.jar" ] && [ -r "$build/jdk.erofs" ]; then
    web_server() {
        exec timeout -k 5 300 ./moka run -q --accel "$accel" --machine "$machine" -m 512M -p "$publish" \
            "$build/java/web.jar"
    }
    web() {
        serve 8080 web_server || return 1
        result=0
        [ "$(peer get 127.0.0.1 "$free" '/hello?a=b')" = 'GET /hello?a=b' ] || result=1
        [ "$(peer get 127.0.0.1 "$free" /bytes | wc -c)" = 1048576 ] || result=1
        [ "$(peer get 127.0.0.1 "$free" /bytes | head -c 30)" = abcdefghijklmnopqrstuvwxyzabcd ] || result=1
        [ "$(peer get 127.0.0.1 "$free" /stop)" = bye ] || result=1
        ends 0 && [ $result = 0 ]
    }
    check 'a web server in Java' web
else
    tests=$((tests + 1))
    echo "ok $tests - a web server in Java # SKIP no JDK for the guest"
fi
finish
