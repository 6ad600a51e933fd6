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

image=$1/test/moka-test.elf
accel=${2:-auto}
machine=${3:-microvm}

case $machine in
q35*) blk=virtio-blk-pci,disable-legacy=on ;;
*) blk=virtio-blk-device ;;
esac

# guest TESTS OPTION...: boots; the output is in $log, QEMU's status in $status.
log=$dir/log
guest() {
    names=$1
    shift
    status=0
    tools/qemu.sh --accel "$accel" --machine "$machine" --timeout 200 --append "test=$names" \
        "$@" >"$log" 2>&1 || status=$?
}

# The guest's tests ran and passed; if not, what it said.
passed() {
    if [ $status = 33 ] && grep -q '^ok ' "$log" && ! grep -Eq '^not ok|# SKIP' "$log"; then
        return 0
    fi
    echo "# QEMU's status $status"
    tr -d '\r' <"$log" | sed 's/^/# /'
    return 1
}

# Sector n of the file is the number n, in 511 digits and a newline.
mkdir "$dir/root"
awk 'BEGIN { for (i = 0; i < 32768; i++) printf "%0511d\n", i }' >"$dir/root/pages"
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
