#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run-debian.sh [--full] [--only PATTERN] [--accel kvm|tcg]... BUILD-DIR
#
# Debian's own binaries, unmodified, in Moka.  Each runs on Linux too, in the
# same run, and what it prints there is what is wanted (tests/compare.sh).
# Without --full it is a selection with little data that takes a minute on each
# platform; with it there are more programs, 500 MB, a million rows, and the
# self-tests of perl and python.  docs/programs.md tells what came of it.
#
# --only takes what matches an extended regular expression, as "kvm sqlite3".
#
# The packages are kept in the user's cache; without a network and with an
# empty cache the tests are skipped, and that is said.
set -eu
. tests/report.sh
. tests/compare.sh

only='' accels='' set=quick
while [ $# -gt 1 ]; do
    case $1 in
    --full) set=full ;;
    --only) only=$2 && shift ;;
    --accel) accels="$accels $2" && shift ;;
    *) break ;;
    esac
    shift
done
if [ $# != 1 ]; then
    echo 'usage: run-debian.sh [--full] [--only PATTERN] [--accel kvm|tcg]... BUILD-DIR' >&2
    exit 2
fi
build=$(cd "$1" && pwd)
root=$build/debian-$set
result=debian$(echo "$accels" | tr ' ' '-')
logs=$build/logs/$result
work=$logs/work
scratch=$logs/scratch
data=$logs/data
rm -rf "$work" "$scratch"
mkdir -p "$work" "$scratch"
rm -f "$logs"/*.linux
export MOKA_ROOT="$PWD" MOKA_BUILD="$build"
trap 'rm -rf "$scratch" "$work"' EXIT
trap 'exit 130' INT TERM HUP

. tests/debian/common.sh
. tests/debian/programs.sh
. tests/debian/sqlite.sh
. tests/debian/python.sh
. tests/debian/full.sh

# Skips all, and says so.
skip() {
    echo "$1"
    count 0 0 1
    finish "$result" "$build/$result.result"
    exit
}

# make_data MEGABYTES: half of it noise, half of it easy to pack, in turns.
make_data() {
    [ "$(($(stat -c %s "$data" 2>/dev/null || echo 0) >> 20))" != "$1" ] || return 0
    awk 'BEGIN { for (i = 0; i < 80000; i++) printf "%d %x\n", i, i * 40503 % 65521 }' |
        head -c 524288 >"$scratch/easy"
    i=0
    while [ $i -lt "$1" ]; do
        head -c 524288 /dev/urandom
        cat "$scratch/easy"
        i=$((i + 1))
    done >"$data"
}

if ! said=$(tests/debian/fetch.sh "$set" "$root"); then
    skip 'NO PACKAGES: Debian binaries were NOT run: apt-get could not download them'
fi
[ -z "$said" ] || echo "$said"
awk 'BEGIN { for (i = 0; i < 30000; i++) print (i * 7919) % 99991 }' >"$work/lines"
echo '{"a": [1, 2.5, 1e3], "b": {"c": "mitä"}}' >"$work/json"
how=linux place=tmp limit=20 memory=1G
[ "$(run /usr/bin/echo yes 2>&1)" = yes ] ||
    skip 'NO COMPARISON: the host cannot run Debian binaries; they were NOT run in Moka either'

for how in ${accels:-kvm tcg}; do
    can_run "$how" "Debian's programs were" || continue
    limit=120
    make_data 4
    quick_programs
    if [ "$set" = quick ]; then
        sqlite_tests 20000
        python_set quick test_mmap test_select test_struct test_json
    else
        full_programs
    fi
done
finish "$result" "$build/$result.result"
