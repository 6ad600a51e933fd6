#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run-all.sh BUILD-DIR SET
#
# The host's tests, then the guest's (SET as for run-guest.sh), then the sum
# of both in one line.  The guest's run also when the host's have failed.
set -eu
build=$1 set=$2
rm -f "$build/host.result" "$build/guest.result"

status=0
tests/run-host.sh "$build" || status=1
tests/run-guest.sh --set "$set" "$build" || status=1
cat "$build/host.result" "$build/guest.result" | awk '
    { passed += $1; failed += $2; skipped += $3 }
    END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped }'
exit $status
