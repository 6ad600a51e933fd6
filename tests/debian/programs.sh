# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154,SC2034,SC2016
#
# One line for each program, with what it prints compared (sourced by
# tests/run-debian.sh).

# Its input from a file beside the tests, or one of $work.
from() {
    input=$1
    shift
    run "$@" <"$input"
}

# round_trip PACK UNPACK: what comes back is what went in, and each side reads
# what the other has packed.
round_trip() {
    # shellcheck disable=SC2086 # words
    run $1 <"$data" >"$scratch/packed"
    # shellcheck disable=SC2086 # words
    run $2 <"$scratch/packed" | cksum
    other=$how how=linux
    # shellcheck disable=SC2086 # words
    run $2 <"$scratch/packed" | cksum
    how=$other
}

# Only a part that is the same on every machine and at any time.
matching() {
    pattern=$1
    shift
    run "$@" >"$scratch/out" 2>&1 || return
    grep -o -E -e "$pattern" "$scratch/out"
}

# A tree of small files, copied, listed, packed and compared by programs in turn.
make_tree() {
    rm -rf "$work/tree" "$work/copy"
    mkdir -p "$work/tree/a/b" "$work/tree/c"
    echo one >"$work/tree/a/one" && echo two >"$work/tree/a/b/two" && echo 'root three' >"$work/tree/c/three"
    ln -s ../a/one "$work/tree/c/link" && : >"$work/tree/empty"
}
copy_tree() {
    make_tree
    run /usr/bin/cp -a tree copy
    (cd "$work" && diff -r tree copy && find copy | LC_ALL=C sort)
}
tar_tree() {
    make_tree
    run /usr/bin/tar -c --owner 0 --group 0 --mtime @1 --sort name -f tree.tar tree
    run /usr/bin/tar -tvf tree.tar --numeric-owner
    cksum <"$work/tree.tar"
}
find_tree() {
    make_tree
    run /usr/bin/find tree -name '[a-o]*' -printf '%p %s %y\n' | LC_ALL=C sort
}

openssl_key() {
    run /usr/bin/openssl genrsa -out key.pem 2048 2>/dev/null
    run /usr/bin/openssl rsa -check -noout -in key.pem
}

quick_programs() {
    place=tmp
    same 'echo' run /usr/bin/echo 'a  b'
    same 'sort' from "$work/lines" /usr/bin/sort -n
    same 'sha256sum' from "$data" /usr/bin/sha256sum
    same 'grep' from "$work/lines" /usr/bin/grep -n -E '^9(.)\1'
    same 'sed' from "$work/lines" /usr/bin/sed -n 's/5\([0-9]\)/<\1>/gp'
    same 'mawk' from "$work/lines" /usr/bin/mawk '{ s += $1 } END { printf "%d %.3f\n", s, sqrt(s) }'
    same 'gawk' from "$work/lines" /usr/bin/gawk '{ a[$1 % 7] += $1 } END { for (i = 0; i < 7; i++) print a[i] }'
    same 'dash' run /usr/bin/dash -c 'i=0; while [ $i -lt 1000 ]; do i=$((i + 1)); done; echo $i; exit 3'
    same 'bash' run /usr/bin/bash -c 'a=(1 2 3); for i in "${a[@]}"; do printf "%03d\n" $((i * i)); done; exit 4'
    same 'jq' from "$work/json" /usr/bin/jq -c '.a | map(. * 2), (.b.c | length)'
    same 'sqlite3 -version' run /usr/bin/sqlite3 -version
    same 'openssl sha3' from "$data" /usr/bin/openssl dgst -sha3-256 -r
    same 'openssl speed' matching '^\+F:[0-9]+:sha256' /usr/bin/openssl speed -seconds 1 -bytes 1024 -mr sha256
    same 'lua' from tests/debian/test.lua /usr/bin/lua5.4 -
    same 'perl' run /usr/bin/perl -e \
        'my %h = map { $_ => $_ ** 2 } 1..42; print join(",", map { "$_=$h{$_}" } sort keys %h), "\n"; exit 5'
    same 'python3 -c' run /usr/bin/python3.11 -c 'import sys; print(sum(range(1000))); sys.exit(6)'
    place=share
    same 'cp on a share' copy_tree
    same 'tar on a share' tar_tree
    same 'find on a share' find_tree
    place=tmp
    same 'gzip' round_trip /usr/bin/gzip '/usr/bin/gzip -dc'
    same 'xz -T2' round_trip '/usr/bin/xz -0 -T2 -c' '/usr/bin/xz -dc'
    same 'zstd -T2' round_trip '/usr/bin/zstd -T2 -c' '/usr/bin/zstd -dc'
    same 'bzip2' round_trip '/usr/bin/bzip2 -c' '/usr/bin/bzip2 -dc'
}
