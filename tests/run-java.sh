#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run-java.sh [--quick] [--only PATTERN] [--accel kvm|tcg]... [--cpus "N..."]
#             [--seconds N] [--threads N] BUILD-DIR
#
# Java programs (tests/java) by the unmodified JDK, on Linux and in Moka: what
# they print and their statuses must be the same, or what is said below.
#
# With --quick it is a selection for `make test`: at most 90 seconds on KVM and
# 60 on TCG, on two processors that have nothing else to do.  Without it: the
# programs with 1, 2 and 4 processors (--cpus), the collectors for so many
# seconds each (--seconds, default 2), so many threads at once (--threads,
# default 1000); TCG has a smaller set.
#
# --only takes what matches an extended regular expression, as "kvm traps".
# Where the JDK is not there and cannot be fetched, the tests are skipped.
set -eu
. tests/report.sh
. tests/compare.sh

only='' accels='' cpu_counts='1 2 4' seconds=2 threads=1000 set=full
while [ $# -gt 1 ]; do
    case $1 in
    --quick) set=quick ;;
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
    echo 'usage: run-java.sh [--quick] [--only PATTERN] [--accel kvm|tcg]... [--cpus "N..."] [--seconds N] [--threads N] BUILD-DIR' >&2
    exit 2
fi
build=$(cd "$1" && pwd)
result=java$(echo "$accels" | tr ' ' '-')
logs=$build/logs/$result
rm -rf "$logs"
mkdir -p "$logs"
if ! [ -e "$build/java/programs.stamp" ]; then
    echo 'NO JDK, it could not be fetched: the Java programs were NOT run'
    count 0 0 1
    finish "$result" "$build/$result.result"
    exit
fi
. tests/java/common.sh
. tests/java/facts.sh
. tests/java/ends.sh
. tests/java/attach.sh
. tests/java/hooks.sh
. tests/java/memory.sh
export MOKA_ROOT="$PWD" MOKA_BUILD="$build"
unset JAVA_TOOL_OPTIONS JDK_JAVA_OPTIONS _JAVA_OPTIONS CLASSPATH TZ

# collect COLLECTOR CPUS: under load, the whole heap verified at each collection.
collect() {
    machine="-m 1200M -c $2"
    [ "$(java -Xmx300m "-XX:+Use$1GC" -XX:+UnlockDiagnosticVMOptions -XX:+VerifyBeforeGC \
        -XX:+VerifyAfterGC -cp "$classes" Collect "$seconds" 4)" = intact ]
}
# roles COLLECTOR: the JVM's own threads have theirs by their names, and have run in them.
roles() {
    machine='-m 1200M -c 2'
    java -Xmx300m "-XX:+Use$1GC" "-agentpath:$build/java/libroles.so" \
        -cp "$classes" Collect 1 4 >"$work/roles" || return 1
    awk -v collector="$1" '
        /^role / { role[$3 ($3 ~ /^(VM|GC|C1|C2|G1|Shenandoah)$/ ? " " $4 : "")] = $2 }
        /^times / { ran[$2] = $3 > 0 && $4 > 0 }
        END {
            worker["Parallel"] = worker["G1"] = "GC Thread#0"
            worker["Z"] = "ZWorker#0"; worker["Shenandoah"] = "Shenandoah GC"
            want = collector ~ /^(Parallel|G1)$/ ? 4 : 3
            ok = role["VM Thread"] == 5 && role["C2 CompilerThre"] == 2 && ran[5] && ran[2] && ran[1]
            if (collector != "Serial") ok = ok && role[worker[collector]] == want && ran[want]
            exit !ok
        }' "$work/roles"
}
# collectors CPUS...
collectors() {
    for collector in Serial Parallel G1 Z Shenandoah; do
        for cpus; do
            true_that "$collector on $cpus" collect "$collector" "$cpus"
        done
        true_that "roles, $collector" roles "$collector"
    done
}

native() {
    if [ -e "$build/java/libmoka_native.so" ]; then
        "$@" JNI main "-Djava.library.path=$build/java" Native
    elif wanted "$how JNI"; then
        echo 'NO C++ COMPILER or no jni.h (openjdk-17-jdk-headless): JNI was NOT tested'
        count 0 0 1
    fi
}

