#!/bin/sh
# SPDX-License-Identifier: MIT
#
# install.sh VARIANT TREE PREFIX
#
# Installs what was built in TREE: libraries and start files, headers, the
# compiler's wrapper.  For Moka, first proves that no instruction is left that
# enters a Linux kernel.  lib/libc.so comes last: it is make's target.
set -eu
variant=$1 tree=$2 prefix=$3

if [ "$variant" = moka ]; then
    objdump -d --no-show-raw-insn "$tree/lib/libc.so" "$tree/lib/libc.a" "$tree"/lib/*crt1.o |
        awk -f "$(dirname "$0")/no-syscall.awk"
fi

mkdir -p "$prefix/lib" "$prefix/bin"
MAKEFLAGS='' make -s --no-print-directory -C "$tree" install-headers install-tools >/dev/null
# Linux's own headers, for programs that ask for <linux/...>.
for headers in linux asm-generic x86_64-linux-gnu/asm; do
    [ ! -d "/usr/include/$headers" ] || ln -sfn "/usr/include/$headers" "$prefix/include/${headers##*/}"
done
for file in "$tree"/lib/*; do
    case $file in
    */libc.so) ;;
    *) cp "$file" "$prefix/lib/" ;;
    esac
done
# Debug information stays in the tree.
objcopy --strip-debug "$tree/lib/libc.so" "$prefix/lib/libc.so.new"
mv "$prefix/lib/libc.so.new" "$prefix/lib/libc.so"
