# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034,SC2154
#
# What devices.sh, netdev.sh, erofs.sh and balloon.sh share: the guest's tests in a machine with more
# devices than others have.  Sourced, behind tap.sh, with the script's own
# arguments BUILD-DIR [ACCEL [MACHINE]].

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
    if [ "$status" = 33 ] && grep -q '^ok ' "$log" && ! grep -Eq '^not ok|# SKIP' "$log"; then
        return 0
    fi
    echo "# QEMU's status $status"
    tr -d '\r' <"$log" | sed 's/^/# /'
    return 1
}

# pattern SECTORS: sector n is the number n, in 511 digits and a newline.
pattern() {
    awk -v n="$1" 'BEGIN { for (i = 0; i < n; i++) printf "%0511d\n", i }'
}
