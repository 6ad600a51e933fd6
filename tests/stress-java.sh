#!/bin/sh
# SPDX-License-Identifier: MIT
#
# stress-java.sh [--seconds N] [--collectors "NAME..."] [--accel kvm|tcg] [--cpus N] BUILD-DIR
#
# Each collector under tests/java/Stress.java for so many seconds (default
# 600), one machine after the other, the whole heap verified by the JVM before
# and after each collection, and each object by the program itself.
set -eu
. tests/report.sh

seconds=600 collectors='Serial Parallel G1 Z Shenandoah' accel=auto cpus=2
while [ $# -gt 1 ]; do
    case $1 in
    --seconds) seconds=$2 ;;
    --collectors) collectors=$2 ;;
    --accel) accel=$2 ;;
    --cpus) cpus=$2 ;;
    *) break ;;
    esac
    shift 2
done
if [ $# != 1 ]; then
    sed -n '4s/^# /usage: /p' "$0" >&2
    exit 2
fi
build=$(cd "$1" && pwd)
logs=$build/logs/stress-java
rm -rf "$logs"
mkdir -p "$logs"
export MOKA_ROOT="$PWD" MOKA_BUILD="$build" MOKA_OPTIONS="--accel $accel -m 1200M -c $cpus"
unset JAVA_TOOL_OPTIONS JDK_JAVA_OPTIONS _JAVA_OPTIONS CLASSPATH

# stress COLLECTOR: hs_err files land beside the log.
stress() (
    cd "$logs" && exec timeout -k 5 $((seconds * 2 + 300)) "$build/tool/moka" java -Xmx300m \
        "-XX:+Use$1GC" -XX:+UnlockDiagnosticVMOptions -XX:+VerifyBeforeGC -XX:+VerifyAfterGC \
        -cp "$build/java/classes" Stress "$seconds" 4
)

for collector in $collectors; do
    begin "$collector, $cpus processors, $seconds s"
    status=0
    stress "$collector" >"$logs/$collector.out" 2>"$logs/$collector.log" </dev/null || status=$?
    if [ "$status" = 0 ] && [ "$(cat "$logs/$collector.out")" = intact ]; then
        end 1 0 0 ''
    else
        end 0 1 0 "status $status"
        cat "$logs/$collector.out"
    fi
    sed 's/^/    /' "$logs/$collector.log" | head -n 20
done
finish stress-java "$build/stress-java.result"
