#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh [OPTION]... BUILD
#
# Runs the micro-benchmarks, and the programs of benchmarks/programs, on Linux and
# on Moka in turns and prints a table of both.  `make bench-micro` builds what is needed and comes here.
#
#   --rounds N     alternations of Linux and Moka for each group (default 5)
#   --ms N         time for each row of a run (default 200)
#   --groups A,B   only these groups and programs, and neither boot time, idle load nor size
#   --linux        Linux alone
#   --no-tcg       not the one round on an emulated CPU
#   --markdown     a table for a README
#
# Each group of rows, and each program, is run on Linux, then on Moka in a machine of its own,
# and so on by turns, so that a host that gets slower or busier does it to
# both.  Everything the runs print stays in BUILD/bench/results.  Times are
# shown, never judged by the exit status; that is 1 if a run failed.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=benchmarks/options.sh
. "$here/../options.sh"
rounds=5 ms=200 groups='' linux='' no_tcg='' markdown='' machine=true only=false programs=''
read_options 'rounds number  ms number  groups text  linux flag  no_tcg flag  markdown flag' "$@"
linux_only=false tcg=true
[ -z "$linux" ] || linux_only=true
[ -z "$no_tcg" ] || tcg=false
if [ -n "$groups" ]; then
    groups=$(echo "$groups" | tr ',' ' ')
    machine=false only=true
else
    groups='switch1 handover2 wake touch1 touch2 fault4k protect64 unmap64 syscall'
fi

qemu=$here/../../tools/qemu.sh
results=$build/bench/results
raw=$results/raw
image=$build/bench/moka-bench.elf
export MOKA_ROOT="$here/../.." MOKA_BUILD="$build"
[ -x "$build/bench/micro-linux" ] || die "no $build/bench/micro-linux: make bench-micro"

# What is named is a program or a group of the image.
for program in "$build"/bench/programs/bench_*; do
    program=${program##*/bench_}
    case " $groups " in
    *" $program "*)
        programs="$programs $program"
        groups=$(echo " $groups " | sed "s/ $program / /")
        ;;
    *) $only || programs="$programs $program" ;;
    esac
done
rm -rf "$results"
mkdir -p "$results"
: >"$raw"

progress() {
    [ ! -t 2 ] || printf '\r%-60s\r' "$*" >&2
}

# record SYSTEM ROUND: from standard input, the lines that are for the table.
record() {
    tr -d '\r' | awk -v s="$1" -v r="$2" '/^(sample|fact|skip) / { print s, r, $0 }' >>"$raw"
}

# check SYSTEM ROUND GROUP LOG STATUS WANTED: a run that did not end well.
check() {
    if [ "$5" != "$6" ] || ! grep -q '^end' "$4"; then
        echo "$1 $2 failed $3 (status $5), see $4" >>"$raw"
    fi
}

run_linux() {
    log=$results/linux-$2-$1.log
    status=0
    "$build/bench/micro-linux" "$2" "$ms" >"$log" || status=$?
    record linux "$1" <"$log"
    check linux "$1" "$2" "$log" "$status" 0
}

# run_moka ROUND GROUP SYSTEM ACCEL
run_moka() {
    log=$results/$3-$2-$1.log
    status=0
    "$qemu" --accel "$4" -m 1G -c 2 --timeout 120 --append "bench=$2 bench_ms=$ms" "$image" \
        >"$log" 2>&1 || status=$?
    record "$3" "$1" <"$log"
    check "$3" "$1" "$2" "$log" "$status" 33
}

# The same file on Linux and, by the tool, in Moka, where its C library is ours.
run_program_linux() {
    log=$results/linux-$2-$1.log
    status=0
    "$build/bench/programs/bench_$2" all "$ms" >"$log" 2>&1 || status=$?
    record linux "$1" <"$log"
    check linux "$1" "$2" "$log" "$status" 0
}

# moka OPTION... FOLDER COMMAND...: as a user runs it.
moka() {
    timeout -k 5 120 "$build/tool/moka" exec --quiet --cache "$build/cache" "$@" </dev/null
}

# run_program_moka ROUND PROGRAM SYSTEM ACCEL
run_program_moka() {
    log=$results/$3-$2-$1.log
    status=0 size=1G
    [ "$2" != file ] || size=3G
    moka --accel "$4" -m "$size" "$build/bench/programs" "/bench_$2" all "$ms" >"$log" 2>&1 ||
        status=$?
    record "$3" "$1" <"$log"
    check "$3" "$1" "$2" "$log" "$status" 0
}

# outside SYSTEM MODE COUNT ACCEL APPEND: boottime on the release image.
outside() {
    progress "$1: $2"
    eval "set -- $1 $2 $3 $("$qemu" --dry-run --accel "$4" -m 1G -c 2 --append "$5" \
        "$build/release/moka.elf")"
    system=$1 mode=$2 count=$3
    shift 3
    "$build/bench/boottime" "$mode" "$count" "$@" >"$results/$system-$mode.log" ||
        echo "$system 1 failed $mode, see $results/$system-$mode.log" >>"$raw"
    record "$system" 1 <"$results/$system-$mode.log"
}

