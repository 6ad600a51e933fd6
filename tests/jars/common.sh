# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154,SC2034
#
# What the tests of Debian's jars share (sourced by tests/run-jars.sh): running
# java on Linux or in Moka, comparing the two, and the times of both.
#
# $how is linux, kvm or tcg, $cpus how many processors the machine has; on Linux
# the JVM is told so many, and one means one.  The heap and the collector are
# the same in both, so that the times can be compared: Serial with one
# processor, Parallel with two, G1 with four.

jars=$build/jars/root/usr/share/java
memory=/dev/shm/moka-jars-$$ # of Linux

# path NAME...: the jars of these names as a class path.
path() {
    joined=''
    for name; do
        joined=$joined${joined:+:}$jars/$name.jar
    done
    echo "$joined"
}

collector() {
    case $cpus in
    1) echo Serial ;;
    4) echo G1 ;;
    *) echo Parallel ;;
    esac
}

limit=1800 # finds hangs
# java OPTION...: in the working folder, which is the host's.
java() {
    set -- -Xmx700m "-XX:+Use$(collector)GC" "$@"
    if [ "$how" = linux ]; then
        alone=''
        [ "$cpus" != 1 ] || alone='taskset -c 0'
        # shellcheck disable=SC2086 # words
        (cd "$work" && LC_ALL=C.UTF-8 exec timeout -k 5 "$limit" $alone "$build/java/jdk/bin/java" \
            "-XX:ActiveProcessorCount=$cpus" "$@")
    else
        (cd "$work" && LC_ALL=C.UTF-8 MOKA_OPTIONS="--accel $how -m 1400M -c $cpus -v $build/jars:$build/jars:ro" \
            exec timeout -k 5 "$limit" "$build/tool/moka" java "$@")
    fi
}

new_folder() {
    rm -rf "$work" "$memory"
    mkdir -p "$work" "$memory"
}

# What processes that have ended used so far, in milliseconds; "times" counts
# those of this very shell, so it must not be part of a pipe.
cpu_ms() {
    times >"$logs/times"
    awk -F'[ms ]+' 'NR == 2 { printf "%d\n", ($1 * 60 + $2 + $3 * 60 + $4) * 1000 }' "$logs/times"
}

# timed FILE COMMAND...: its output and status in FILE, "WALL CPU" (ms) in FILE.ms.
timed() {
    output=$1
    shift
    status=0
    new_folder
    cpu_ms >"$logs/cpu"
    wall=$(now_ms)
    "$@" >"$output" 2>"$output.errors" </dev/null || status=$?
    wall=$(($(now_ms) - wall))
    before=$(cat "$logs/cpu")
    cpu_ms >"$logs/cpu"
    echo "$wall $(($(cat "$logs/cpu") - before))" >"$output.ms"
    printf '\nstatus %d\n' "$status" >>"$output"
}

# same NAME COMMAND...: standard output and status are what they are on Linux.
same() {
    label=$1
    shift
    wanted "$how $cpus $label" || return 0
    key=$logs/$(echo "$label" | tr -c 'A-Za-z0-9\n' '-')-$cpus
    if ! [ -e "$key.linux.ms" ]; then
        was=$how how=linux
        timed "$key.linux" "$@"
        how=$was
    fi
    begin "$how $label, $cpus cpus"
    timed "$key.$how" "$@"
    echo "$how $cpus $(cat "$key.linux.ms" "$key.$how.ms" | tr '\n' ' ') $label" >>"$logs/table"
    if [ "$(wc -l <"$key.linux")" -lt 3 ] || ! grep -q '^status 0$' "$key.linux"; then
        end 0 1 0 'it does not work on Linux'
        tail -n 12 "$key.linux.errors" | cut -c 1-200 | sed 's/^/    /'
    elif cmp -s "$key.linux" "$key.$how"; then
        end 1 0 0 ''
    else
        end 0 1 0 'not as on Linux'
        { tail -n 12 "$key.$how.errors" && diff -a "$key.linux" "$key.$how" | head -n 20; } |
            cut -c 1-200 | sed 's/^/    /'
    fi
}

# The files below a folder of the working folder: how many, and one sum of all.
files_of() {
    (cd "$work/$1" && find . -type f | LC_ALL=C sort | xargs sha256sum) >"$logs/sums"
    echo "$(wc -l <"$logs/sums") files $(sha256sum <"$logs/sums")"
}

# Seconds on Linux and in Moka, the machine's own start and end included.
print_times() {
    [ -s "$logs/table" ] || return 0
    awk 'BEGIN { printf "%-36s %8s %8s %8s %8s %8s\n", "seconds", "Linux", "its CPU", "Moka", "its CPU", "times" }
        { name = $7; for (i = 8; i <= NF; i++) name = name " " $i
          printf "%-36s %8.1f %8.1f %8.1f %8.1f %8.2f\n", $1 " " name ", " $2 " cpus",
              $3 / 1000, $4 / 1000, $5 / 1000, $6 / 1000, $6 / ($4 ? $4 : 1) }' "$logs/table"
}
