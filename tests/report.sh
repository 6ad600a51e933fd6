# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# What the test runners print and count: one line for each program or boot,
# what went wrong below it, and a total.  Sourced by run-host.sh and
# run-guest.sh.

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
