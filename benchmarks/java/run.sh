#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh [--rounds N] [--collectors "NAME..."] [--programs "NAME..."] [--accel kvm|tcg]
#        [--cpus N] [--markdown] BUILD
#
# Java programs, each collector, by turns on Linux and in Moka: the same JDK,
# flags, heap and number of processors, in one run.  Prints the table.
#
# Each round starts each JVM anew.  "supplied" is Moka in a machine that the
# host has given all its memory before it starts (QEMU's -mem-prealloc): what
# memory costs the first time that a host finds some is the host's, and can be
# many times what the guest does with it.  "pre-touched" is Linux with
# -XX:+AlwaysPreTouch, "large pages" Linux with -XX:+UseTransparentHugePages,
# which the tool gives in Moka: then both need 2 MiB of the host's memory at a
# time, where pages of 4 KiB are found among what others have just freed.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=benchmarks/options.sh
. "$here/../options.sh"
rounds=10 collectors='Serial Parallel G1 Z Shenandoah' programs='compute allocate grow idle'
accel=auto cpus=2 markdown=''
read_options 'rounds number  collectors text  programs text  accel accel  cpus number
    markdown flag' "$@"

results=$build/bench/java/results
classes=$build/bench/java/classes
jdk=$build/jdk/usr/lib/jvm/java-17-openjdk-amd64/bin/java
MOKA_ROOT=$(cd "$here/../.." && pwd)
export MOKA_ROOT MOKA_BUILD="$build" MOKA_OPTIONS="--accel $accel -m 2G -c $cpus"
unset JAVA_TOOL_OPTIONS JDK_JAVA_OPTIONS _JAVA_OPTIONS CLASSPATH
[ -x "$build/bench/java/measure" ] || die "no $build/bench/java/measure: make bench-java"
qemu=$(command -v qemu-system-x86_64) || die 'no qemu-system-x86_64: make deps'

rm -rf "$results"
mkdir -p "$results/supplied"
raw=$results/raw
: >"$raw"
printf '#!/bin/sh\nexec %s -mem-prealloc "$@"\n' "$qemu" >"$results/supplied/qemu-system-x86_64"
chmod +x "$results/supplied/qemu-system-x86_64"

progress() {
    [ ! -t 2 ] || printf '\r%-60s\r' "$*" >&2
}

# The number, sum and longest of the pauses in a log of -Xlog:gc.
pauses() {
    awk -v prefix="$1" '
        /Pause.*ms$/ { pause = $NF + 0; sum += pause; if (pause > longest) longest = pause; n++ }
        END {
            printf "sample %s/pauses count %d\n", prefix, n
            printf "sample %s/sum ms %.3f\nsample %s/longest ms %.3f\n", prefix, sum, prefix, longest
        }' "$2"
}

# run SYSTEM WAY COLLECTOR PROGRAM COMMAND...: its samples are WAY/COLLECTOR/...
run() {
    system=$1 prefix=$2/$3 collector=$3 program=$4
    log=$results/$2-$3-$4-$round
    shift 4
    progress "round $round of $rounds: $prefix $program"
    class=$(echo "$program" | sed 's/^c/C/; s/^a/A/; s/^g/G/; s/^i/I/') status=0 size=''
    [ "$program" != grow ] || size=500
    # shellcheck disable=SC2086 # no word if there is no size
    timeout -k 5 600 "$build/bench/java/measure" "$prefix" "$program" "$@" "-XX:+Use${collector}GC" \
        -Xms64m -Xmx1g -Xlog:gc,gc+phases:stderr -cp "$classes" "$class" $size \
        >"$log.out" 2>"$log.gc" </dev/null || status=$?
    [ "$status" = 0 ] || echo "$system $round failed $prefix $program (status $status), see $log.gc" >>"$raw"
    pauses "$prefix/$program" "$log.gc" | cat - "$log.out" | sed "s/^/$system $round /" >>"$raw"
}


# One program with one collector, each way.
each_way() {
    run linux linux "$1" "$2" "$jdk"
    run moka moka "$1" "$2" "$build/tool/moka" java
    case $2 in
    allocate | grow)
        run moka supplied "$1" "$2" env PATH="$results/supplied:$PATH" "$build/tool/moka" java
        run linux large "$1" "$2" "$jdk" -XX:+UseTransparentHugePages
        ;;
    esac
    [ "$2" != grow ] || run linux pretouched "$1" "$2" "$jdk" -XX:+AlwaysPreTouch
}

round=1
while [ "$round" -le "$rounds" ]; do
    for collector in $collectors; do
        for program in $programs; do
            each_way "$collector" "$program"
        done
    done
    round=$((round + 1))
done
progress

{
    echo "note $(date -u '+%Y-%m-%d %H:%M UTC'); $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo |
        head -n 1), $(grep -c '^processor' /proc/cpuinfo) CPUs; Linux $(uname -r); THP" \
        "$(sed 's/.*\[\(.*\)\].*/\1/' /sys/kernel/mm/transparent_hugepage/enabled 2>/dev/null ||
            echo none)"
    echo "note $("$qemu" --version | head -n 1); guest: $cpus CPUs, 2 GiB; each JVM: -Xms64m -Xmx1g"
    echo "note $rounds rounds; load of the machine at the end: $(cut -d ' ' -f 1-3 /proc/loadavg)"
} >>"$raw"

for collector in $collectors; do
    sed -e "s/COLLECTOR/$collector/g" "$here/rows.txt"
done | awk '/^#/ { next } { print }' >"$results/rows.txt"
exec awk -v markdown="$markdown" -v accel="$accel" -v brief=1 -f "$here/../micro/table.awk" \
    "$results/rows.txt" "$raw"
