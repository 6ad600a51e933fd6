#!/bin/sh
# SPDX-License-Identifier: MIT
#
# prepare.sh BUILD FILE...
#
# Makes what guest.sh starts, in BUILD/bench/linux: Debian's kernel for virtual
# machines, its first file system with the files in /app, and an EROFS disk with
# the JDK that Moka runs, in the same place, and Debian's C library.  What is
# fetched is fetched once, and the disk is made once for each list of packages.
set -eu

die() {
    echo "prepare.sh: $1" >&2
    exit 2
}
[ $# -ge 2 ] || die 'usage: prepare.sh BUILD FILE...'
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
guest=$1/bench/linux
shift
mkdir -p "$guest"

# The JVM alone: what has no screen needs no fonts.
grep -v '^linux-image' "$here/packages.txt" >"$guest/system.txt"
grep -E '^(openjdk|zlib1g|libstdc|libgcc)' "$root/jvm-support/jdk/packages.txt" >>"$guest/system.txt"
grep '^linux-image' "$here/packages.txt" >"$guest/kernel.txt"
for part in system kernel; do
    "$root/jvm-support/jdk/fetch.sh" "$guest/$part" "$guest/$part.txt" ||
        die 'the Linux guest is made of Debian packages, which could not be fetched'
done
if [ -z "$(find "$guest" -name disk.erofs -newer "$guest/system.list")" ]; then
    for folder in dev proc sys tmp mnt; do
        mkdir -p "$guest/system/$folder"
    done
    "$root/tools/mkimage.sh" "$guest/system" "$guest/disk.erofs"
fi
cp "$guest/kernel/boot"/vmlinuz-* "$guest/vmlinuz"

# Modules, each behind those that it needs.
first=$guest/first
rm -rf "$first"
mkdir -p "$first/app" "$first/dev" "$first/root"
number=0
for module in drivers/virtio/virtio drivers/virtio/virtio_ring drivers/virtio/virtio_pci_legacy_dev \
    drivers/virtio/virtio_pci_modern_dev drivers/virtio/virtio_pci drivers/block/virtio_blk \
    lib/libcrc32c fs/erofs/erofs; do
    cp "$guest/kernel/lib/modules"/*/kernel/"$module.ko" "$first/$number.ko"
    number=$((number + 1))
done
"${CC:-cc}" -std=gnu11 -O2 -Wall -Wextra -Werror -static -o "$first/init" "$here/init.c" ||
    die 'its first program could not be compiled'
cp -R "$@" "$first/app"
"$here/archive.sh" "$first" >"$guest/first.cpio"
