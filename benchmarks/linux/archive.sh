#!/bin/sh
# SPDX-License-Identifier: MIT
#
# archive.sh FOLDER
#
# Writes a folder as a cpio archive ("newc"), Linux's first file system, to
# standard output: its folders and files, all of root's and executable.  It is
# 13 numbers and a name for each file (Linux's documentation:
# driver-api/early-userspace/buffer-format), so no cpio has to be installed.
set -eu
cd "$1"

number=0
# entry NAME MODE SIZE
entry() {
    number=$((number + 1))
    length=$((${#1} + 1))
    printf '070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\0' \
        "$number" "$2" 0 0 1 0 "$3" 0 0 0 0 "$length" 0 "$1"
    pad $((110 + length))
}
# What follows so many bytes begins at a multiple of four.
pad() {
    head -c $(((4 - $1 % 4) % 4)) /dev/zero
}

find . -mindepth 1 | sed 's,^\./,,' | LC_ALL=C sort | while read -r name; do
    if [ -d "$name" ]; then
        entry "$name" $((040755)) 0
    else
        size=$(wc -c <"$name")
        entry "$name" $((0100755)) "$size"
        cat "$name"
        pad "$size"
    fi
done
entry 'TRAILER!!!' 0 0
