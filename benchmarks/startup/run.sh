#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh [--rounds N] [--accel kvm|tcg] [--cpus N] [--memory SIZE] BUILD
#
# From return to the prompt: `java -jar hello.jar` on Linux, the same JDK and
# jar by `moka run`, and the same command with a ROM that ends QEMU at once,
# which is what the tool and QEMU take.  By turns, so that all see the same
# load; prints the medians and the goals.  With --accel tcg it is a Linux guest
# under TCG (../linux) instead of the host, with no tool but QEMU.
#
# "create" is what the JVM itself says its creation took (-Xlog:startuptime),
# in runs of its own.  Linux gets the collector that Moka's tool chooses, and
# as many processors as the machine has.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=benchmarks/options.sh
. "$here/../options.sh"
rounds=10 accel=auto cpus=1 memory=1G
read_options 'rounds number  accel accel  cpus number  memory text' "$@"

work=$build/bench/startup
java=/usr/lib/jvm/java-17-openjdk-amd64/bin/java
MOKA_ROOT=$(cd "$here/../.." && pwd)
export MOKA_ROOT MOKA_BUILD="$build"
unset JAVA_TOOL_OPTIONS JDK_JAVA_OPTIONS _JAVA_OPTIONS CLASSPATH
[ -x "$work/time" ] || die "no $work/time: make bench-startup"

# A build whose ROM is the one that ends QEMU; a link to the folder would lead to the other ROM.
ended=$work/ended
rm -rf "$ended"
mkdir -p "$ended/release" "$ended/rom"
ln -s "$build/release/moka.elf" "$ended/release/moka.elf"
ln -s "$work/exit.rom" "$ended/rom/moka.rom"
for part in "$build"/*; do
    [ -e "$ended/${part##*/}" ] || ln -s "$part" "$ended/${part##*/}"
done

linux=Linux
if [ "$accel" = tcg ]; then
    linux='Linux guest'
    "$here/../linux/prepare.sh" "$build" "$build/java/hello.jar"
fi

case $cpus in
1) collector=-XX:+UseSerialGC ;;
*) collector=-XX:+UseParallelGC ;;
esac
raw=$work/raw
: >"$raw"
cp "$build/java/hello.jar" "$work/hello.jar"
cd "$work"

# on_linux NAME OPTION...
on_linux() {
    name=$1
    shift
    set -- "$collector" "-XX:ActiveProcessorCount=$cpus" "$@" -jar hello.jar
    if [ "$accel" = tcg ]; then
        set -- "$MOKA_ROOT/benchmarks/linux/guest.sh" "$build" "$memory" "$cpus" "$java" "$@"
    else
        set -- "$build/jdk$java" "$@"
    fi
    ./time "$name" "$@" >>"$raw" || die "java failed on Linux"
}
# in_moka NAME OPTION...
in_moka() {
    name=$1
    shift
    ./time "$name" "$build/tool/moka" run --accel "$accel" -m "$memory" -c "$cpus" "$collector" \
        "$@" hello.jar >>"$raw" || die "moka run failed"
}
# Where the ROM begins: under TCG QEMU loads the kernel without it.
qemu_alone() {
    MOKA_BUILD=$ended ./time qemu "$build/tool/moka" run --accel "$accel" -m "$memory" -c "$cpus" \
        "$collector" hello.jar >>"$raw" 2>/dev/null || true
}

round=1
while [ "$round" -le "$rounds" ]; do
    [ ! -t 2 ] || printf '\rround %s of %s \r' "$round" "$rounds" >&2
    on_linux linux
    in_moka moka
    [ "$accel" = tcg ] || qemu_alone
    on_linux linux-log -Xlog:startuptime
    in_moka moka-log -Xlog:startuptime
    round=$((round + 1))
done

echo "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) CPUs, Linux $(uname -r);" \
    "guest: $cpus CPUs, $memory; $rounds rounds; load at the end $(cut -d ' ' -f 1-3 /proc/loadavg)"
awk -v linux="$linux" '
    { key = $1 " " $2; sample[key, ++count[key]] = $3 }
    function median(key,    n, i, j, kept) {
        n = count[key]
        for (i = 2; i <= n; i++) {
            kept = sample[key, i]
            for (j = i - 1; j >= 1 && sample[key, j] > kept; j--) sample[key, j + 1] = sample[key, j]
            sample[key, j + 1] = kept
        }
        return n % 2 ? sample[key, (n + 1) / 2] : (sample[key, n / 2] + sample[key, n / 2 + 1]) / 2
    }
    function row(text, key) {
        if (!count[key]) return
        value[key] = median(key)
        printf "| %-44s | %8.1f | %.1f .. %.1f |\n", text, value[key], sample[key, 1], sample[key, count[key]]
    }
    function goal(text, ratio) {
        printf "| %-44s | %8.2f | %s |\n", text, ratio, ratio <= 1 ? "met" : "not met"
    }
    END {
        print "| what | median, ms | least .. most |\n|---|---|---|"
        row(linux ": java -jar hello.jar", "linux wall")
        row("Moka: moka run hello.jar", "moka wall")
        row("the tool and QEMU alone", "qemu wall")
        row(linux ": CPU time" (linux == "Linux" ? "" : ", with QEMU"), "linux cpu")
        row("Moka: CPU time, with QEMU", "moka cpu")
        row("the tool and QEMU alone: CPU time", "qemu cpu")
        row(linux ": creation of the JVM", "linux-log create")
        row("Moka: creation of the JVM", "moka-log create")
        print "| goal | of it | |"
        if (linux == "Linux") {
            goal("300 ms", value["moka wall"] / 300)
            goal("twice Linux, and QEMU alone", value["moka wall"] / (2 * value["linux wall"] + value["qemu wall"]))
        } else {
            goal("the Linux guest", value["moka wall"] / value["linux wall"])
        }
        goal("creation: 1.2 times " linux, value["moka-log create"] / (1.2 * value["linux-log create"]))
    }' "$raw"
