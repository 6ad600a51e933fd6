#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tools/qemu.sh: its options, its errors, its time limit.  QEMU is a stand-in.
set -eu
cd "$(dirname "$0")/.."
. tests/tap.sh

mkdir -p "$dir/bin" "$dir/test" "$dir/rom"
elf=$dir/test/moka.elf
touch "$elf" "$dir/rom/moka.rom"
cat >"$dir/bin/qemu-system-x86_64" <<'END'
#!/bin/sh
echo "pid $$"
exec sleep 60
END
chmod +x "$dir/bin/qemu-system-x86_64"
PATH=$dir/bin:$PATH

# command TEXT OPTION...: the command line contains TEXT.
command_has() {
    text=$1
    shift
    tools/qemu.sh --accel tcg --dry-run "$@" "$elf" >"$dir/out" 2>&1
    grep -Fq -e "$text" "$dir/out"
}
command_lacks() {
    ! command_has "$@"
}

# refuses TEXT OPTION...: status 2, at most two lines, with TEXT.
refuses() {
    text=$1
    shift
    status=0
    tools/qemu.sh "$@" >"$dir/out" 2>&1 || status=$?
    [ $status = 2 ] && [ "$(wc -l <"$dir/out")" -le 2 ] && grep -Fq -e "$text" "$dir/out"
}

check 'memory' command_has '-m 32M' -m 32M
check 'processors' command_has '-smp 64' -c 64
check 'machine with properties' command_has '-machine microvm,acpi=off' --machine microvm,acpi=off
check 'command line is one word' command_has "-append 'a=1 b=\"x y\" it'\\''s'" \
    --append "a=1 b=\"x y\" it's"
check 'the serial port' command_has '-serial stdio'
check 'the serial port elsewhere' command_has '-serial null' --serial null
check 'a disk' command_has 'node-name=disk1,read-only=on,filename=a,,b' --disk a,b,ro
check 'a disk on microvm' command_has '-device virtio-blk-device,drive=disk1' --disk a
check 'a disk on q35' command_has '-device virtio-blk-pci,disable-legacy=on,drive=disk1' \
    --machine q35 --disk a
check 'the second disk' command_has 'drive=disk2' --disk a --disk b
check 'a share' command_has "path=$dir,readonly=on -device virtio-9p-device,fsdev=share1,mount_tag=t" \
    --share "t=$dir:ro"
check 'console ports' command_has 'virtio-serial-device,max_ports=3' --console a=null --console b=null
check 'a console port' command_has 'file,id=port1,path=x -device virtserialport,nr=1,chardev=port1,name=a' \
    --console a=file,path=x
check 'random numbers' command_has 'virtio-rng-device' --rng
check 'a balloon' command_has 'virtio-balloon-device,free-page-reporting=on' --balloon
check 'no exit device' command_lacks 'isa-debug-exit' --no-exit-device
check 'QEMU firmware on TCG' command_lacks '-bios'
check 'our ROM on demand' command_has "-bios $dir/test/../rom/moka.rom" --firmware rom
check 'another CPU' command_has '-cpu qemu64' --cpu qemu64
if [ -d /sys/module/kvm_pvm ] && [ -w /dev/kvm ]; then
    check 'no hypervisor to look for where CPUID is an exit' command_has ',-hypervisor,' --accel kvm
fi
check 'a debugger' command_has '-gdb tcp:127.0.0.1:1234' --gdb
check 'a debugger on a port' command_has '-gdb tcp:127.0.0.1:5678' --gdb 5678
check 'a debugger does not stop it' command_lacks ' -S' --gdb
check 'unless asked' command_has ' -S ' --gdb --wait

check 'no image' refuses 'which image' --accel tcg
check 'an image that is not there' refuses "cannot read '$dir/none'" "$dir/none"
check 'two images' refuses 'two images' "$elf" "$elf"
check 'an unknown option' refuses "unknown option '--fast'" --fast "$elf"
check 'an option without its value' refuses '--append needs a value' "$elf" --append
check 'an unknown machine' refuses "not 'pc'" --machine pc "$elf"
check 'an unknown accelerator' refuses "not 'xen'" --accel xen "$elf"
check 'an unknown firmware' refuses "not 'uefi'" --accel tcg --firmware uefi "$elf"
check 'memory without number' refuses "not 'M'" -m M "$elf"
check 'memory in an unknown unit' refuses "not '1T'" -m 1T "$elf"
check 'no processor' refuses "not '0'" -c 0 "$elf"
check 'too many processors' refuses "not '65'" -c 65 "$elf"
check 'a limit that is no number' refuses "not 'soon'" --timeout soon "$elf"
mkdir -p "$dir/far/off"
touch "$dir/far/off/moka.elf"
check 'a missing ROM' refuses 'cannot read the boot ROM' --accel tcg --firmware rom "$dir/far/off/moka.elf"

# Ends on time, and takes QEMU along.
limit_works() {
    status=0
    tools/qemu.sh --accel tcg --timeout 1 "$elf" >"$dir/out" 2>&1 || status=$?
    [ $status = 124 ] && ! kill -0 "$(sed -n 's/^pid //p' "$dir/out")" 2>/dev/null
}
signal_works() {
    rm "$dir/out"
    tools/qemu.sh --accel tcg --timeout 50 "$elf" >"$dir/out" 2>&1 &
    runner=$!
    while ! grep -q '^pid' "$dir/out" 2>/dev/null; do
        sleep 0.1
    done
    kill "$runner"
    wait "$runner" || true
    ! kill -0 "$(sed -n 's/^pid //p' "$dir/out")" 2>/dev/null
}
check 'a time limit' limit_works
check 'a signal ends QEMU' signal_works

rm "$dir/bin/qemu-system-x86_64"
without_qemu() {
    mkdir -p "$dir/few"
    ln -sf "$(command -v dirname)" "$dir/few/dirname"
    status=0
    PATH=$dir/few /bin/sh tools/qemu.sh --accel tcg "$elf" 2>"$dir/out" || status=$?
    [ $status = 2 ] && grep -q 'not installed' "$dir/out"
}
check 'QEMU is not installed' without_qemu

finish
