#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The tool `moka` as far as it needs no machine: its options and errors, the
# command it makes, and the images that it keeps.
set -eu
cd "$(dirname "$0")/.."
. tests/tap.sh

gcc -std=gnu11 -D_GNU_SOURCE -g -fsanitize=address,undefined -pthread -o "$dir/moka" images/tool/*.c -lz
if ! command -v mkfs.erofs >/dev/null || ! command -v qemu-system-x86_64 >/dev/null; then
    echo 'ok 1 - the tool # SKIP no mkfs.erofs or no QEMU here: make deps-run'
    echo '1..1'
    exit 0
fi
mkdir -p "$dir/build/release" "$dir/build/rom" "$dir/root/bin" "$dir/share,1"
touch "$dir/build/release/moka.elf" "$dir/build/rom/moka.rom"
echo program >"$dir/root/bin/program"
export MOKA_ROOT="$PWD" MOKA_BUILD="$dir/build" ASAN_OPTIONS=detect_leaks=0

moka() {
    "$dir/moka" exec --cache "$dir/cache" --accel tcg "$@"
}

# refuses TEXT OPTION...: status 125, at most two lines, with TEXT.
refuses() {
    text=$1
    shift
    status=0
    moka "$@" >"$dir/out" 2>&1 </dev/null || status=$?
    [ $status = 125 ] && [ "$(wc -l <"$dir/out")" -le 2 ] && grep -Fq -e "$text" "$dir/out"
}

# command_has TEXT OPTION...: the command of the machine contains TEXT.
command_has() {
    text=$1
    shift
    moka --quiet --dry-run "$@" "$dir/root" /bin/program one >"$dir/out" 2>&1 </dev/null
    grep -Fq -e "$text" "$dir/out"
}

check 'no image' refuses 'which image'
check 'no program' refuses 'which program' "$dir/root"
check 'an image that is not there' refuses "no image or folder '$dir/none'" "$dir/none" /bin/program
check 'a file that is no image' refuses 'is no EROFS image' "$dir/root/bin/program" /bin/program
check 'an unknown option' refuses "unknown option '--fast'" --fast "$dir/root" /bin/program
check 'an option without its value' refuses '-m needs a value' -m
check 'memory without number' refuses "not 'M'" -m M "$dir/root" /bin/program
check 'memory in an unknown unit' refuses "not '1T'" -m 1T "$dir/root" /bin/program
check 'no memory' refuses 'less memory than' -m 0 "$dir/root" /bin/program
check 'hardly any memory' refuses 'less memory than' -m 512K "$dir/root" /bin/program
check 'no processor' refuses "not '0'" -c 0 "$dir/root" /bin/program
check 'too many processors' refuses "not '65'" -c 65 "$dir/root" /bin/program
check 'an unknown accelerator' refuses "not 'xen'" --accel xen "$dir/root" /bin/program
check 'an unknown machine' refuses "not 'pc'" --machine pc "$dir/root" /bin/program
check 'a variable without name' refuses "not '=x'" -e =x "$dir/root" /bin/program
check 'a variable that is not here' refuses 'no such variable' -e MOKA_NONE "$dir/root" /bin/program
check 'a folder that is not absolute' refuses "not 'srv'" --cwd srv "$dir/root" /bin/program
check 'a volume without a place' refuses 'HOST:GUEST' -v "$dir/root" "$dir/root" /bin/program
check 'a volume that is not there' refuses 'there is no folder' -v "$dir/none:/x" "$dir/root" /bin/program
check 'a volume in an unknown mode' refuses 'neither ro nor rw' -v "$dir:/x:wo" "$dir/root" /bin/program
long=$(awk 'BEGIN { for (i = 0; i < 12000; i++) printf "1234567890" }')
too_much() {
    refuses 'larger than 1 MiB' --quiet "$dir/root" /bin/program "$long" "$long" "$long" "$long" "$long" \
        "$long" "$long" "$long" "$long"
}
check 'too much to hand over' too_much

help_works() {
    "$dir/moka" exec --help | grep -q '^Examples:'
}
unknown_verb() {
    status=0
    "$dir/moka" jump 2>"$dir/out" || status=$?
    [ $status = 125 ] && grep -q "unknown command 'jump'" "$dir/out"
}
check 'help' help_works
check 'an unknown command' unknown_verb

check 'memory' command_has '-m 2G' -m 2G
check 'memory, in the other form' command_has '-m 3G' --memory=3G
check 'processors' command_has '-smp 3' -c 3
check 'what to run' command_has 'name=opt/moka/exec,file=/dev/fd/'
check 'devices of microvm' command_has '-device virtio-blk-device,drive=root'
check 'devices of q35' command_has '-device virtio-blk-pci,disable-legacy=on,drive=root' --machine q35
check 'a port' command_has 'virtserialport,chardev=stdin,name=stdin'
check 'a volume, commas in its name' command_has "share,,1" -v "$dir/share,1:/data"
check 'its tag' command_has 'mount_tag=ma' -v "$dir/root:/data"
check 'read-only' command_has 'readonly=on,path=' -v "$dir/root:/data:ro"
check 'a balloon' command_has 'virtio-balloon-device,free-page-reporting=on,deflate-on-oom=on'
no_balloon() {
    ! command_has balloon --balloon off
}
check 'no balloon' no_balloon
check 'half a balloon' refuses "not 'half'" --balloon half "$dir/root" /bin/program
check "QEMU's own commands" command_has "-qmp unix:$dir/q,,1,server=on,wait=off" --qmp "$dir/q,1"
check 'a socket without a name' refuses 'no path that a socket can have' --qmp "" "$dir/root" /bin/program
check 'a debugger' command_has 'tcp:127.0.0.1:4321' --gdb 4321


# --- the network ---

refuses_network() {
    text=$1
    shift
    refuses "$text" "$@" "$dir/root" /bin/program
}
check 'a card without set-up' command_has '-netdev user,id=net -device virtio-net-device,netdev=net'
check 'a card of q35' command_has '-device virtio-net-pci,disable-legacy=on,netdev=net,romfile=' --machine q35
no_card() {
    command_has 'virtio-blk' --network none && ! grep -q 'netdev' "$dir/out"
}
check 'no card' no_card
check 'a port' command_has 'user,id=net,hostfwd=tcp::18080-:80' -p 18080:80
check 'ports' command_has 'hostfwd=tcp:127.0.0.1:18080-:80,hostfwd=udp::18081-:53' -p 127.0.0.1:18080:80 \
    --publish=18081:53/udp
check 'a port of each kind' command_has 'hostfwd=tcp::18081-:53,hostfwd=udp::18081-:53' -p 18081:53/tcp -p 18081:53/udp
check 'an address' command_has 'net=10.1.2.0/24,host=10.1.2.1,dns=10.1.2.3,dhcpstart=10.1.2.9' \
    --ip 10.1.2.9/24,10.1.2.1
check 'the address reaches the kernel' command_has 'net.dns=10.1.2.3 net.ip=10.1.2.9/24,10.1.2.1' \
    --ip 10.1.2.9/24,10.1.2.1
check 'an address that others have by default' command_has 'host=10.1.2.1,dns=10.1.2.3,dhcpstart=10.1.2.2' \
    --ip 10.1.2.2/24
check 'the name server gives way' command_has 'host=10.1.2.2,dns=10.1.2.4,dhcpstart=10.1.2.3' --ip 10.1.2.3/24
check 'a name' command_has 'net.name=web-1.example' --hostname web-1.example
check 'what the kernel is told' command_has "-append 'exec quiet net.dns=10.0.2.3'"
check 'nothing of no network' command_has "-append 'exec quiet'" --network none
check 'a port, no number' refuses_network 'number from 1 to 65535' -p 80:x
check 'a port, too large' refuses_network 'number from 1 to 65535' -p 65536:80
check 'port 0' refuses_network 'number from 1 to 65535' -p 0:80
check 'one port' refuses_network "not '80'" -p 80
check 'a port of an unknown kind' refuses_network "neither tcp nor udp" -p 80:80/sctp
check 'a port of no address' refuses_network "'here' is no IPv4 address" -p here:8080:80
check 'a port of an address of IPv6' refuses_network "no IPv4 address" -p '[::1]:8080:80'
check 'a port twice' refuses_network 'given twice' -p 18080:80 -p 127.0.0.1:18080:81
check 'an unknown network' refuses_network "not 'host'" --network host
check 'a tap without a name' refuses_network "not 'tap'" --network tap
check 'a tap that is not there' refuses_network "no interface 'moka9'" --network tap:moka9
check 'a tap that is none' refuses_network "'lo' is no tap" --network tap:lo
check 'a bridge that is none' refuses_network "'lo' is no bridge" --network bridge:lo
check 'an interface that is a path' refuses_network 'no name of an interface' --network tap:../lo
check 'ports of a machine without a network' refuses_network '--network user' -p 80:80 --network none
check 'an address without a network' refuses_network 'no use' --ip 10.1.2.9/24 --network none
check 'an address without prefix' refuses_network 'ADDRESS/PREFIX' --ip 10.1.2.9
check 'an address that is none' refuses_network 'no IP address' --ip 10.1.2/24
check 'a prefix that is none' refuses_network "prefix" --ip 10.1.2.9/33
check 'a gateway that is none' refuses_network 'gateway' --ip 10.1.2.9/24,x
check 'a gateway elsewhere' refuses_network 'find room' --ip 10.1.2.9/24,10.1.3.1
check 'a network of one' refuses_network 'find room' --ip 10.1.2.1/30
check 'an address of IPv6' refuses_network 'IPv6' --ip fd00::2/64
check 'two addresses' refuses_network 'twice' --ip 10.1.2.9/24 --ip 10.1.2.10/24
check 'a name that is none' refuses_network 'no name of a host' --hostname 'a b'

# A server that says which port it got.
cat >"$dir/taken.c" <<'END'
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);
    int tcp = strcmp(argv[1], "tcp") == 0;
    int fd = socket(AF_INET, tcp ? SOCK_STREAM : SOCK_DGRAM, 0);

    if (bind(fd, (void *)&address, size) != 0 || (tcp && listen(fd, 1) != 0) ||
        getsockname(fd, (void *)&address, &size) != 0) {
        return 1;
    }
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    pause();
}
END
gcc -o "$dir/taken" "$dir/taken.c"
taken() {
    mkfifo "$dir/port"
    "$dir/taken" "$1" >"$dir/port" &
    taker=$!
    read -r port <"$dir/port"
    rm "$dir/port"
    result=0
    refuses_network "port $port of the host is taken already" -p "$port:80/$1" || result=$?
    kill $taker
    wait $taker 2>/dev/null || true
    return $result
}
check 'a port that is taken' taken tcp
check 'a port of UDP that is taken' taken udp

images() {
    find "$dir/cache" -name '*.erofs' | sort
}
run_once() {
    moka --dry-run "$dir/root" /bin/program >/dev/null 2>"$dir/out" </dev/null
}
image_is_kept() {
    run_once
    before=$(images)
    run_once
    [ "$(images)" = "$before" ] && ! [ -s "$dir/out" ] && [ "$(echo "$before" | wc -l)" = 1 ]
}
image_is_made_anew() {
    before=$(images)
    # Young ones are another moka's, perhaps.
    touch -d '2 minutes ago' "$dir"/cache/*.erofs
    "$@"
    run_once
    [ "$(images)" != "$before" ] && [ "$(images | wc -l)" = 1 ]
}
check 'an image is kept' image_is_kept
check 'a new file' image_is_made_anew touch "$dir/root/new"
check 'another mode' image_is_made_anew chmod 700 "$dir/root/bin/program"
check 'other contents, the old date' image_is_made_anew \
    sh -c "echo PROGRAM >'$dir/root/bin/program'; touch -d @1 '$dir/root/bin/program'"
check 'a file gone' image_is_made_anew rm "$dir/root/new"
old_images_go() {
    touch -d '40 days ago' "$dir/cache/0-0.erofs"
    touch "$dir/cache/1-1.erofs" "$dir/root/newer"
    run_once
    ! [ -e "$dir/cache/0-0.erofs" ] && [ -e "$dir/cache/1-1.erofs" ]
}
check 'images go when they are long unused' old_images_go
others_images_stay() {
    mine=$(images | grep -v '/1-1' | head -n 1)
    touch "${mine%-*}-2.erofs" "$mine.123" "$dir/root/newest"
    run_once
    [ -e "${mine%-*}-2.erofs" ] && [ -e "$mine.123" ] && rm "$mine.123"
}
check "images that another moka makes now stay" others_images_stay
image_itself() {
    tools/mkimage.sh "$dir/root" "$dir/image"
    moka --dry-run "$dir/image" /bin/program >"$dir/out" 2>&1 </dev/null
}
check 'an image that was made before' image_itself
no_folder() {
    ! tools/mkimage.sh "$dir/none" "$dir/image" 2>/dev/null && ! tools/mkimage.sh "$dir/root" 2>/dev/null
}
check 'no folder to make an image of' no_folder

# A machine that keeps what it is to run, waits for a moment, and ends.
mkdir -p "$dir/fake/tools"
ln -s "$PWD/tools/mkimage.sh" "$dir/fake/tools/mkimage.sh"
cat >"$dir/fake/tools/qemu.sh" <<EOF
#!/bin/sh
for word; do
    case \$word in
    name=opt/moka/exec,file=*) tr '\\0' '\\n' <"\${word#*file=}" >"$dir/spec" ;;
    esac
done
touch "$dir/started"
sleep 1
head -c 100000 /dev/zero
touch "$dir/ended"
EOF
chmod +x "$dir/fake/tools/qemu.sh"
fake() {
    rm -f "$dir/started" "$dir/ended" "$dir/spec"
    status=0
    MOKA_ROOT="$dir/fake" timeout -s KILL 20 "$@" "$dir/moka" exec --cache "$dir/cache" --quiet --accel tcg \
        -v "$dir/root:/data/sub" -v "$dir/share,1:/data" "$dir/root" /bin/program \
        >"$dir/out" 2>&1 </dev/null || status=$?
}
mounts_in_order() {
    fake env
    [ "$(grep '^mount=' "$dir/spec" | tr '\n' ' ')" = 'mount=mb:rw:/data mount=ma:rw:/data/sub ' ]
}
check 'a folder is mounted before one in it' mounts_in_order
child_signal_ignored() {
    fake env --ignore-signal=CHLD
    [ $status = 125 ]
}
check 'started with SIGCHLD ignored' child_signal_ignored
# A blocked signal would arrive although it is ignored.
# shellcheck disable=SC2016 # for the inner shell
hang_up_ignored() {
    fake env --ignore-signal=HUP sh -c '"$@" & pid=$!
        while ! [ -e "$0" ]; do sleep 0.1; done
        grep SigBlk /proc/$pid/status
        wait $pid' "$dir/started"
    grep -q 'SigBlk:.*[02468ace]$' "$dir/out"
}
check 'a hang-up that nohup has turned off stays off' hang_up_ignored
# What the machine said last waits for a reader that does not read.  That the tool
# has seen the machine's end shows in its taking signals as others do: SIGTERM, 0x4000,
# is no longer blocked.
# shellcheck disable=SC2016,SC2217 # for the inner shell; no reader is what it is for
ends_while_it_writes() {
    mkfifo "$dir/unread"
    sleep 30 <"$dir/unread" &
    reader=$!
    fake sh -c 'tool=$1; shift 2; "$tool" exec --verbose "$@" 2>"$0" & pid=$!
        while ! [ -e "${0%/*}/ended" ]; do sleep 0.1; done
        while blocked=$(sed -n "s/^SigBlk:[[:space:]]*/0x/p" /proc/$pid/status) &&
            [ $((blocked & 0x4000)) != 0 ]; do sleep 0.1; done
        kill $pid
        wait $pid' "$dir/unread"
    kill $reader
    [ $status = 143 ]
}
check 'a signal while nobody reads what is left' ends_while_it_writes
# A machine that fails leaves its log, of which the last twenty are kept.
logs_are_few() {
    mkdir -p "$dir/cache/reports/99999999-1"
    touch -d '20 days ago' "$dir/cache/reports/99999999-1" "$dir/cache/reports/log-1"
    for number in 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23; do
        touch -d "$number minutes ago" "$dir/cache/reports/log-$number"
    done
    cat >"$dir/fake/tools/qemu.sh" <<'END'
#!/bin/sh
for word; do
    case $word in
    file,id=serial,path=*) echo 'Moka was here' >"${word#*path=}" ;;
    esac
done
END
    fake env
    [ $status = 125 ] && grep -q "log is in '$dir/cache/reports/log-" "$dir/out" &&
        [ "$(find "$dir/cache/reports" -name 'log-*' | wc -l)" = 20 ] &&
        ! [ -e "$dir/cache/reports/log-1" ] && [ -e "$dir/cache/reports/log-2" ] &&
        ! [ -e "$dir/cache/reports/99999999-1" ]
}
check 'logs and reports of machines that failed go' logs_are_few
rm "$dir/build/release/moka.elf"
check 'no kernel' refuses 'cannot read the kernel' "$dir/root" /bin/program
finish
