# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154
#
# What the test runners print and count: one line for each program or boot,
# what went wrong below it, and a total.  Sourced by run-*.sh.

total_passed=0 total_failed=0 total_skipped=0

now_ms() {
    echo $(($(date +%s%N) / 1000000))
}

# begin NAME
begin() {
    printf '%-44s' "$1"
    begun=$(now_ms)
}

# count PASSED FAILED SKIPPED
count() {
    total_passed=$((total_passed + $1))
    total_failed=$((total_failed + $2))
    total_skipped=$((total_skipped + $3))
}

# end PASSED FAILED SKIPPED WHY: the rest of the line.  What failed as a whole
# (WHY is not empty) counts as a failure at least.
end() {
    ms=$(($(now_ms) - begun))
    bad=$2
    [ -z "$4" ] || [ "$bad" -gt 0 ] || bad=1
    word=ok
    [ "$bad" = 0 ] || word=FAILED
    printf ' %-7s%4d passed' "$word" "$1"
    [ "$bad" = 0 ] || printf ', %d failed' "$bad"
    [ "$3" = 0 ] || printf ', %d skipped' "$3"
    printf '  %d.%d s' $((ms / 1000)) $((ms % 1000 / 100))
    [ -z "$4" ] || printf '  (%s)' "$4"
    echo
    count "$1" "$bad" "$3"
}

# finish NAME FILE: prints the total and leaves it in FILE for run-all.sh.
finish() {
    echo "$total_passed $total_failed $total_skipped" >"$2"
    echo "$1: $total_passed passed, $total_failed failed, $total_skipped skipped"
    [ "$total_failed" = 0 ] && [ $((total_passed + total_skipped)) -gt 0 ]
}

# wanted NAME: does the option --only take it?
wanted() {
    [ -z "$only" ] || echo "$1" | grep -Eq -e "$only"
}

# key NAME: a name for files.
key() {
    echo "$1" | tr -cs 'A-Za-z0-9\n' '-'
}

# can_run ACCEL WHAT: a machine without KVM is said, and counts as skipped.
can_run() {
    if [ "$1" = kvm ] && ! (: <>/dev/kvm) 2>/dev/null; then
        echo "NO KVM: $2 NOT run there"
        count 0 0 1
        return 1
    fi
}

# The program that the runner waits for, if any.  ends_child SIGNAL: from now on
# it ends with the runner.
child=''
end_child() {
    if [ -n "$child" ]; then
        kill "-$1" "$child" 2>/dev/null || true
    fi
}
ends_child() {
    # shellcheck disable=SC2064 # this signal
    trap "end_child $1" EXIT
    trap 'exit 130' INT TERM HUP
}

# verdict WHY: ends the line that begin() has begun; empty: passed.
verdict() {
    if [ -z "$1" ]; then
        end 1 0 0 ''
    else
        end 0 1 0 "$1"
        tail -n 40 "$log" | cut -c 1-200 | sed 's/^/    /'
    fi
}

# Sets $passed, $failed, $skipped and $why from what was said in TAP in $log.
read_tap() {
    read -r passed failed skipped why <<END
$(awk -f tests/tap.awk "$log")
END
}

# Ends the line by what a program said in TAP in $log, and its $status.
judge() {
    read_tap
    if [ "$status" != 0 ] && [ "$failed" = 0 ] && [ -z "$why" ]; then
        why="status $status"
    fi
    end "$passed" "$failed" "$skipped" "$why"
    if [ "$failed" != 0 ] || [ -n "$why" ]; then
        { awk -v show=1 -f tests/tap.awk "$log" && tail -n 8 "$log"; } | sed 's/^/    /' | head -n 60
    fi
}
