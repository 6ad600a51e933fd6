#!/bin/sh
# SPDX-License-Identifier: MIT
#
# prepare.sh VARIANT TREE PREFIX CC CFLAGS
#
# Makes TREE a source tree of musl, configured to be installed in PREFIX:
# Debian's source, our patches, our files laid over it.  VARIANT is
#
#   moka    system calls are calls of the kernel's entry
#   linux   SYSCALL instructions as in musl, to run all else on Linux
#
# A patch fits to the line or fails: the source is pinned, so that a shift
# means that somebody has changed what it was written for.  In a TREE that is
# there, only files that differ are written, so that make compiles only those.
set -eu
variant=$1 tree=$2 prefix=$3 cc=$4 cflags=$5
here=$(cd "$(dirname "$0")" && pwd)

apply() {
    for patch in "$1"/*.patch; do
        log=$(patch -d "$2" -p1 --fuzz=0 --no-backup-if-mismatch -s <"$patch" 2>&1) || {
            echo "$log" >&2
            exit 1
        }
        if [ -n "$log" ]; then
            echo "$patch does not fit to the line: $log" >&2
            exit 1
        fi
    done
}

# Lays the files of a folder over the tree.  Ours in C or preprocessed assembly
# takes the place of musl's plain assembly.
lay() {
    cp -r "$1/." "$new"
    (cd "$1" && find . -path './src/*/x86_64/*') | while IFS= read -r file; do
        rm -f "$new/${file%.*}.s"
    done
}

archive=$("$here/../fetch.sh" musl)
mimalloc=$("$here/../fetch.sh" mimalloc)

new=$tree.new
rm -rf "$new"
mkdir -p "$new/mimalloc"
tar -xf "$archive" -C "$new" --strip-components=1
tar -xf "$mimalloc" -C "$new/mimalloc" --strip-components=1
apply "$here/patches/all" "$new"
apply "$here/patches/mimalloc" "$new/mimalloc"
lay "$here/overlay"
# glibc/ has these.
rm "$new/src/locale/newlocale.c" \
    "$new/src/locale/duplocale.c" "$new/src/locale/freelocale.c" "$new/src/conf/confstr.c"
mkdir -p "$new/src/glibc" "$new/include/moka"
cp "$here/../../gc-hooks/include/moka/"*.h "$new/include/moka"
cp -r "$here/../glibc/." "$new/src/glibc"
if [ "$variant" = moka ]; then
    apply "$here/patches/call" "$new"
    lay "$here/call"
    # The generic file: vfork's child would return over its parent's frame.
    rm "$new/src/process/x86_64/vfork.s"
fi

(
    cd "$new"
    ./configure --prefix="$prefix" --syslibdir=/lib --enable-wrapper=gcc \
        --with-malloc=mimalloc CC="$cc" CFLAGS="$cflags" >configure.log 2>&1 ||
        { cat configure.log >&2 && exit 1; }
    cat "$here/config.mak" >>config.mak
)

if [ -d "$tree" ]; then
    (cd "$new" && find . -type f) | while IFS= read -r file; do
        cmp -s "$new/$file" "$tree/$file" && continue
        mkdir -p "$tree/${file%/*}"
        cp "$new/$file" "$tree/$file"
        # musl's makefile does not know who includes what.
        case $file in
        *.h | *.mak) rm -rf "$tree/obj" ;;
        esac
    done
    # What is ours and has gone.
    (cd "$tree" && find . \( -path ./obj -o -path ./lib \) -prune -o -type f -print) |
        while IFS= read -r file; do
            [ -e "$new/$file" ] || rm "$tree/$file"
        done
    rm -rf "$new"
else
    mv "$new" "$tree"
fi
