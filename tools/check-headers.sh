#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check-headers.sh CC KERNEL-FLAGS HOST-FLAGS
#
# Compiles each header alone, so that none depends on what was included
# before it, and twice in a row, so that it stands being included again.
# Host programs' headers are compiled with the host's flags.
set -eu
cc=$1 kernel_flags=$2 host_flags=$3

status=0
for header in $(tools/list-files.sh '*.h'); do
    case $header in
    jvm-support/musl/* | jvm-support/glibc/*) continue ;; # parts of musl
    tests/host/* | tests/programs/* | benchmarks/* | tools/* | images/tool/* | jni-ext/* | gc-hooks/linux/*) flags=$host_flags ;;
    *) flags=$kernel_flags ;;
    esac
    # shellcheck disable=SC2086 # flags are words
    printf '#include "%s"\n#include "%s"\n' "$header" "$header" |
        $cc $flags -I. -fsyntax-only -x c - || {
        echo "$header: does not compile alone" >&2
        status=1
    }
done
exit $status
