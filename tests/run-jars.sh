#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run-jars.sh [--only PATTERN] [--accel kvm|tcg]... [--cpus "N..."] [--few] BUILD-DIR
#
# Debian's jars as programs: databases, a search engine, compilers, languages
# (tests/jars).  Each runs on Linux and in Moka with the same JDK, files and
# options, and prints the same; the times of both are printed at the end.  On
# machines with so many processors (--cpus, default "1 2 4"); on TCG the quick
# ones, with 2.  --few: little data in all.
#
# --only takes what matches an extended regular expression, as "kvm 2 h2".
set -eu
. tests/report.sh

only='' accels='' cpu_counts='1 2 4' few=''
while [ $# -gt 1 ]; do
    case $1 in
    --only) only=$2 && shift ;;
    --accel) accels="$accels $2" && shift ;;
    --cpus) cpu_counts=$2 && shift ;;
    --few) few=yes ;;
    *) break ;;
    esac
    shift
done
if [ $# != 1 ]; then
    echo 'usage: run-jars.sh [--only PATTERN] [--accel kvm|tcg]... [--cpus "N..."] [--few] BUILD-DIR' >&2
    exit 2
fi
build=$(cd "$1" && pwd)
result=jars$(echo "$accels" | tr ' ' '-')
logs=$build/logs/$result
work=$logs/work
rm -rf "$logs"
mkdir -p "$logs"
export MOKA_ROOT="$PWD" MOKA_BUILD="$build"
unset JAVA_TOOL_OPTIONS JDK_JAVA_OPTIONS _JAVA_OPTIONS CLASSPATH

. tests/jars/common.sh
. tests/jars/databases.sh
. tests/jars/compilers.sh
. tests/jars/languages.sh

trap 'rm -rf "$work" "$memory"' EXIT
trap 'exit 130' INT TERM HUP
for how in ${accels:-kvm tcg}; do
    can_run "$how" "Debian's jars were" || continue
    if [ "$how" = tcg ]; then
        cpus=2
        quick_programs
        continue
    fi
    for cpus in $cpu_counts; do
        database_programs
        compilers
        languages
    done
done
print_times
finish "$result" "$build/$result.result"
