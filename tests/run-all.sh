#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run-all.sh BUILD-DIR SET
#
# The host's tests, then the guest's (SET as for run-guest.sh), then, in the
# set "full", programs: ours and Debian's.  At the end the sum of all in one
# line.  What follows runs also when something has failed.
set -eu
build=$1 set=$2
rm -f "$build"/*.result

status=0
tests/run-host.sh "$build" || status=1
tests/run-guest.sh --set "$set" "$build" || status=1
if [ "$set" = full ]; then
    tests/run-programs.sh "$build" || status=1
    tests/run-debian.sh "$build" || status=1
fi
cat "$build"/*.result | awk '
    { passed += $1; failed += $2; skipped += $3 }
    END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped }'
exit $status
