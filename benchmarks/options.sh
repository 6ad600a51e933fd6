# shellcheck shell=sh
# SPDX-License-Identifier: MIT
#
# The options of the benchmarks' scripts: read with "." and not run.
#
#   rounds=3 seconds=4 accel=auto markdown=''
#   read_options 'rounds number  seconds number  accel accel  markdown flag' "$@"
#
# An option "--no-tcg" is the variable no_tcg, which has its default before.  The
# kinds: "number" (above 0), "text" (not empty), "accel" (kvm, tcg or auto), and
# "flag", an option without a value, which makes it 1.  The last word is the build
# folder, of which `build` is the absolute path.  What is wrong ends the script
# with status 2.

die() {
    echo "${0##*/}: $*" >&2
    exit 2
}

# check_value KIND OPTION VALUE
check_value() {
    case $1:$3 in
    number:'' | number:*[!0-9]* | number:0*) die "$2 wants a number above 0, not '$3'" ;;
    text:) die "$2 wants a value" ;;
    accel:kvm | accel:tcg | accel:auto) ;;
    accel:*) die "$2 is kvm, tcg or auto, not '$3'" ;;
    esac
}

# kind_of VARIABLE NAME KIND...: nothing if there is no such option.
kind_of() {
    wanted=$1
    shift
    while [ $# -ge 2 ]; do
        [ "$1" != "$wanted" ] || echo "$2"
        shift 2
    done
}

# read_options 'NAME KIND...' ARGUMENT...
read_options() {
    kinds=$1 build=''
    shift
    while [ $# -gt 0 ]; do
        case $1 in
        --*)
            option=$(echo "${1#--}" | tr - _)
            # shellcheck disable=SC2086 # words
            kind=$(kind_of "$option" $kinds)
            case $kind in
            '') die "unknown option '$1'" ;;
            flag) eval "$option=1" ;;
            *)
                [ $# -gt 1 ] || die "$1 wants a value"
                check_value "$kind" "$1" "$2"
                eval "$option=\$2"
                shift
                ;;
            esac
            ;;
        -*) die "unknown option '$1'" ;;
        *)
            [ -z "$build" ] || die "one build folder, not also '$1'"
            build=$1
            ;;
        esac
        shift
    done
    [ -n "$build" ] || die "usage: ${0##*/} [OPTION]... BUILD"
    build=$(cd "$build" && pwd) || exit 2
}

# What "auto" means here.
choose_accel() {
    [ "$accel" = auto ] || return 0
    accel=tcg
    if [ -e /dev/kvm ] && (: <>/dev/kvm) 2>/dev/null; then
        accel=kvm
    fi
}
