#!/bin/sh
# SPDX-License-Identifier: MIT
#
# devices.sh BUILD-DIR [ACCEL [MACHINE]]
#
# The drivers, in a guest that has the devices (tests/guest/test_devices.c):
# every sector of a disk with a known pattern, what the guest writes, a sector
# that cannot be read, the console's ports byte for byte, 9P, random numbers,
# power-off and the power button.  TAP; also what reading costs beside dd.
set -eu
cd "$(dirname "$0")/.."
. tests/tap.sh
. tests/device-guest.sh

notes() {
    sed -n 's/^# \(.*MiB\/s\|.*line\|.*request\|.* took .*\)/# \1/p' "$log" | tr -d '\r'
}

pattern 16384 >"$dir/disk"
head -c 1048576 /dev/urandom >"$dir/random"

guest 'devices_start_time,devices_disk_every_sector,devices_disk_refuses' \
    --disk "$dir/disk,ro" "$image" </dev/null
check 'every sector, 4 threads' passed
notes

guest devices_disk_every_sector -c 4 --disk "$dir/disk" "$image" </dev/null
check 'every sector, 4 CPUs' passed

guest devices_disk_every_sector "$image" -- \
    -blockdev "driver=file,node-name=d,read-only=on,filename=$dir/disk" \
    -device "$blk,drive=d,indirect_desc=off,event_idx=off,\
logical_block_size=4096,physical_block_size=4096" </dev/null
check 'without event index and indirect tables, 4 KiB sectors' passed

# Each answer takes milliseconds, so that readers sleep and interrupts wake them.
guest devices_disk_every_sector "$image" -- -device "$blk,drive=d" \
    -drive "if=none,id=d,format=raw,readonly=on,file=$dir/disk,throttling.iops-total=100" </dev/null
check 'a slow disk' passed

head -c 8388608 /dev/zero >"$dir/written"
guest devices_disk_write --disk "$dir/disk,ro" --disk "$dir/written" "$image" </dev/null
check 'writes' passed
check 'what was written is on the host' cmp "$dir/disk" "$dir/written"

guest devices_disk_read_error "$image" -- \
    -blockdev "driver=blkdebug,node-name=d,read-only=on,image.driver=file,\
image.filename=$dir/disk,inject-error.0.event=none,inject-error.0.iotype=read,\
inject-error.0.errno=5,inject-error.0.sector=100" \
    -device "$blk,drive=d" </dev/null
check 'a sector that cannot be read' passed

guest devices_console_echo --serial "file:$dir/serial" --console stdin=stdin \
    --console "stdout=file,path=$dir/out" "$image" <"$dir/random"
cp "$dir/serial" "$log"
check 'console: to the end of the input' passed
check 'console: 1 MiB byte for byte' cmp "$dir/random" "$dir/out"

guest devices_console_lines --console "stdout=file,path=$dir/out" "$image" </dev/null
check 'console: 20000 lines' passed
notes
awk 'BEGIN { for (i = 0; i < 20000; i++) print "this is line " i " of the output" }' >"$dir/lines"
check 'console: each line' cmp "$dir/lines" "$dir/out"

# Nobody reads for two seconds: the guest waits, nothing is lost.
mkfifo "$dir/pipe.in" "$dir/pipe.out"
(
    sleep 2
    cat >"$dir/out"
) <"$dir/pipe.out" &
reader=$!
exec 3<>"$dir/pipe.in"
guest devices_console_lines --console "stdout=pipe,path=$dir/pipe" "$image" </dev/null
exec 3>&-
wait $reader || true
check 'console: a reader that is late' passed
check 'console: loses nothing then' cmp "$dir/lines" "$dir/out"

guest 'devices_random_is_seeded,devices_9p_answers' --rng --share "share=$dir:ro" "$image" \
    </dev/null
check 'random numbers and 9P' passed
notes

mkdir "$dir/share"
guest 'p9_*' --share "moka-test=$dir/share" "$image" </dev/null
check '9P file system' passed
notes
check '9P file system: nothing is left' rmdir "$dir/share"

# With a reset that does not end QEMU, only a power-off does.
guest devices_start_time --no-exit-device "$image" -- -action reboot=reset </dev/null
check 'power-off' [ $status = 0 ]

# It never ends by itself: until it has begun twice, or for 200 s.
guest devices_reboot --no-exit-device --console reboot=null "$image" -- -action reboot=reset </dev/null &
rebooting=$!
while kill -0 $rebooting 2>/dev/null && [ "$(grep -c '^Moka' "$log")" -lt 2 ]; do
    sleep 0.2
done
kill "$(cat "/proc/$rebooting/task/$rebooting/children")" 2>/dev/null || true
wait $rebooting || true
check 'reboots' [ "$(grep -c '^Moka' "$log")" -gt 1 ]

# A device of before virtio 1 is left out, and the others are not.
case $machine in
q35*) old='-device virtio-rng-pci,disable-modern=on,disable-legacy=off' text='cannot be used' ;;
*) old='-device virtio-rng-device -global virtio-mmio.force-legacy=true' text='no virtio 1' ;;
esac
# shellcheck disable=SC2086 # several words
guest devices_start_time "$image" -- $old </dev/null
check 'a legacy device: the machine runs' passed
check 'a legacy device: is named' grep -q "$text" "$log"

mkfifo "$dir/com.in" "$dir/com.out"
exec 6<>"$dir/com.in" 7<>"$dir/com.out"
echo moka >&6
guest devices_serial_answers --serial "pipe:$dir/com" --console ask=null "$image" </dev/null
check 'the serial port as a channel' [ $status = 33 ]

mkfifo "$dir/mon.in" "$dir/mon.out"
exec 4<>"$dir/mon.in" 5<>"$dir/mon.out"
: >"$dir/out"
(
    tries=0
    while ! grep -q press "$dir/out" && [ $tries -lt 600 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    echo system_powerdown >&4
) &
presser=$!
guest devices_power_button --console "stdout=file,path=$dir/out" "$image" -- \
    -chardev "pipe,id=mon,path=$dir/mon" -mon chardev=mon,mode=readline </dev/null
kill $presser 2>/dev/null || true
check 'the power button' passed

head -c 268435456 /dev/zero >"$dir/large"
dd if="$dir/large" of=/dev/null bs=1M 2>"$dir/dd"
guest devices_disk_speed --disk "$dir/large,ro" "$image" </dev/null
check 'sequential reading' passed
notes
sed -n 's/.*copied/# dd on the host:/p' "$dir/dd"
finish
