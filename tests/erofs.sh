#!/bin/sh
# SPDX-License-Identifier: MIT
#
# erofs.sh BUILD-DIR [ACCEL [MACHINE]]
#
# Files on an EROFS image, which mkfs.erofs makes, on a virtio disk
# (tests/guest/test_erofs.c): read and mapped in full, with little memory, and
# with a sector that cannot be read.  TAP.
set -eu
cd "$(dirname "$0")/.."
. tests/tap.sh
. tests/device-guest.sh

mkdir "$dir/root"
pattern 32768 >"$dir/root/pages"
tools/mkimage.sh "$dir/root" "$dir/disk"

guest 'erofs_is_*' --disk "$dir/disk,ro" "$image" </dev/null
check 'read and mapped' passed

guest 'erofs_is_*' -c 1 --disk "$dir/disk,ro" "$image" </dev/null
check 'read and mapped, 1 CPU' passed

guest erofs_is_read -m 32M --disk "$dir/disk,ro" "$image" </dev/null
check 'read, 32 MiB of memory' passed

# Where sector 20001 of the file lies in the image.
offset=$(grep -abo -m 1 "$(printf '%0511d' 20001)" "$dir/disk" | head -n 1 | cut -d: -f1)
guest erofs_read_error "$image" -- \
    -blockdev "driver=blkdebug,node-name=d,read-only=on,image.driver=file,\
image.filename=$dir/disk,inject-error.0.event=none,inject-error.0.iotype=read,\
inject-error.0.errno=5,inject-error.0.sector=$((offset / 512))" \
    -device "$blk,drive=d" </dev/null
check 'a sector that cannot be read' passed
finish
