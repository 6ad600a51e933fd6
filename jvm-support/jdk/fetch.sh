#!/bin/sh
# SPDX-License-Identifier: MIT
#
# fetch.sh FOLDER [LIST]
#
# Makes FOLDER, the root of a machine that runs Java: Debian's packages that
# packages.txt names, unpacked and otherwise as they are, and the few files
# below that an installed system has beside its packages.  With a LIST it is
# the packages that this names and nothing else.  If FOLDER is there and made of
# the same list, nothing is done.
#
# The packages are kept in the user's cache under their checksums, and what is
# there is checked again.  They come by apt-get download: from the package
# lists of this machine, and if these do not have them, from lists of our own
# below the cache, of Debian's mirrors that apt uses here.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/moka
java=usr/lib/jvm/java-17-openjdk-amd64

die() {
    echo "fetch.sh: $1" >&2
    exit 1
}

is_right() {
    [ -f "$1" ] && echo "$2  $1" | sha256sum --check --status
}

# deb lines for each of Debian's suites that apt knows here.
list_mirrors() {
    keys=/usr/share/keyrings/debian-archive-keyring.gpg
    # shellcheck disable=SC2016 # apt's variables
    apt-get indextargets --format '$(SITE) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        sort -u | awk -v keys="$([ ! -e $keys ] || echo " signed-by=$keys")" '
        $1 ~ /\/debian(-security)?\/?$/ && $3 == "main" { print "deb [arch=amd64" keys "]", $0 }'
}

# download PACKAGE VERSION: into the working folder.
download() {
    apt-get -qq download "$1=$2" >log 2>&1 && return
    own=$cache/apt-binary
    mkdir -p "$own/lists/partial" "$own/archives/partial"
    list_mirrors >"$own/sources.list"
    [ -s "$own/sources.list" ] || die 'apt knows no Debian mirror here'
    options="-qq -o Dir::Etc::sourcelist=$own/sources.list -o Dir::Etc::sourceparts=/dev/null
        -o Dir::State::lists=$own/lists -o Dir::Cache=$own -o APT::Sandbox::User=$(id -un)"
    # shellcheck disable=SC2086 # words
    apt-get $options download "$1=$2" >log 2>&1 ||
        { apt-get $options update && apt-get $options download "$1=$2"; } >log 2>&1
}

# fetch PACKAGE VERSION SUM FILE
fetch() {
    command -v apt-get >/dev/null || die "$1 is fetched by apt-get, which is not here; put Debian's
package $1 $2 (amd64) at $4"
    echo "fetching $1 $2" >&2
    (cd "$work" && { download "$1" "$2" || { cat log >&2 && false; }; }) ||
        die "apt-get could not fetch $1 $2"
    set -- "$@" "$work/$1"_*.deb
    is_right "$5" "$3" || die "$1 $2 has another checksum than $packages says"
    mkdir -p "$(dirname "$4")"
    mv "$5" "$4"
}

unpack() {
    if command -v dpkg-deb >/dev/null; then
        dpkg-deb --extract "$1" "$2"
    else
        # A .deb is an ar archive of three members.
        ar p "$1" data.tar.xz | tar -xJf - -C "$2"
    fi
}

# What makes a system of packages, as far as a JVM looks at it.
add_system() {
    mkdir -p "$1/etc/.java/.systemPrefs" "$1/root" "$1/tmp" "$1/usr/bin" "$1/var/tmp"
    echo 'root:x:0:0:root:/root:/bin/sh' >"$1/etc/passwd"
    echo 'root:x:0:' >"$1/etc/group"
    printf '127.0.0.1\tlocalhost moka\n::1\tlocalhost\n' >"$1/etc/hosts"
    echo 'hosts: files dns' >"$1/etc/nsswitch.conf"
    echo moka >"$1/etc/hostname"
    ln -s /proc/self/mounts "$1/etc/mtab"
    ln -s "/$java/bin/java" "$1/usr/bin/java"
    "$here/authorities.sh" "$1"
    rm -rf "$1/usr/share/doc" "$1/usr/share/man" "$1/usr/share/lintian" "$1/usr/share/gdb" \
        "$1/usr/lib/debug"
}

[ $# = 1 ] || [ $# = 2 ] || die 'usage: fetch.sh FOLDER [LIST]'
folder=$1 packages=${2:-$here/packages.txt}
list="$(cat "$packages" "$here/fetch.sh" "$here/authorities.sh" | sha256sum)"
if [ -e "$folder.list" ] && [ "$(cat "$folder.list")" = "$list" ]; then
    exit
fi
mkdir -p "$cache" "$(dirname "$folder")"
work=$(mktemp -d "$cache/work.XXXXXX")
trap 'rm -rf "$work" "$folder.part"' EXIT
trap 'exit 130' INT TERM HUP
rm -rf "$folder.list" "$folder.part"
mkdir -p "$folder.part"
grep -v '^#' "$packages" >"$work/list"
while read -r package version sum; do
    file=$cache/packages/$sum/$package.deb
    is_right "$file" "$sum" || fetch "$package" "$version" "$sum" "$file" </dev/null
    unpack "$file" "$folder.part"
done <"$work/list"
[ $# = 2 ] || add_system "$folder.part"
rm -rf "$folder"
mv "$folder.part" "$folder"
echo "$list" >"$folder.list"
