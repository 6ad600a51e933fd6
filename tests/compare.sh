# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154,SC2034
#
# Programs compared with themselves on Linux.  Sourced behind report.sh by the
# runners that have $logs, and $how: "linux", or where else a command runs.

# What each run begins with; a runner may have its own.
before_each() {
    :
}

# same NAME COMMAND...: standard output and status are what they are on Linux,
# where the same command is run once for all the platforms and for all machines ($on says which).
on=''
same() {
    label=$1
    shift
    wanted "$how $label$on" || return 0
    file=$logs/$(key "$label")-$(echo "$*" | cksum | cut -d " " -f 1)
    log=$logs/$(key "$how $label$on").log
    if ! [ -e "$file.linux" ]; then
        was=$how how=linux status=0
        before_each
        "$@" >"$file.part" 2>"$file.linux-errors" </dev/null || status=$?
        echo "status $status" >>"$file.part"
        mv "$file.part" "$file.linux"
        how=$was
    fi
    begin "$how $label$on"
    status=0
    before_each
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
