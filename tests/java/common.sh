# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034,SC2154
#
# How a Java program is run, on Linux and in Moka.  Sourced by run-java.sh,
# behind report.sh and compare.sh, with $build, an absolute path, and $logs.

how='' machine='' # options of the machine that replace the usual ones
classes=$build/java/classes
work=$logs/work
limit=1200 # finds hangs

before_each() {
    rm -rf "$work"
    mkdir -p "$work"
}

# java OPTION...: in the working folder.
java() {
    if [ "$how" = linux ]; then
        (cd "$work" && LC_ALL=${LC_ALL-C.UTF-8} exec timeout -k 5 "$limit" \
            "$build/java/jdk/bin/java" "$@")
    else
        (cd "$work" && LC_ALL=${LC_ALL-C.UTF-8} MOKA_OPTIONS="--accel $how ${machine:--m 1G -c 2}" \
            exec timeout -k 5 "$limit" "$build/tool/moka" java "$@")
    fi
}

# main OPTION... CLASS ARGUMENT...
main() {
    java -Xmx256m -cp "$classes" "$@"
}

# on_each NAME COMMAND...: the same, on machines with so many processors.
on_each() {
    for cpus in $cpu_counts; do
        machine="-m 1G -c $cpus" on=", $cpus CPUs"
        same "$@"
    done
    machine='' on=''
}

# true_that NAME COMMAND...: it succeeds.
true_that() {
    label=$1
    shift
    wanted "$how $label" || return 0
    begin "$how $label"
    log=$logs/$(key "$how $label").log
    before_each
    if "$@" >"$log" 2>&1 </dev/null; then
        verdict ''
    else
        verdict 'not so'
    fi
    machine=''
}
