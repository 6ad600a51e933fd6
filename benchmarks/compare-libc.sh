#!/bin/sh
# SPDX-License-Identifier: MIT
#
# compare-libc.sh BUILD-DIR
#
# bench_libc, which is one file, on Linux with glibc and in Moka, three times
# in turns: the least of each row, and the ratio of the two.
set -eu
build=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."
export MOKA_ROOT="$PWD" MOKA_BUILD="$build"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
trap 'exit 130' INT TERM HUP

for round in 1 2 3; do
    "$build/bench/programs/bench_libc" all 200 >"$out/linux.$round"
    "$build/tool/moka" exec --quiet -m 2G --cache "$build/cache" "$build/bench/programs" \
        /bench_libc all 200 </dev/null >"$out/moka.$round"
    grep -q '^end' "$out/moka.$round"
done
awk '
    $1 != "sample" { next }
    {
        here = FILENAME ~ /moka/
        for (i = 4; i <= NF; i++)
            if (!((here, $2) in least) || $i < least[here, $2])
                least[here, $2] = $i
        if (!($2 in unit)) {
            unit[$2] = $3
            name[rows++] = $2
        }
    }
    END {
        printf "%-34s %12s %12s %7s\n", "", "glibc", "Moka", "ratio"
        for (r = 0; r < rows; r++) {
            n = name[r]
            printf "%-34s %12.2f %12.2f %7.2f %s\n", n, least[0, n], least[1, n],
                least[0, n] ? least[1, n] / least[0, n] : 0, unit[n]
        }
    }' "$out"/linux.* "$out"/moka.*
