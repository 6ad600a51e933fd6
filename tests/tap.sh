# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# TAP for tests written in shell: source it, say ok or not ok for each claim
# with `check`, end with `finish`.  Each test gets an empty folder $dir, which
# is removed at the end.

tests=0 failed=0
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM HUP

# check NAME COMMAND...: the command's success is the result.
check() {
    tests=$((tests + 1))
    name=$1
    shift
    if "$@"; then
        echo "ok $tests - $name"
    else
        echo "# failed: $*"
        echo "not ok $tests - $name"
        failed=$((failed + 1))
    fi
}

finish() {
    echo "1..$tests"
    [ "$failed" = 0 ]
}
