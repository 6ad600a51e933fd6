#!/bin/sh
# SPDX-License-Identifier: MIT
#
# fetch.sh PACKAGE [LIST]
#
# Prints the path of the source archive of a Debian PACKAGE that LIST, or
# sources.txt here, names.  It is kept in the user's cache under its checksum, so that it is
# fetched once for all checkouts and build folders; what is there is checked
# again, because a damaged archive is a strange compiler error otherwise.
#
# Fetched by apt-get source, with package lists of its own below the cache:
# the system's lists often lack deb-src lines, and are not ours to change.
# The mirrors are those that apt uses here, the suites only Debian's own.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/moka

die() {
    echo "fetch.sh: $1" >&2
    exit 1
}

is_right() {
    [ -f "$1" ] && echo "$2  $1" | sha256sum --check --status
}

# deb-src lines for each of Debian's suites that apt knows here.
list_sources() {
    keys=/usr/share/keyrings/debian-archive-keyring.gpg
    # shellcheck disable=SC2016 # apt's variables
    apt-get indextargets --format '$(SITE) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        sort -u | awk -v option="$([ ! -e $keys ] || echo "[signed-by=$keys]")" '
        $1 ~ /\/debian(-security)?\/?$/ && $3 == "main" { print "deb-src", option, $0 }'
}

# fetch PACKAGE VERSION FILE SUM
fetch() {
    command -v apt-get >/dev/null || die "$3 is fetched by apt-get, which is not here; put it at
$cache/sources/$4/$3"
    echo "fetching $3 (Debian's $1 $2)" >&2
    mkdir -p "$cache/apt/lists/partial" "$cache/apt/archives/partial" "$cache/sources/$4"
    list_sources >"$cache/apt/sources.list"
    [ -s "$cache/apt/sources.list" ] || die 'apt knows no Debian mirror here'
    work=$(mktemp -d "$cache/apt/work.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    options="-qq -o Dir::Etc::sourcelist=$cache/apt/sources.list -o Dir::Etc::sourceparts=/dev/null
        -o Dir::State::lists=$cache/apt/lists -o Dir::Cache=$cache/apt
        -o APT::Sandbox::User=$(id -un)"
    (
        cd "$work"
        # shellcheck disable=SC2086 # words
        apt-get $options source --download-only --tar-only "$1=$2" >log 2>&1 ||
            { apt-get $options update && apt-get $options source --download-only --tar-only "$1=$2"; } >log 2>&1 ||
            { cat log >&2 && false; }
    ) || die "apt-get could not fetch the source of $1 $2"
    is_right "$work/$3" "$4" || die "$3 of $1 $2 has another checksum than $list says"
    mv "$work/$3" "$cache/sources/$4/$3"
}

[ $# = 1 ] || [ $# = 2 ] || die 'usage: fetch.sh PACKAGE [LIST]'
list=${2:-$here/sources.txt}
line=$(awk -v package="$1" '$1 == package' "$list")
[ -n "$line" ] || die "no package '$1' in $list"
# shellcheck disable=SC2086 # words
set -- $line
file=$cache/sources/$4/$3
is_right "$file" "$4" || fetch "$@"
echo "$file"