# cold_start COUNT: a program that does nothing, from the tool's start to its end.
cold_start() {
    root=$build/bench/sqlite-root
    sqlite=$(command -v sqlite3) || return 0
    progress 'cold start'
    mkdir -p "$root/lib" "$root/bin"
    # Which libraries, its loader knows; ours is laid over glibc.
    ldd "$sqlite" | awk '$3 ~ /^\// { print $3 }' | while read -r library; do
        cmp -s "$library" "$root/lib/${library##*/}" || cp -L "$library" "$root/lib/"
    done
    cmp -s "$sqlite" "$root/bin/sqlite3" || cp -L "$sqlite" "$root/bin/sqlite3"
    moka "$root" /bin/sqlite3 -version >/dev/null # makes the image
    "$build/bench/boottime" start "$1" "$build/tool/moka" exec --quiet --cache "$build/cache" \
        --accel "$accel" "$root" /bin/sqlite3 -version | record moka 1
    "$build/bench/boottime" start "$1" "$sqlite" -version | record linux 1
}

sizes() {
    progress 'sizes'
    strip -o "$results/stripped" "$build/release/moka.elf"
    bytes=$(wc -c <"$results/stripped")
    rm -f "$results/stripped"
    awk -v b="$bytes" 'BEGIN { printf "moka 1 sample size/elf KiB %.1f\n", b / 1024 }' >>"$raw"
    for mib in 12 14 16 20 24 32 48 64; do
        status=0
        "$qemu" --accel "$accel" -m "${mib}M" -c 2 --timeout 20 --append 'test=none' \
            "$build/test/moka-test.elf" >"$results/memory-$mib.log" 2>&1 || status=$?
        if [ "$status" = 33 ]; then
            echo "moka 1 sample size/memory MiB $mib" >>"$raw"
            return
        fi
    done
    echo 'moka 1 failed to boot the test image in 64 MiB' >>"$raw"
}

# Whether KVM is what its name says, the kernel tells; here only: is there any.
accel=tcg
if [ -e /dev/kvm ] && (: <>/dev/kvm) 2>/dev/null; then
    accel=kvm
else
    tcg=false
fi

# All, stolen and busy jiffies of all CPUs since boot.
jiffies() {
    awk '/^cpu / { for (i = 2; i <= 9; i++) sum += $i; print sum, $9, sum - $5 - $6 - $9 }' /proc/stat
}

# What else ran meanwhile: the CPUs' busy time less that of what we started.
# `times` tells it only in this shell, hence the file.
busy_note() {
    { cat "$results/times" && echo "$before $(jiffies) $(getconf CLK_TCK)"; } | awk '
        function seconds(t) { split(t, part, "m"); return part[1] * 60 + part[2] }
        NR == 2 { own = seconds($1) + seconds($2) }
        NR == 3 {
            all = $4 - $1
            other = ($6 - $3 - own * $7) * 100 / all
            printf("other programs used %d %% of the CPUs meanwhile, the host took away %.1f %%",
                other < 0 ? 0 : other + 0.5, ($5 - $2) * 100 / all)
        }'
}

before=$(jiffies)

round=1
while [ "$round" -le "$rounds" ]; do
    for group in $groups; do
        progress "round $round of $rounds: $group"
        run_linux "$round" "$group"
        $linux_only || run_moka "$round" "$group" moka "$accel"
    done
    for program in $programs; do
        progress "round $round of $rounds: $program"
        run_program_linux "$round" "$program"
        $linux_only || run_program_moka "$round" "$program" moka "$accel"
    done
    $linux_only || ! $machine || run_moka "$round" costs moka "$accel"
    round=$((round + 1))
done
if ! $linux_only && $tcg; then
    for group in $groups; do
        progress "TCG: $group"
        run_moka 1 "$group" tcg tcg
    done
    for program in $programs; do
        # What is about memory says nothing there, and takes minutes.
        case $program in
        file | libc) continue ;;
        esac
        progress "TCG: $program"
        run_program_moka 1 "$program" tcg tcg
    done
fi
if ! $linux_only && $machine; then
    outside moka boot 20 $accel ''
    if $tcg; then
        outside tcg boot 5 tcg ''
    fi
    outside moka idle 10 $accel 'idle=3600'
    cold_start 20
    sizes
fi
progress
times >"$results/times"

{
    echo "note $(date -u '+%Y-%m-%d %H:%M UTC'); $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo |
        head -n 1), $(grep -c '^processor' /proc/cpuinfo) CPUs; Linux $(uname -r); THP" \
        "$(sed 's/.*\[\(.*\)\].*/\1/' /sys/kernel/mm/transparent_hugepage/enabled 2>/dev/null ||
            echo none)"
    command -v qemu-system-x86_64 >/dev/null &&
        echo "note $(qemu-system-x86_64 --version | head -n 1); guest: 2 CPUs, 1 GiB;" \
            "$rounds rounds of Linux and Moka in turns"
    echo "note $(busy_note)"
} >>"$raw"

exec awk -v markdown="$markdown" -v accel="$accel" -f "$here/table.awk" "$here/rows.txt" "$raw"
