#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh [OPTION]... BUILD
#
# Measures the hooks in Moka and, by the library for Linux, on Linux: the same
# program in turns, and prints a table of both.  `make bench-hooks` builds what
# is needed and comes here.
#
#   --rounds N     alternations of Linux and Moka (default 3)
#   --ms N         time for each row of a run (default 300)
#   --mib N        memory that is worked on (default 1024)
#   --accel NAME   kvm or tcg (default kvm, where there is one)
#
# Times are shown and compared with the goals, never judged by the exit status;
# that is 1 if a run failed, and 2 for bad options.
set -eu

die() {
    echo "run.sh: $1" >&2
    exit 2
}
number() {
    case $2 in
    '' | *[!0-9]* | 0*) die "$1 wants a number above 0, not '$2'" ;;
    esac
}

rounds=3 ms=300 mib=1024 accel='' build=''
while [ $# -gt 0 ]; do
    case $1 in
    --rounds | --ms | --mib | --accel) [ $# -gt 1 ] || die "$1 wants a value" ;;
    esac
    case $1 in
    --rounds) rounds=$2 && number "$1" "$2" && shift ;;
    --ms) ms=$2 && number "$1" "$2" && shift ;;
    --mib) mib=$2 && number "$1" "$2" && shift ;;
    --accel) accel=$2 && shift ;;
    -*) die "unknown option '$1'" ;;
    *) build=$1 ;;
    esac
    shift
done
[ -n "$build" ] || die 'usage: run.sh [OPTION]... BUILD'
if [ -z "$accel" ]; then
    accel=tcg
    if (: <>/dev/kvm) 2>/dev/null; then
        accel=kvm
    fi
fi
case $accel in
kvm | tcg) ;;
*) die "--accel is kvm or tcg, not '$accel'" ;;
esac
if [ $((mib % 2)) != 0 ] || [ "$mib" -lt 4 ]; then
    die "--mib wants an even number from 4 on, not '$mib'"
fi

here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$build" && pwd)
root=$build/bench/hooks results=$build/bench/hooks-results
MOKA_ROOT=$(cd "$here/../.." && pwd)
export MOKA_ROOT MOKA_BUILD="$build"
[ -x "$root/hooks" ] || die "no $root/hooks: make bench-hooks"
rm -rf "$results"
mkdir -p "$results"
failed=0

# one SYSTEM ROUND COMMAND...
one() {
    system=$1 log=$results/$1-$2.log
    shift 2
    status=0
    timeout -k 5 600 "$@" "$mib" "$ms" </dev/null >"$log" 2>&1 || status=$?
    if [ "$status" != 0 ] || ! grep -q '^end' "$log"; then
        echo "FAILED: $system, status $status, see $log" >&2
        failed=1
    fi
    tr -d '\r' <"$log" | sed -n "s/^\(sample\|skip\) /$system \1 /p" >>"$results/raw"
}

round=1
while [ "$round" -le "$rounds" ]; do
    one linux "$round" env LD_PRELOAD="$build/hooks-linux/libmoka-linux.so" "$root/hooks"
    one moka "$round" "$build/tool/moka" exec --quiet --cache "$build/cache" --accel "$accel" \
        -m $((mib + mib / 2 + 256))M -c 2 "$root" /hooks
    round=$((round + 1))
done

echo "Moka ($accel) beside Linux $(uname -r), $mib MiB, $rounds rounds by turns; medians; load at the" \
    "end $(cut -d ' ' -f 1-3 /proc/loadavg)"
awk -f "$here/table.awk" "$here/rows.txt" "$results/raw"
exit $failed
