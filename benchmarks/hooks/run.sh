#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh [OPTION]... BUILD
#
# Measures the hooks in Moka and, by the library for Linux, on Linux: the same
# program in turns, and prints a table of both.  `make bench-hooks` builds what
# is needed and comes here.
#
#   --rounds N         alternations of Linux and Moka (default 3)
#   --ms N             time for each row of a run (default 200)
#   --mib N            size of either of two areas that are worked on (default 1024; TCG: 256)
#   --groups A,B       of pages, large, remap, alias, pressure (default: all)
#   --accel NAME       kvm, tcg or auto: with tcg it is a Linux guest under TCG, too
#   --instructions     under TCG, and not the time but how many instructions it
#                      took in either guest: the same on each machine
#   --pauses           also those of a JVM (pauses.sh), which takes minutes
#   --mutators "N..."  for these (default "8 16 32")
#   --markdown         a table for a page
#
# Times are shown and compared with the goals, never judged by the exit status;
# that is 1 if a run failed, and 2 for bad options.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=benchmarks/options.sh
. "$here/../options.sh"
rounds=3 ms=200 mib='' groups='' accel=auto instructions='' pauses='' mutators='8 16 32' markdown=''
read_options 'rounds number  ms number  mib number  groups text  accel accel  instructions flag
    pauses flag  mutators text  markdown flag' "$@"
groups=$(echo "$groups" | tr , " ")
[ -z "$instructions" ] || accel=tcg
choose_accel
[ -n "$mib" ] || { [ "$accel" = tcg ] && mib=256 || mib=1024; }
if [ $((mib % 2)) != 0 ] || [ "$mib" -lt 4 ]; then
    die "--mib wants an even number from 4 on, not '$mib'"
fi

root=$build/bench/hooks results=$build/bench/hooks-results
memory=$((2 * mib + mib / 4 + 256))M
MOKA_ROOT=$(cd "$here/../.." && pwd)
export MOKA_ROOT MOKA_BUILD="$build"
[ -x "$root/hooks" ] || die "no $root/hooks: make bench-hooks"
rm -rf "$results"
mkdir -p "$results"
: >"$results/raw"

# one SYSTEM ROUND COMMAND...
one() {
    system=$1 log=$results/$1-$2.log round=$2
    shift 2
    [ ! -t 2 ] || printf '\r%-60s\r' "round $round of $rounds: $system" >&2
    status=0
    # shellcheck disable=SC2086 # words
    timeout -k 5 1800 "$@" "$mib" "$ms" $groups </dev/null >"$log" 2>&1 || status=$?
    if [ "$status" != 0 ] || ! grep -q '^end' "$log"; then
        echo "$system $round failed with status $status, see $log" >>"$results/raw"
    fi
    tr -d '\r' <"$log" | sed -n "s/^\(sample\|skip\) /$system $round &/p" >>"$results/raw"
}

on_linux() {
    if [ "$accel" = tcg ]; then
        one linux "$1" "$here/../linux/guest.sh" "$build" "$memory" "$cpus" /mnt/hooks-static
    else
        one linux "$1" env LD_PRELOAD="$build/hooks-linux/libmoka-linux.so" "$root/hooks"
    fi
}
in_moka() {
    one moka "$1" "$build/tool/moka" exec --quiet --cache "$build/cache" --accel "$accel" \
        -m "$memory" -c "$cpus" "$root" /hooks
}

if [ "$accel" = tcg ]; then
    "$here/../linux/prepare.sh" "$build" "$root/hooks-static"
fi
cpus=2
if [ -n "$instructions" ]; then
    # Time passes with the instructions, one of them a nanosecond, and those of one processor.
    cpus=1
    mkdir -p "$results/icount"
    cat >"$results/icount/qemu-system-x86_64" <<EOF
#!/bin/sh
for word in "\$@"; do
    shift
    [ "\$word" != tcg,thread=multi ] || word=tcg,thread=single
    set -- "\$@" "\$word"
done
exec $(command -v qemu-system-x86_64) "\$@" -icount shift=0
EOF
    chmod +x "$results/icount/qemu-system-x86_64"
    PATH=$results/icount:$PATH
fi
n=1
while [ "$n" -le "$rounds" ]; do
    on_linux "$n"
    in_moka "$n"
    n=$((n + 1))
done
cp "$here/rows.txt" "$results/rows.txt"
if [ -n "$groups" ]; then
    # Of which there is a sample, and their titles.
    awk -F '|' 'FNR == NR { split($0, word, " "); seen[word[4]] = 1; next }
        NF == 1 { title = $0; next }
        { name = $2; gsub(/ /, "", name) }
        name in seen { if (title != "") print title; title = ""; print }' \
        "$results/raw" "$here/rows.txt" >"$results/rows.txt"
fi
if [ -n "$pauses" ]; then
    "$here/pauses.sh" --rounds "$rounds" --mutators "$mutators" --raw "$results/raw" "$build" >&2
    for count in $mutators; do
        sed "s/COUNT/$count/g" "$here/pauses.txt" >>"$results/rows.txt"
    done
fi
[ ! -t 2 ] || printf '\r%-60s\r' '' >&2

{
    echo "note $(date -u '+%Y-%m-%d %H:%M UTC'); $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo |
        head -n 1), $(nproc) CPUs; $accel beside" \
        "$([ "$accel" = tcg ] && echo 'a Linux guest' || echo "Linux $(uname -r)")"
    echo "note two areas of $mib MiB, $cpus processors; $rounds rounds by turns, $ms ms a row;" \
        "load at the end $(cut -d ' ' -f 1-3 /proc/loadavg)"
} >>"$results/raw"
if [ -n "$instructions" ]; then
    sed 's/ ns / instr /' "$results/raw" >"$results/counted"
    mv "$results/counted" "$results/raw"
fi
exec awk -v markdown="$markdown" -v accel="$accel" -v brief=1 -f "$here/../micro/table.awk" \
    "$results/rows.txt" "$results/raw"
