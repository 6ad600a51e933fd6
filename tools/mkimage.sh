#!/bin/sh
# SPDX-License-Identifier: MIT
#
# mkimage.sh FOLDER IMAGE
#
# Makes a read-only EROFS image of a folder: the root of a machine that runs
# programs (`moka exec IMAGE ...`, which also does this by itself).
#
# Not compressed: the guest reads pages straight into its page cache.  Times
# are kept, all files belong to root, extended attributes are left out.  The
# image appears under its name when it is whole.
set -eu

die() {
    echo "mkimage.sh: $1" >&2
    [ $# -lt 2 ] || echo "  $2" >&2
    exit 2
}

[ $# = 2 ] || die 'a folder and a name for the image' 'usage: mkimage.sh FOLDER IMAGE'
folder=$1 image=$2
[ -d "$folder" ] || die "there is no folder '$folder'"
[ ! -d "$image" ] || die "'$image' is a folder" 'the image needs a name of its own'
command -v mkfs.erofs >/dev/null ||
    die 'mkfs.erofs is not installed' 'make deps-run installs it, or says how'

temporary=$image.$$
trap 'rm -f "$temporary"' EXIT
trap 'exit 130' INT TERM HUP
if ! said=$(mkfs.erofs --quiet -x-1 -Enoinline_data --all-root --preserve-mtime \
    "$temporary" "$folder" 2>&1); then
    echo "$said" >&2
    die "mkfs.erofs could not make an image of '$folder'"
fi
mv -f "$temporary" "$image"