# What each way of running is to be tried with; on TCG stacks are smaller, since
# a JVM takes half a minute there to unwind those of 64 MiB.
quick_on_kvm() {
    seconds=1
    on_linux hooks_on_linux
    on_linux examples
    hooks 2
    examples
    same version version
    same traps main Traps 16384
    same threads main Threads 200
    same 'files, 9p' main Folder "$work"
    same buffers main -XX:MaxDirectMemorySize=128m Buffers 64
    native same
    same beans main Beans
    same 'random, TLS' main Secure
    same 'sockets, Unix' main Unix
    same 'sockets, loopback' main Net
    true_that 'attach, from within' attaches_to_itself
    same 'locales' main Locales
    same modules modules
    same agent agent
    same 'option file' option_file
    same 'end: exit' main Ends exit 3
    same 'end: uncaught' main Ends uncaught
    same 'end: SIGTERM' signalled TERM
    same 'SIGQUIT' signalled 'QUIT TERM'
    same crash error_file
    true_that 'no second process' no_second_process
    collectors 2
}
quick_on_tcg() {
    seconds=1
    hooks 2
    same hello main Hello ' a  b' c
    same traps main Traps 1024
    same 'files, 9p' main Folder "$work"
    same 'end: exit' main Ends exit 3
    true_that 'Serial on 2' collect Serial 2
}

options() {
    same version version
    same 'version, interpreted' version -Xint -XX:+UseSerialGC
    on_each hello main Hello ' a  b' c
    same 'many classes' java -jar "$build/java/many.jar"
    same 'option file' option_file
    same 'option variables' option_variables
    same modules modules
    same 'list of modules' list_modules
    same agent agent
    same 'from source' from_source
    same mistakes mistakes
    on_each locales locales Europe/Zurich
    same 'locales, zone by rule' locales EST5EDT
    true_that 'a locale of its own' german
}
endings() {
    for ending in return 'exit 3' 'halt 4' daemon thread uncaught memory; do
        # shellcheck disable=SC2086 # words
        same "end: $ending" main Ends $ending
    done
    same 'end: SIGINT' signalled INT
    same 'end: SIGTERM' signalled TERM
    same 'end: SIGHUP' signalled HUP
    same 'SIGQUIT' signalled 'QUIT TERM'
    same 'input, 100000 lines' lines 100000
    same 'input, closed' closed_input
    same 'output, closed' closed_output
    same 'input, main returns' reads_still return
    same 'input, exit' reads_still and exit
    same 'input, left to others' leaves_the_rest
    same crash error_file
}
leaves() {
    same 'log file' log_files
    same 'flight recording' recording
    same 'heap dump' heap_dump
    mkdir -p "$work"
    if mount -t tmpfs none "$work" 2>/dev/null; then
        umount "$work"
        same 'heap dump, a full disk' full_disk
    else
        echo 'NOT root: a full disk was NOT tested'
        count 0 0 1
    fi
    same 'archive of its own' own_archive
    same 'native memory' native_memory
}
programs() {
    on_each traps main Traps "$1"
    on_each 'traps, compiled at once' main -Xcomp -XX:TieredStopAtLevel=1 Traps "$1"
    on_each 'traps, small stacks' main -Xss300k Traps "$1"
    on_each threads main Threads "$threads"
    on_each 'files, 9p' main Folder "$work"
    on_each 'files, tmpfs' main Folder /dev/shm # never the host's
    on_each buffers main -XX:MaxDirectMemorySize=128m Buffers 64
    native on_each
    on_each beans main Beans
    on_each 'random, TLS' main Secure
    on_each 'sockets, Unix' main Unix
    on_each 'sockets, loopback' main Net
}
machines() {
    true_that 'the machine as it is' sees_the_machine
    true_that 'a collector that fits' chooses_a_collector
    true_that 'a machine of 64 MiB' small_machine
    same 'transparent huge pages' large_pages -XX:+UseTransparentHugePages
    true_that 'large pages' large_pages -XX:+UseLargePages
    true_that 'no second process' no_second_process
    true_that 'attach, from within' attaches_to_itself
    true_that 'attach, from the host' attaches_from_host
}
full_on_kvm() {
    on_linux hooks_on_linux
    on_linux examples
    hooks 1 2 4
    examples
    options
    programs 65536
    endings
    leaves
    machines
    heaps_go_back
    # shellcheck disable=SC2086 # numbers
    collectors $cpu_counts
}
full_on_tcg() {
    cpu_counts=2 threads=100
    hooks 2
    examples
    options
    programs 4096
    endings
    leaves
    collectors 2
}

for accel in ${accels:-kvm tcg}; do
    can_run "$accel" 'Java programs were' || continue
    how=$accel
    "${set}_on_$accel"
done
finish "$result" "$build/$result.result"
