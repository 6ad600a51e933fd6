# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154,SC2034
#
# What the tests of Debian's programs share (sourced by tests/run-debian.sh):
# running a program of $root on Linux or in Moka, and comparing the two.
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

wanted() {
    [ -z "$only" ] || echo "$1" | grep -Eq -e "$only"
}

# key NAME: a name for files.
key() {
    echo "$1" | tr -c 'A-Za-z0-9\n' '-'
}

# verdict WHY: ends the line that begin() has begun; empty: passed.
verdict() {
    if [ -z "$1" ]; then
        end 1 0 0 ''
    else
        end 0 1 0 "$1"
        tail -n 12 "$log" | cut -c 1-200 | sed 's/^/    /'
    fi
}

# same NAME COMMAND...: standard output and status are what they are on Linux,
# where it is run once for all the platforms.
same() {
    label=$1
    shift
    wanted "$how $label" || return 0
    file=$logs/$(key "$label") log=$logs/$(key "$how $label").log
    if ! [ -e "$file.linux" ]; then
        was=$how how=linux status=0
        "$@" >"$file.part" 2>"$file.linux-errors" </dev/null || status=$?
        echo "status $status" >>"$file.part"
        mv "$file.part" "$file.linux"
        how=$was
    fi
    begin "$how $label"
    status=0
    "$@" >"$file.out" 2>"$log" </dev/null || status=$?
    echo "status $status" >>"$file.out"
    if [ "$(wc -l <"$file.linux")" -lt 2 ]; then
        cat "$file.linux-errors" >>"$log"
        verdict 'it prints nothing on Linux'
    elif cmp -s "$file.linux" "$file.out"; then
        verdict ''
    else
        { diff -a "$file.linux" "$file.out" | head -n 10; } >>"$log"
        verdict 'not as on Linux'
    fi
    rm -f "$file.out"
}
