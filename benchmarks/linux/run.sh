#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh [--rounds N] [--collectors "NAME..."] [--cpus N] BUILD
#
# Java programs (../java) under TCG: by turns in a Linux guest and in Moka, the
# same JDK, flags, heap and processors.  Prints the CPU time of each phase, the
# medians of so many rounds, as the host counts it, which has QEMU in it.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=benchmarks/options.sh
. "$here/../options.sh"
rounds=3 collectors=Serial cpus=1
read_options 'rounds number  collectors text  cpus number' "$@"

measure=$build/bench/java/measure classes=$build/bench/java/classes
samples=$build/bench/linux/samples
MOKA_ROOT=$(cd "$here/../.." && pwd)
export MOKA_ROOT MOKA_BUILD="$build" MOKA_OPTIONS="--accel tcg -m 2G -c $cpus"
unset JAVA_TOOL_OPTIONS JDK_JAVA_OPTIONS _JAVA_OPTIONS CLASSPATH
[ -x "$measure" ] || die "no $measure: make bench-java-tcg"
"$here/prepare.sh" "$build" "$classes"
: >"$samples"

# run SYSTEM COLLECTOR PROGRAM CLASS-PATH COMMAND...
run() {
    system=$1 collector=$2 program=$3 path=$4
    shift 4
    timeout -k 5 1200 "$measure" "$system/$collector" "$program" "$@" "-XX:+Use${collector}GC" \
        -Xms64m -Xmx1g -cp "$path" "$program" </dev/null >>"$samples" || die "$program failed in $system"
}

round=1
while [ "$round" -le "$rounds" ]; do
    for collector in $collectors; do
        for program in Compute Allocate; do
            run linux "$collector" "$program" classes "$here/guest.sh" "$build" 2G "$cpus" \
                /usr/lib/jvm/java-17-openjdk-amd64/bin/java
            run moka "$collector" "$program" "$classes" "$build/tool/moka" java
        done
    done
    round=$((round + 1))
done

echo "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), TCG, $cpus CPUs, 2 GiB;" \
    "$rounds rounds; load at the end $(cut -d ' ' -f 1-3 /proc/loadavg)"
sed -n 's,^sample \([a-z]*\)/\([^ ]*\)/cpu [a-z]* ,\2 \1 ,p' "$samples" | sort -k 1,2 -k 3,3n | awk '
    { if (!($1 in seen)) { seen[$1] = 1; name[++names] = $1 } sample[$1, $2, ++count[$1, $2]] = $3 }
    function median(key, who,    n) {
        n = count[key, who]
        if (n % 2) return sample[key, who, (n + 1) / 2]
        return (sample[key, who, n / 2] + sample[key, who, n / 2 + 1]) / 2
    }
    END {
        print "| CPU time, ms | Moka | Linux guest | of it |\n|---|---|---|---|"
        for (i = 1; i <= names; i++) {
            moka = median(name[i], "moka"); linux = median(name[i], "linux")
            printf "| %-24s | %8.0f | %8.0f | %.2f |\n", name[i], moka, linux, moka / linux
        }
    }'
