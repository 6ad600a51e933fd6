#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run-java.sh [--only PATTERN] [--accel kvm|tcg]... [--cpus "N..."] [--seconds N]
#             [--threads N] BUILD-DIR
#
# Java programs (tests/java) by the unmodified JDK, on Linux and in Moka: what
# they print and their statuses must be the same, or what is said below.  On
# each accelerator; the collectors on machines with so many processors each
# (--cpus, default "1 2 4"), for so many seconds (--seconds, default 2);
# so many threads at once (--threads, default 200).
#
# --only takes what matches an extended regular expression, as "kvm traps".
set -eu
. tests/report.sh

only='' accels='' cpu_counts='1 2 4' seconds=2 threads=200
while [ $# -gt 1 ]; do
    case $1 in
    --only) only=$2 && shift ;;
    --accel) accels="$accels $2" && shift ;;
    --cpus) cpu_counts=$2 && shift ;;
    --seconds) seconds=$2 && shift ;;
    --threads) threads=$2 && shift ;;
    *) break ;;
    esac
    shift
done
if [ $# != 1 ]; then
    echo 'usage: run-java.sh [--only PATTERN] [--accel kvm|tcg]... [--cpus "N..."] [--seconds N] [--threads N] BUILD-DIR' >&2
    exit 2
fi
build=$(cd "$1" && pwd)
classes=$build/java/classes
logs=$build/logs/java
work=$build/java/work
rm -rf "$logs"
mkdir -p "$logs"
export MOKA_ROOT="$PWD" MOKA_BUILD="$build"
unset JAVA_TOOL_OPTIONS JDK_JAVA_OPTIONS _JAVA_OPTIONS CLASSPATH

child=''
end_child() {
    if [ -n "$child" ]; then
        kill -KILL "$child" 2>/dev/null || true
    fi
}
trap end_child EXIT
trap 'exit 130' INT TERM HUP

# The same JDK, to run on Linux: links into /etc lead to where that was unpacked.
prepare_linux() {
    rm -rf "$build/java/jdk"
    cp -al "$build/jdk/usr/lib/jvm/java-17-openjdk-amd64" "$build/java/jdk"
    find "$build/java/jdk" -type l | while read -r link; do
        target=$(readlink "$link")
        case $target in
        /etc/*) ln -sf "$build/jdk$target" "$link" ;;
        esac
    done
}

limit=400
# java OPTION...: on Linux (how=linux) or in Moka, in the working folder.
java() {
    if [ "$how" = linux ]; then
        (cd "$work" && LC_ALL=C.UTF-8 exec timeout -k 5 "$limit" "$build/java/jdk/bin/java" "$@")
    else
        (cd "$work" && LC_ALL=C.UTF-8 MOKA_OPTIONS="--accel $how ${machine:--m 1G -c 2}" \
            exec timeout -k 5 "$limit" "$build/tool/moka" java "$@")
    fi
}

wanted() {
    [ -z "$only" ] || echo "$1" | grep -Eq -e "$only"
}

# verdict WHY: ends the line that begin() has begun; empty: passed.
verdict() {
    if [ -z "$1" ]; then
        end 1 0 0 ''
    else
        end 0 1 0 "$1"
        sed 's/^/    /' "$log" | head -n 40
    fi
}

new_folder() {
    rm -rf "$work"
    mkdir -p "$work"
}

# same NAME COMMAND...: output and status are what they are on Linux.
same() {
    label=$1
    shift
    wanted "$how $label" || return 0
    key=$logs/$(echo "$label" | tr -c 'A-Za-z0-9\n' '-')
    log=$key-$how.log
    if ! [ -e "$key.linux" ]; then
        moka_how=$how how=linux status=0
        new_folder
        "$@" >"$key.linux.part" 2>"$key-linux.log" </dev/null || status=$?
        echo "status $status" >>"$key.linux.part"
        mv "$key.linux.part" "$key.linux"
        how=$moka_how
    fi
    begin "$how $label"
    status=0
    new_folder
    "$@" >"$key.out" 2>"$log" </dev/null || status=$?
    echo "status $status" >>"$key.out"
    if cmp -s "$key.linux" "$key.out"; then
        verdict ''
    else
        { diff -a "$key.linux" "$key.out" | head -n 20 | cut -c 1-200; } >>"$log"
        verdict 'not as on Linux'
    fi
}

# true_that NAME COMMAND...: it succeeds.
true_that() {
    label=$1
    shift
    wanted "$how $label" || return 0
    begin "$how $label"
    log=$logs/$(echo "$label" | tr -c 'A-Za-z0-9\n' '-')-$how.log
    new_folder
    if "$@" >"$log" 2>&1 </dev/null; then
        verdict ''
    else
        verdict 'not so'
    fi
}

main() {
    java -Xmx256m -cp "$classes" "$@"
}

# ---- What a JVM says of itself and its machine ------------------------------------------

version() {
    java "$@" -version 2>&1
}
# facts OPTION...: what Machine prints, in one line.
facts() {
    java -cp "$classes" "$@" Machine | tr '\n' ' '
}
# The memory of a machine is a little less than its size: the kernel's part is not in it.
sees_the_machine() {
    for size in '512 1' '1024 2' '3000 4'; do
        machine="-m ${size% *}M -c ${size#* }"
        facts
        facts | awk -v memory="${size% *}" -v cpus="${size#* }" '
            { ok = $2 == cpus && $4 <= memory && $4 > memory * 0.97 && $6 > memory / 2 && $6 < $4 }
            END { exit !ok }' || return
    done
}
small_machine() {
    machine='-m 64M -c 1'
    [ "$(java -jar "$build/java/hello.jar" x)" = Hellox ]
}
# The collector by the size of the machine, and the user's choice ahead of ours.
chooses_a_collector() {
    machine='-m 1G -c 1' && facts | grep -q 'collector Copy' || return
    machine='-m 160M -c 2' && facts | grep -q 'collector Copy' || return
    machine='-m 1G -c 2' && facts | grep -q 'collector PS' || return
    facts -XX:+UseG1GC | grep -q 'collector G1' || return
    facts -Xmx100m -XX:+UseSerialGC | grep -Eq 'heap (9[0-9]|100) collector Copy' || return
    echo '-XX:+UseZGC -Xmx300m' >"$work/options"
    facts "@$work/options" | grep -q 'heap 300 collector ZGC'
}

# ---- Files that it leaves ---------------------------------------------------------------

log_files() {
    main "-Xlog:gc*:file=$work/gc.log" Collect 1 2 >/dev/null &&
        grep -q "GC(0)" "$work/gc.log"
}
# A recording is made of chunks; this one is whole.
recording() {
    main "-XX:StartFlightRecording=filename=$work/x.jfr" Collect 1 2 >/dev/null &&
        head -c 3 "$work/x.jfr" && [ "$(wc -c <"$work/x.jfr")" -gt 10000 ]
}
error_file() {
    status=0
    main Ends crash >/dev/null || status=$?
    [ $status = 134 ] && tail -n 2 "$work"/hs_err_pid*.log && grep -c 'Unsafe_PutLong' "$work"/hs_err*
}
heap_dump() {
    main -XX:+HeapDumpOnOutOfMemoryError -Xmx32m Ends memory >/dev/null
    status=$?
    head -c 18 "$work"/java_pid*.hprof
    return $status
}
own_archive() {
    java -XX:ArchiveClassesAtExit="$work/many.jsa" -jar "$build/java/many.jar" &&
        java -Xshare:on -XX:SharedArchiveFile="$work/many.jsa" -Xlog:class+load \
            -jar "$build/java/many.jar" | grep -c 'C1499 source: shared objects file (top)'
}
native_memory() {
    main -XX:NativeMemoryTracking=summary -XX:+UnlockDiagnosticVMOptions -XX:+PrintNMTStatistics \
        Hello | grep -cE '^- +(Java Heap|Class|Thread|Code|GC) '
}
large_pages() {
    main "$1" -Xlog:pagesize Hello | grep 'Heap:' | grep -o 'page_size=2M'
}

# There is one process: a clear exception.
no_second_process() {
    main Second | grep -q 'error=38, Function not implemented'
}

# ---- Ends -------------------------------------------------------------------------------

# signalled SIGNALS: starts one that waits, sends, and says how it ended.
signalled() {
    : >"$logs/signalled"
    if [ "$how" = linux ]; then
        # A shell starts what is in the background with SIGINT ignored.
        env --default-signal=INT,QUIT "$build/java/jdk/bin/java" -cp "$classes" Ends wait \
            </dev/null >"$logs/signalled" &
    else
        MOKA_OPTIONS="--accel $how -m 512M" "$build/tool/moka" java -cp "$classes" Ends wait \
            </dev/null >"$logs/signalled" &
    fi
    child=$!
    tries=0
    while ! grep -q waiting "$logs/signalled" && [ $tries -lt 1200 ]; do
        sleep 0.05
        tries=$((tries + 1))
    done
    for signal in $1; do
        kill -"$signal" "$child" 2>/dev/null || true
        [ "$signal" != QUIT ] || wait_for 'Class space used\|class space' "$logs/signalled"
    done
    tries=0
    while kill -0 "$child" 2>/dev/null && [ $tries -lt 1200 ]; do
        sleep 0.05
        tries=$((tries + 1))
    done
    kill -KILL "$child" 2>/dev/null || true
    status=0
    wait "$child" || status=$?
    child=''
    echo "$status"
    grep -Eo '^(main|waiting|hook|Full thread dump|"main"|"VM Thread"|Heap)' "$logs/signalled"
}
# wait_for PATTERN FILE
wait_for() {
    tries=0
    while ! grep -q "$1" "$2" && [ $tries -lt 400 ]; do
        sleep 0.05
        tries=$((tries + 1))
    done
}

# ---- Collectors -------------------------------------------------------------------------

# collect COLLECTOR CPUS: under load, the whole heap verified at each collection.
collect() {
    machine="-m 1200M -c $2"
    [ "$(java -Xmx300m "-XX:+Use$1GC" -XX:+UnlockDiagnosticVMOptions -XX:+VerifyBeforeGC \
        -XX:+VerifyAfterGC -cp "$classes" Collect "$seconds" 4)" = intact ]
}
collectors() {
    for collector in Serial Parallel G1 Z Shenandoah; do
        for cpus in $cpu_counts; do
            true_that "$collector on $cpus" collect "$collector" "$cpus"
        done
    done
}

in_each_way() {
    how=$1 machine=''
    same version version
    same 'version, interpreted' version -Xint -XX:+UseSerialGC
    same hello main Hello ' a  b' c
    same 'many classes' java -jar "$build/java/many.jar"
    same traps main Traps
    same 'traps, compiled at once' main -Xcomp -XX:TieredStopAtLevel=1 Traps
    same threads main Threads "$threads"
    same 'files, 9p' main Folder "$work"
    same 'files, tmpfs' main Folder /var/tmp
    for ending in return 'exit 3' 'halt 4' daemon thread uncaught memory; do
        # shellcheck disable=SC2086 # words
        same "end: $ending" main Ends $ending
    done
    same 'end: SIGINT' signalled INT
    same 'end: SIGTERM' signalled TERM
    same 'end: SIGHUP' signalled HUP
    same 'SIGQUIT' signalled 'QUIT TERM'
    same 'log file' log_files
    same 'flight recording' recording
    same 'crash' error_file
    same 'heap dump' heap_dump
    same 'archive of its own' own_archive
    same 'native memory' native_memory
    true_that 'the machine as it is' sees_the_machine
    machine=''
    true_that 'a collector that fits' chooses_a_collector
    machine=''
    true_that 'a machine of 64 MiB' small_machine
    machine=''
    same 'transparent huge pages' large_pages -XX:+UseTransparentHugePages
    true_that 'no second process' no_second_process
    true_that 'large pages' large_pages -XX:+UseLargePages
    collectors
    machine=''
}

prepare_linux
for accel in ${accels:-kvm tcg}; do
    if [ "$accel" = kvm ] && ! (: <>/dev/kvm) 2>/dev/null; then
        echo 'NO KVM: its Java programs were NOT run'
        count 0 0 1
        continue
    fi
    in_each_way "$accel"
done
finish java "$build/java.result"
