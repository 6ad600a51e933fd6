#!/bin/sh
# SPDX-License-Identifier: MIT
#
# authorities.sh FOLDER
#
# The certificate authorities of Debian's ca-certificates, unpacked in FOLDER,
# in the two forms in which programs look for them there: one PEM file for
# native ones, and Java's key store, which Debian makes at installation.
#
# The store has Java's own format, JKS (sun.security.provider.JavaKeyStore
# writes it): a header, an entry for each certificate, and a SHA-1 of the
# password, a phrase and all of it.  The password is what Debian's is.  It
# protects nothing; it is what tools expect.  Nothing but a shell and coreutils
# is needed, so the store is made where no JDK runs.
set -eu
folder=$1
store=$folder/etc/ssl/certs/java/cacerts
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# byte VALUE
byte() {
    # shellcheck disable=SC2059 # the format is the value
    printf "\\$(printf %03o "$1")"
}

# number VALUE: as four bytes, the highest first.
number() {
    for shift in 24 16 8 0; do
        byte $(($1 >> shift & 255))
    done
}

# name TEXT: as Java's DataOutput writes it; Debian's names are all ASCII.
name() {
    number ${#1} | tail -c 2
    printf %s "$1"
}

# entry CERTIFICATE: tag 2 is an authority; its date is not known.
entry() {
    sed '/^-----/d' "$1" | base64 -d >"$work/der"
    number 2
    name "debian:$(basename "$1" | tr '[:upper:]' '[:lower:]' | LC_ALL=C tr -c 'a-z0-9._\n-' '_')"
    number 0 && number 0
    name X.509
    number "$(wc -c <"$work/der")"
    cat "$work/der"
}

mkdir -p "$(dirname "$store")"
set -- "$folder"/usr/share/ca-certificates/mozilla/*.crt
cat "$@" >"$folder/etc/ssl/certs/ca-certificates.crt"
{
    printf '\376\355\376\355' # "feed feed"
    number 2                  # the format's version
    number $#
    for certificate; do
        entry "$certificate"
    done
} >"$work/store"
sum=$({
    printf '\000c\000h\000a\000n\000g\000e\000i\000tMighty Aphrodite'
    cat "$work/store"
} | sha1sum | cut -c 1-40 | fold -w 2)
{
    cat "$work/store"
    for pair in $sum; do
        byte "0x$pair"
    done
} >"$store"
