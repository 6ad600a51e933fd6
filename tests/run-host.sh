#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run-host.sh BUILD-DIR
#
# Runs the host's tests: the programs that tests.mk has built in
# BUILD-DIR/host, one for each tests/host/test_*.c, and the shell scripts
# tests/test-*.sh.  All speak TAP.  The output of one that failed is shown in
# full.
#
# Addresses are the same in each run (setarch), so that a failure repeats.
set -eu
build=$1
. tests/report.sh

fixed=''
if setarch -R true 2>/dev/null; then
    fixed='setarch -R'
fi
mkdir -p "$build/logs"
trap 'exit 130' INT TERM HUP

# run_program FILE
run_program() {
    name=$(basename "$1" .sh)
    log=$build/logs/host-$name.log
    begin "host $name"
    status=0
    # The limit only finds hangs.
    $fixed timeout --foreground -k 5 600 "$1" </dev/null >"$log" 2>&1 || status=$?
    read_tap
    if [ $status = 124 ]; then
        why='hung'
    elif [ $status != 0 ] && [ "$failed" = 0 ] && [ -z "$why" ]; then
        why="status $status"
    fi
    end "$passed" "$failed" "$skipped" "$why"
    if [ "$failed" != 0 ] || [ -n "$why" ]; then
        sed 's/^/    /' "$log"
    fi
}

for source in tests/host/test_*.c; do
    run_program "$build/host/$(basename "$source" .c)"
done
for script in tests/test-*.sh; do
    run_program "$script"
done
finish host "$build/host.result"
