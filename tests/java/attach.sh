# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154
#
# The attach mechanism: jcmd and its like, within the machine and from the host.
# Sourced by run-java.sh behind common.sh.

attaches_to_itself() {
    main -Djdk.attach.allowAttachSelf=true \
        --add-exports=jdk.attach/sun.tools.attach=ALL-UNNAMED Attach
}

# The host's own tools, on the tool's process.
host_tool() {
    LC_ALL=C.UTF-8 timeout -k 5 600 "$build/java/jdk/bin/java" "$@"
}
jcmd() {
    host_tool -m jdk.jcmd/sun.tools.jcmd.JCmd "$@"
}

# while_it_waits COMMAND...: with the process number of a program that runs.
while_it_waits() {
    (cd "$work" && MOKA_OPTIONS="--accel $how -m 1G -c 2" exec "$build/tool/moka" java \
        -cp "$classes" Attach wait) >"$work/lines" 2>&1 &
    child=$! tries=0 good=1
    while ! grep -q waiting "$work/lines" && [ $tries -lt 1200 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    "$@" "$child" || good=0
    kill -TERM "$child"
    wait "$child" || true
    [ $good = 1 ] && ! [ -e "/tmp/.java_pid$child" ]
}

asks_it() {
    jcmd "$1" VM.version | grep -q OpenJDK &&
        jcmd "$1" Thread.print | grep -q 'at Attach.main' &&
        jcmd "$1" GC.class_histogram | grep -q '^Total' &&
        jcmd "$1" GC.heap_info | grep -q Metaspace &&
        host_tool -m jdk.jcmd/sun.tools.jstack.JStack "$1" | grep -q '"main"' &&
        jcmd "$1" JFR.start name=x | grep -q 'Started recording'
}
attaches_from_host() {
    while_it_waits asks_it
}
