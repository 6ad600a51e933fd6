#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run-all.sh BUILD-DIR SET
#
# The host's tests, then the guest's (SET as for run-guest.sh), then, in the
# set "full", programs: ours and Debian's.  At the end what failed, once more,
# and the sum of all in one line.  What follows runs also when something has
# failed.
#
# The set "full" runs on both platforms at once: on one of them most tests have
# a processor or wait.  TCG's report is shown behind KVM's.
set -eu
build=$1 set=$2
logs=$build/logs

# platform ACCEL: all that runs on it.
platform() {
    platform_status=0
    tests/run-guest.sh --accel "$1" "$build" || platform_status=1
    tests/run-programs.sh --accel "$1" "$build" || platform_status=1
    tests/run-debian.sh --accel "$1" "$build" || platform_status=1
    tests/run-java.sh --quick --accel "$1" "$build" || platform_status=1
    return $platform_status
}

# Both platforms, a report each.
platforms() {
    # Both unpack it, if it is not there.
    tests/debian/fetch.sh quick "$build/debian-quick" || true
    # A process group of its own, to be ended with all that it has started.
    setsid tests/run-all.sh "$build" platform tcg >"$logs/tcg.report" 2>&1 &
    tcg=$!
    trap 'kill -s TERM -- "-$tcg" 2>/dev/null || true' EXIT
    trap 'exit 130' INT TERM HUP
    platform kvm || status=1
    tail -n +1 -f --pid=$tcg "$logs/tcg.report"
    wait $tcg || status=1
}

# everything: leaves its status in a file, as it runs in a pipeline.
everything() {
    status=0
    tests/run-host.sh "$build" || status=1
    if [ "$set" = full ]; then
        platforms
    else
        tests/run-guest.sh --set "$set" "$build" || status=1
    fi
    echo $status >"$build/all.status"
}

if [ "$set" = platform ]; then
    platform "$3"
    exit
fi
rm -f "$build"/*.result "$build/all.status"
mkdir -p "$logs"
everything 2>&1 | tee "$logs/all.report"

# Each line of a failure with the first lines that explain it.
awk '
    / FAILED / { if (!failed++) print "\nWhat failed:"; print; lines = 20; next }
    /^    / { if (lines-- > 0) print; next }
    { lines = 0 }' "$logs/all.report"
cat "$build"/*.result | awk '
    { passed += $1; failed += $2; skipped += $3 }
    END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped }'
[ "$(cat "$build/all.status" 2>/dev/null)" = 0 ]
