#!/bin/sh
# SPDX-License-Identifier: MIT
#
# deps.sh [--check] GROUP...
#
# Makes sure that the programs of each GROUP are there (the table below).
# When they are, it prints nothing and costs a few milliseconds: no package
# manager is asked, only the shell's own search of PATH.
#
# Otherwise, on Debian as root, it says what it installs and does it; on
# Debian as a user it prints the one command to type; elsewhere it names the
# missing programs.  --check never installs.  The status is 0 if all is there
# in the end.
set -eu

# GROUP, a program or file that must be there, the Debian package it is in.
table='
build gcc                  gcc
build ld                   binutils
build make                 make
build awk                  mawk
run   qemu-system-x86_64   qemu-system-x86
run   mkfs.erofs           erofs-utils
run   /usr/include/zlib.h  zlib1g-dev
disk  qemu-img             qemu-utils
test  gcc                  gcc
test  g++                  g++
test  /usr/include/stdio.h libc6-dev
check clang-format-14      clang-format-14
check clang-tidy-14        clang-tidy-14
check shellcheck           shellcheck
check javac                openjdk-17-jdk-headless
bench gcc                  gcc
bench /usr/include/stdio.h libc6-dev
bench sqlite3             sqlite3
gdb   gdb                  gdb
libc  gcc                  gcc
libc  objdump              binutils
libc  patch                patch
libc  xz                   xz-utils
debian apt-get             apt
debian dpkg-deb            dpkg
java  java                openjdk-17-jre-headless
java  javac               openjdk-17-jdk-headless
'

die() {
    echo "deps.sh: $1" >&2
    exit 2
}

# True if the program (or file, with a slash in front) is there.
have() {
    case $1 in
    /*) [ -e "$1" ] ;;
    *) command -v "$1" >/dev/null ;;
    esac
}

# Sets missing (programs) and packages (what they are in) for "$@", the groups.
find_missing() {
    missing='' packages=''
    while read -r group need package; do
        case " $* " in
        *" $group "*) ;;
        *) continue ;;
        esac
        have "$need" && continue
        case " $missing " in
        *" $need "*) ;;
        *) missing="$missing $need" ;;
        esac
        case " $packages " in
        *" $package "*) ;;
        *) packages="$packages $package" ;;
        esac
    done <<END
$table
END
}

# The lists of packages may be absent or out of date: once more with new ones.
install() {
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    export DEBIAN_FRONTEND=noninteractive
    options='-qq -y --no-install-recommends -o DPkg::Lock::Timeout=300'
    # shellcheck disable=SC2086 # lists of words
    if ! apt-get $options install $packages </dev/null >"$log" 2>&1; then
        echo 'installing: fetching the lists of packages first'
        apt-get -qq update </dev/null >>"$log" 2>&1 || true
        # shellcheck disable=SC2086 # lists of words
        if ! apt-get $options install $packages </dev/null >>"$log" 2>&1; then
            tail -n 20 "$log" >&2
            die "apt-get could not install$packages"
        fi
    fi
}

check=false
if [ "${1:-}" = --check ]; then
    check=true
    shift
fi
for group in "$@"; do
    case $table in
    *"
$group "*) ;;
    *) die "no group '$group'" ;;
    esac
done

find_missing "$@"
[ -n "$missing" ] || exit 0

if ! [ -e /etc/debian_version ] || ! have apt-get; then
    echo "missing programs:$missing" >&2
    exit 1
fi
if $check || [ "$(id -u)" != 0 ]; then
    command="apt-get install -y --no-install-recommends$packages"
    set -- /var/lib/apt/lists/*_Packages*
    [ -e "$1" ] || command="apt-get update && sudo $command"
    echo "missing:$missing; to install:" >&2
    echo "  sudo $command" >&2
    exit 1
fi
echo "installing:$packages"
install
find_missing "$@"
[ -z "$missing" ] || die "still missing:$missing"
