#!/bin/sh
# SPDX-License-Identifier: MIT
#
# missing.sh LIBC FILE-OR-FOLDER...
#
# Lists the symbols that ELF files ask of glibc, by version, and LIBC lacks,
# with the number of files and one of them.  The status is 0 if there are none.
# Weak references are left out: their users do without.
set -eu
libc=$1
shift
{
    nm -D --defined-only "$libc" | awk '{ print "has", $NF }'
    find -L "$@" -type f 2>/dev/null | while IFS= read -r file; do
        [ "$(head -c 4 "$file" | tail -c 3)" = ELF ] || continue
        nm -D --undefined-only "$file" 2>/dev/null | awk -v file="$file" \
            '$1 == "U" && $2 ~ /@GLIBC_/ { print "wants", $2, file }'
    done
} | awk '
    { sub(/@.*/, "", $2) }
    $1 == "has" { has[$2] = 1; next }
    !($2 in has) { files[$2]++; example[$2] = $3 }
    END {
        for (name in files) {
            print name, files[name], example[name]
            failed = 1
        }
        exit failed
    }'
