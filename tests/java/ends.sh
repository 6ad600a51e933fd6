# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034,SC2154
#
# Standard input, signals, and programs that end while something is going on.
# Sourced by run-java.sh, after common.sh.

ends_child KILL

# lines COUNT
lines() {
    seq "$1" | main Input
}
closed_input() {
    main Hello <&- && echo $?
}
closed_output() {
    main Hello >&- && echo $?
}
# An input that neither says anything nor ends.
reads_still() {
    mkfifo "$work/input"
    main Input "$@" <>"$work/input"
}
# What follows finds in a pipe what the program has left there.
leaves_the_rest() {
    { echo one && echo two; } | { main Hello && cat; }
}

# signalled SIGNALS: starts one that waits, sends, and says how it ended.
signalled() {
    : >"$logs/signalled"
    if [ "$how" = linux ]; then
        # A shell starts what is in the background with SIGINT ignored.
        env --default-signal=INT,QUIT "$build/java/jdk/bin/java" -cp "$classes" Ends wait \
            </dev/null >"$logs/signalled" &
    else
        MOKA_OPTIONS="--accel $how -m 512M" "$build/tool/moka" java -cp "$classes" Ends wait \
            </dev/null >"$logs/signalled" &
    fi
    child=$!
    wait_for waiting
    for signal in $1; do
        kill -"$signal" "$child" 2>/dev/null || true
        [ "$signal" != QUIT ] || wait_for 'Class space used\|class space'
    done
    tries=0
    while kill -0 "$child" 2>/dev/null && [ $tries -lt 12000 ]; do
        sleep 0.05
        tries=$((tries + 1))
    done
    kill -KILL "$child" 2>/dev/null || true
    status=0
    wait "$child" || status=$?
    child=''
    echo "$status"
    grep -Eo '^(main|waiting|hook|Full thread dump|"main"|"VM Thread"|Heap)' "$logs/signalled"
}
# wait_for PATTERN: until it is in what was printed.
wait_for() {
    tries=0
    while ! grep -q "$1" "$logs/signalled" && [ $tries -lt 12000 ]; do
        sleep 0.05
        tries=$((tries + 1))
    done
}
