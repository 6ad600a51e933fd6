#!/bin/sh
# SPDX-License-Identifier: MIT
#
# fetch.sh SET FOLDER
#
# Makes FOLDER a root of Debian's packages of SET (packages.txt), and the
# libraries they depend on, as Debian lays them out (/bin is /usr/bin).  No C
# library is in it: Moka brings its own, and on Linux the host's is used.
#
# apt-get download gets them, with the system's package lists or, where these
# are missing or out of date, with lists of our own.  They are kept in the
# user's cache.  What cannot be had is left out and named; the status is 1 if
# that is all of it.
set -eu
set=$1 folder=$2
here=$(cd "$(dirname "$0")" && pwd)
store=${XDG_CACHE_HOME:-$HOME/.cache}/moka/debian
mkdir -p "$store/lists/partial" "$store/archives/partial"

named=$(awk -v set="$set" '
    $1 == "quick" || $1 == set && $1 == "full" { for (i = 2; i <= NF; i++) print $i }' "$here/packages.txt")

options='-qq'
own_lists() {
    options="-qq -o Dir::State::lists=$store/lists -o Dir::Cache=$store -o APT::Sandbox::User=$(id -un)"
    # shellcheck disable=SC2086 # words
    apt-get $options update >/dev/null 2>&1 || true
}

# The named packages, and every library below them but the C library.
closure() {
    # shellcheck disable=SC2086 # words
    apt-cache $options depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks \
        --no-replaces --no-enhances $named 2>/dev/null |
        awk '/^[a-z0-9]/ && !/:/ && /^(lib|zlib1g)/ && !/^(libc6|libc-bin|libc-dev|libdebian|libnewt|libslang|libtextwrap)/'
    echo "$named"
}

# Packages that are kept may be older than the lists: each serves.  All in one
# go, because apt-get is slow to start; one by one if one of them is lacking.
download_all() {
    wanted='' failed=''
    for package in $packages; do
        set -- "$store/${package}_"*.deb
        [ -e "$1" ] || wanted="$wanted $package"
    done
    # shellcheck disable=SC2086 # words
    [ -z "$wanted" ] || (cd "$store" && apt-get $options download $wanted) >/dev/null 2>&1 ||
        for package in $wanted; do
            (cd "$store" && apt-get $options download "$package") >/dev/null 2>&1 ||
                failed="$failed $package"
        done
}

unpack() {
    rm -rf "$folder.part" "$folder"
    mkdir -p "$folder.part/root" "$folder.part/etc" "$folder.part/tmp"
    for package in $packages; do
        for deb in "$store/${package}_"*.deb; do
            [ ! -e "$deb" ] || dpkg-deb --extract "$deb" "$folder.part"
        done
    done
    for top in bin sbin lib lib64; do
        mkdir -p "$folder.part/usr/$top"
        [ ! -d "$folder.part/$top" ] || cp -a "$folder.part/$top/." "$folder.part/usr/$top/"
        rm -rf "${folder:?}.part/$top"
        ln -s "usr/$top" "$folder.part/$top"
    done
    echo 'root:x:0:0:root:/root:/bin/sh' >"$folder.part/etc/passwd"
    echo 'root:x:0:' >"$folder.part/etc/group"
    for share in doc man locale info; do
        rm -rf "$folder.part/usr/share/$share"
    done
    rmdir "$folder.part/usr/lib64" 2>/dev/null && rm "$folder.part/lib64"
    mv "$folder.part" "$folder"
}

stamp=$(cksum "$here/packages.txt" "$here/fetch.sh" | cksum)
if [ -e "$folder.stamp" ] && [ "$(cat "$folder.stamp")" = "$stamp" ]; then
    exit 0
fi
packages=$(closure | sort -u)
download_all
if [ -n "$failed" ]; then
    own_lists
    packages=$(closure | sort -u)
    download_all
fi
[ -z "$failed" ] || echo "not to be had:$failed"
ls "$store"/sqlite3_*.deb >/dev/null 2>&1 || exit 1
unpack
echo "$stamp" >"$folder.stamp"
