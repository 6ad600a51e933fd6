# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154,SC2034
#
# moka.jar: its tests on Linux and in Moka, on the class path and the module
# path.  Sourced by run-java.sh, behind common.sh.

jni=$build/jni

# tap NAME COMMAND...: counts what it says in TAP.
tap() {
    label=$1
    shift
    wanted "$how $label$on" || return 0
    begin "$how $label$on"
    log=$logs/$(key "$how $label$on").log
    status=0
    before_each
    "$@" >"$log" 2>&1 </dev/null || status=$?
    judge
    machine=''
}
# On Moka everything has to be there.
expects() {
    if [ "$how" = linux ]; then echo linux; else echo moka; fi
}
hooks_of_classes() {
    java -Xmx256m -Xcheck:jni -XX:+ErrorFileToStdout -cp "$jni/moka.jar:$jni/tests" Hooks "$(expects)"
}
# The tests are no module, and java(1) opens nothing for anybody.
hooks_of_modules() {
    java -Xmx256m -p "$jni/moka.jar" --add-modules moka -cp "$jni/tests" \
        Hooks "$(expects)"
}
# A JVM that may not write below /tmp finds the library where it is told to.
hooks_installed() {
    java -Xmx256m "-Djava.library.path=$jni" -Djava.io.tmpdir=/nowhere -cp "$jni/moka.jar:$jni/tests" \
        Hooks "$(expects)"
}
hooks_nowhere() {
    java -Xmx256m -Djava.io.tmpdir=/nowhere -cp "$jni/moka.jar:$jni/tests" NoLibrary
}

# on_linux COMMAND...
on_linux() {
    was=$how how=linux
    "$@"
    how=$was
}

# hooks CPUS...: with so many processors.
hooks() {
    if ! [ -e "$jni/tests.stamp" ]; then
        if wanted "$how hooks"; then
            echo 'NO moka.jar, jni.h could not be fetched: it was NOT tested'
            count 0 0 1
        fi
        return
    fi
    for cpus; do
        machine="-m 2G -c $cpus" on=", $cpus CPUs"
        tap 'hooks' hooks_of_classes
        on=''
    done
    [ "$how $set" != "tcg quick" ] || return 0 # which have a minute in all
    tap 'hooks, modules' hooks_of_modules
    tap 'hooks, no library' hooks_nowhere
}
hooks_on_linux() {
    [ -e "$jni/tests.stamp" ] || return 0
    tap 'hooks' hooks_of_classes
    tap 'hooks, modules' hooks_of_modules
    tap 'hooks, installed' hooks_installed
    tap 'hooks, no library' hooks_nowhere
}

# example PATTERN NAME ARGUMENT...: it ends with a line that matches, or on Linux says what is missing.
example() {
    pattern=$1
    shift
    wanted "$how example $1" || return 0
    [ "$how" != linux ] || pattern="$pattern|^This system cannot do that"
    begin "$how example $1"
    log=$logs/$(key "$how example $1").log
    before_each
    if java -Xmx128m -XX:+UseParallelGC -jar "$jni/examples.jar" "$@" >"$log" 2>&1 </dev/null &&
        tail -n 1 "$log" | grep -Eq "$pattern"; then
        verdict ''
    else
        verdict "does not end with a line that says /$pattern/"
    fi
    machine=''
}
# What `make run` shows fits a screen, and all of it is there.
demo() {
    java -jar "$build/java/welcome.jar" | tee "$work/demo"
    awk 'length > 80 || /not here|no moka.jar/ { bad = 1 } /Your own/ { done = NR }
        END { exit bad || done != NR || NR > 24 }' "$work/demo"
}
examples() {
    [ -e "$jni/tests.stamp" ] || return 0
    example '8192 KiB  rw-----  not there' PageTable
    example 'are equal' Checkpoint 16
    example 'Each has what the other had' SwapBuffers 4
    example 'off by 0 at the end' Snapshot 4
    machine='-m 256M -c 2'
    example 'asked [0-9]+ times|cannot do that' Cache 8
    example 'with roles: ' GcPriority 8 1
    true_that demo demo
}
