# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154,SC2034
#
# What the tests of Debian's programs share (sourced by tests/run-debian.sh):
# running a program of $root on Linux or in Moka, for compare.sh.
#
# $how is linux, kvm or tcg, $place where the program works: "tmp", a folder of
# Moka's tmpfs (Linux: an empty folder), or "share", the folder $work of the
# host by 9p.  On Linux the same files run, with their own libraries and the
# host's C library.

# The variables that stand for the paths compiled into a program.
linux() {
    program=$1
    shift
    libraries=$root/usr/lib/x86_64-linux-gnu
    (cd "$folder" && env -i PATH=/usr/bin:/bin HOME=/root TERM=dumb LANG=C.UTF-8 TZ=UTC \
        LD_LIBRARY_PATH="$libraries" PYTHONDONTWRITEBYTECODE=1 \
        PERL5LIB="$libraries/perl-base:$root/usr/share/perl/5.36:$libraries/perl/5.36" \
        RUBYLIB="$root/usr/lib/ruby/3.1.0:$libraries/ruby/3.1.0" GEM_HOME=/tmp \
        TCL_LIBRARY="$root/usr/share/tcltk/tcl8.6" MAGIC="$root/usr/lib/file/magic.mgc" \
        timeout -k 5 "$limit" "$root$program" "$@")
}

# run PROGRAM ARGUMENT...: in $how and $place.
run() {
    if [ "$how" = linux ]; then
        folder=$work
        [ "$place" = share ] || folder=$scratch
        linux "$@"
        return
    fi
    at=/tmp
    [ "$place" = tmp ] || at=/work
    timeout -k 5 "$limit" "$build/tool/moka" exec --quiet --cache "$build/cache" --accel "$how" \
        -m "$memory" -e LANG=C.UTF-8 -e TZ=UTC -e PYTHONDONTWRITEBYTECODE=1 \
        -v "$work:/work" --cwd "$at" "$root" "$@"
}
