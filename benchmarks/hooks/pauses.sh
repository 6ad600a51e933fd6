#!/bin/sh
# SPDX-License-Identifier: MIT
#
# pauses.sh [--rounds N] [--seconds N] [--mutators "N..."] [--collector NAME] [--cpus N]
#           [--raw FILE] BUILD
#
# The pauses of an unmodified JVM whose mutators keep all processors busy: by
# turns on Linux, there with the VM thread and the collector's workers at nice
# -20 and in SCHED_FIFO (skipped where that is not allowed), and in Moka with and
# without roles.  Prints the median and the 90th percentile of reaching a
# safepoint, of the pause, and of both and the wake-up, in ms, and the work done;
# --raw adds all of them to a file, as samples for a table (run.sh --pauses).
# (Pauses.java; the times are those of -Xlog:safepoint.)
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=benchmarks/options.sh
. "$here/../options.sh"
rounds=3 seconds=4 mutators='8 16 32' collector=Parallel cpus=2 raw=''
read_options 'rounds number  seconds number  mutators text  collector text  cpus number
    raw text' "$@"

MOKA_ROOT=$(cd "$here/../.." && pwd)
export MOKA_ROOT MOKA_BUILD="$build"
unset JAVA_TOOL_OPTIONS JDK_JAVA_OPTIONS _JAVA_OPTIONS CLASSPATH
jdk=$build/jdk/usr/lib/jvm/java-17-openjdk-amd64/bin/java
out=$build/bench/hooks/pauses
rm -rf "$out"
mkdir -p "$out/classes"
javac --release 17 -d "$out/classes" "$here/Pauses.java"

# each_collector PID COMMAND...: for the VM thread and the collector's, as soon as they are all there.
each_collector() {
    pid=$1
    shift
    sleep 1
    for task in /proc/"$pid"/task/*; do
        case $(cat "$task/comm") in
        'VM Thread' | 'GC Thread#'*) "$@" "${task##*/}" >/dev/null ;;
        esac
    done
}

# java WAY COUNT: its log is WAY-COUNT.
java() {
    log=$out/$1-$2
    set -- "$1" -Xms128m -Xmx128m "-XX:+Use${collector}GC" -Xlog:safepoint -cp "$out/classes" \
        Pauses "$2" "$seconds"
    way=$1
    shift
    case $way in
    moka) MOKA_OPTIONS="-q -m 1G -c $cpus" "$MOKA_ROOT/moka" java "$@" >>"$log" ;;
    moka-no-roles) MOKA_OPTIONS="-q -m 1G -c $cpus --roles off" "$MOKA_ROOT/moka" java "$@" >>"$log" ;;
    *)
        taskset -c "0-$((cpus - 1))" "$jdk" "$@" >>"$log" &
        pid=$!
        case $way in
        linux-nice) each_collector "$pid" renice -n -20 -p ;;
        linux-fifo) each_collector "$pid" chrt -f -p 1 ;;
        esac
        wait "$pid"
        ;;
    esac
}

# Sorted by size the middle one, and the one that nine in ten are not above.
table() {
    awk -v way="$1" -v count="$2" '
        function ns(text) {
            match($0, text ": [0-9]+")
            return substr($0, RSTART + length(text) + 2, RLENGTH - length(text) - 2) / 1e6
        }
        function sort(a,   i, j, t) {
            for (i = 2; i <= n; i++) {
                t = a[i]
                for (j = i - 1; j > 0 && a[j] > t; j--) a[j + 1] = a[j]
                a[j + 1] = t
            }
        }
        function at(a, part) { return a[int((n - 1) * part) + 1] }
        /^warm/ { on = 1 }
        /^work/ { on = 0; work += $2; runs++ }
        on && /Safepoint "/ {
            n++
            reach[n] = ns("Reaching safepoint"); pause[n] = ns("At safepoint"); all[n] = ns("Total")
        }
        END {
            if (n == 0) exit
            sort(reach); sort(pause); sort(all)
            printf "%-9d %-14s %6d  %7.3f %8.3f  %7.3f %8.3f  %7.3f %8.3f  %10d\n", count, way, n,
                at(reach, 0.5), at(reach, 0.9), at(pause, 0.5), at(pause, 0.9),
                at(all, 0.5), at(all, 0.9), work / runs
        }' "$out/$1-$2"
}

# samples WAY COUNT: of all pauses, and of each run's work.
samples() {
    awk -v name="pauses/$2/$1" -v who="${1%%-*}" '
        function tell(what, ns) { print who, 1, "sample", name "/" what, "ns", ns }
        function told(text) {
            match($0, text ": [0-9]+")
            return substr($0, RSTART + length(text) + 2, RLENGTH - length(text) - 2)
        }
        /^warm/ { on = 1 }
        /^work/ { on = 0; tell("work", 1e9 / $2) }
        on && /Safepoint "/ {
            tell("reach", told("Reaching safepoint"))
            tell("pause", told("At safepoint"))
            tell("total", told("Total"))
        }' "$out/$1-$2"
}

ways='linux moka-no-roles moka'
! nice -n -20 true 2>/dev/null || ways="linux-nice $ways"
! chrt -f 1 true 2>/dev/null || ways="linux-fifo $ways"
for count in $mutators; do
    for round in $(seq "$rounds"); do
        for way in $ways; do
            [ ! -t 2 ] || printf '\r%-60s\r' "round $round of $rounds: $way $count" >&2
            java "$way" "$count"
        done
    done
done
echo "mutators  system         pauses  reach p50      p90  pause p50     p90  total p50     p90      work/s"
for count in $mutators; do
    for way in $ways; do
        table "$way" "$count"
        [ -z "$raw" ] || samples "$way" "$count" >>"$raw"
    done
done
