# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# Jars made without a JDK: source it.

# little NUMBER BYTES: the lowest byte first.
little() {
    number=$1 count=$2
    while [ "$count" -gt 0 ]; do
        # shellcheck disable=SC2059 # an escape is what the format is
        printf "\\$(printf %03o $((number & 255)))"
        number=$((number >> 8)) count=$((count - 1))
    done
}

# The fields that a file's two headers in a zip share, for method $method.
jar_fields() {
    little 0 2
    little "$method" 2
    little 0 4
    little 0 4 # the checksum, which nobody here looks at
    little "$(wc -c <"$1.packed")" 4
    little "$(wc -c <"$1.text")" 4
    little ${#manifest} 2
    little 0 2
}

# make_jar FILE METHOD LINE...: a zip file with a manifest of these lines; 8 is packed, 0 is not.
make_jar() {
    jar=$1 method=$2 manifest=META-INF/MANIFEST.MF
    shift 2
    printf '%s\r\n' "$@" >"$jar.text"
    if [ "$method" = 8 ]; then
        # A gzip file is DEFLATE with 10 bytes in front of it and 8 behind.
        gzip -nc "$jar.text" | tail -c +11 | head -c -8 >"$jar.packed"
    else
        cp "$jar.text" "$jar.packed"
    fi
    # shellcheck disable=SC2094 # it reads what lies beside the jar
    {
        printf 'PK\003\004'
        little 20 2
        jar_fields "$jar"
        printf %s $manifest
        cat "$jar.packed"
    } >"$jar"
    at=$(wc -c <"$jar")
    # shellcheck disable=SC2094
    {
        printf 'PK\001\002'
        little 20 2
        little 20 2
        jar_fields "$jar"
        little 0 6
        little 0 4
        little 0 4 # where its first header is
        printf %s $manifest
        printf 'PK\005\006'
        little 0 4
        little 1 2
        little 1 2
        little $((46 + ${#manifest})) 4
        little "$at" 4
        little 0 2
    } >>"$jar"
    rm "$jar.text" "$jar.packed"
}
