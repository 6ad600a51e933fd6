#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run-build.sh BUILD-DIR [ACCEL]
#
# Disks of `moka build` with their machines: by `moka run`, and by QEMU alone
# with its BIOS; and what `moka run` says of a JVM that ends badly.  TAP.
# test-moka-java.sh has what needs no machine.
set -eu
cd "$(dirname "$0")/.."
. tests/tap.sh
. tests/jar.sh

build=$(cd "$1" && pwd)
accel=${2:-kvm}
export MOKA_ROOT="$PWD" MOKA_BUILD="$build" TERM=dumb XDG_CACHE_HOME="$dir/cache"
unset JAVA_TOOL_OPTIONS JDK_JAVA_OPTIONS _JAVA_OPTIONS MOKA_OPTIONS
cp -r "$build/java/classes" "$dir/classes"
make_jar "$dir/hello.jar" 8 'Main-Class: Hello' 'Class-Path: classes/'
make_jar "$dir/ends.jar" 8 'Main-Class: Ends' 'Class-Path: classes/'
case $accel in
tcg) set -- -accel tcg -cpu max ;;
*) if [ -d /sys/module/kvm_pvm ]; then set -- -accel kvm -cpu host,-arch-capabilities; else set -- -accel kvm -cpu host; fi ;;
esac
machine=$*
# Its own folder is not the host's for the guest's own: a disk shares nothing.
cd "$dir"

moka() {
    timeout -k 5 200 "$build/tool/moka" "$@"
}
run() {
    moka run --accel "$accel" "$@"
}
show() {
    head -c 2000 "$dir/out" "$dir/err" | sed 's/^/# /'
    return 1
}
# gives STATUS TEXT COMMAND...: on stdout, exactly.
gives() {
    wanted=$1 text=$2 status=0
    shift 2
    "$@" >"$dir/out" 2>"$dir/err" </dev/null || status=$?
    { [ "$status" = "$wanted" ] && [ "$(cat "$dir/out")" = "$text" ]; } ||
        { echo "# status $status" && show; }
}
# ends STATUS TEXT COMMAND...: with that status, and a line of our own with TEXT.
ends() {
    wanted=$1 text=$2 status=0
    shift 2
    "$@" >"$dir/out" 2>"$dir/err" </dev/null || status=$?
    { [ "$status" = "$wanted" ] && grep -q "^moka: .*$text" "$dir/err"; } ||
        { echo "# status $status" && show; }
}
# alone TYPE DISK TEXT: QEMU by itself, its BIOS, no tool; ends by power-off.
alone() {
    status=0
    # shellcheck disable=SC2086 # words
    timeout -k 5 200 qemu-system-x86_64 -machine "$1" $machine -m 512M -smp 2 -nographic \
        -drive "file=$2,format=${2##*.},if=virtio" </dev/null >"$dir/out" 2>"$dir/err" || status=$?
    tr -d '\r' <"$dir/out" >"$dir/lines"
    { [ $status = 0 ] && grep -qx "$3" "$dir/lines"; } || show
}

check 'a disk' gives 0 '' moka build -q -m 256M -c 1 hello.jar 'one  two' -o hello.raw
check 'moka run' gives 0 'Helloone  two' run hello.raw
check 'more arguments' gives 0 'Helloone  two|three' run hello.raw three
check 'another machine, another collector' gives 0 'Helloone  two' run -m 1G -c 2 -XX:+UseZGC hello.raw
check 'on a PC with a BIOS' alone pc hello.raw 'Helloone  two'
check 'on q35' alone q35 hello.raw 'Helloone  two'
check 'its end is told' grep -qx 'exec: the program ended with status 0' "$dir/lines"
check 'one that fails' gives 0 '' moka build -q -e A=B ends.jar exit 3 -o ends.raw
check 'its status' gives 3 'main
hook' run ends.raw
check 'its status, with QEMU alone' alone pc ends.raw 'exec: the program ended with status 3'
if command -v qemu-img >/dev/null; then
    check 'a disk in the format qcow2' gives 0 '' moka build -q hello.jar qcow -o hello.qcow2
    check 'it is whole' qemu-img check -q hello.qcow2
    check 'moka run, qcow2' gives 0 'Helloqcow' run hello.qcow2
    check 'on a PC, qcow2' alone pc hello.qcow2 'Helloqcow'
fi
data() {
    mkdir data && run -v "$dir/data:/data" hello.raw >"$dir/out" 2>"$dir/err" </dev/null &&
        run -Xlog:gc:file=/data/gc.log -v "$dir/data:/data" hello.raw >/dev/null && [ -s data/gc.log ]
}
check 'a folder of the host' data
no_disk() {
    status=0
    # shellcheck disable=SC2086 # words
    timeout -k 5 200 qemu-system-x86_64 -machine pc $machine -m 512M -nographic \
        -drive file=hello.raw,format=raw,if=ide -no-reboot </dev/null >"$dir/out" 2>"$dir/err" || status=$?
    grep -q 'if=virtio' "$dir/out" || show
}
check 'a disk that is no virtio disk: it says so' no_disk
head -c 6000000 hello.raw >cut.raw
cut() {
    timeout -k 5 200 qemu-system-x86_64 -machine pc -accel tcg -m 512M -nographic \
        -drive file=cut.raw,format=raw,if=virtio </dev/null >"$dir/out" 2>"$dir/err" &
    child=$!
    tries=0
    until grep -q 'moka: the ' "$dir/out" || [ $tries -gt 1900 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    kill $child 2>/dev/null || true
    wait $child || true
    grep -q 'moka: the ' "$dir/out" || show
}
check 'a disk that was cut short: it says so' cut

# --- a JVM that ends badly ---

check 'memory runs out: 137' ends 137 'memory, 200M, has run out' \
    run -m 200M -Xms1g -Xmx1g -XX:+UseSerialGC -XX:+AlwaysPreTouch hello.jar
check 'the JVM crashes: 134, and where its reports are' ends 134 "are in '$dir'" run ends.jar crash
check 'they are there' [ -s hs_err_pid1.log ]
check "and the kernel's log" [ -n "$(find . -name 'moka_pid*.log')" ]
# / is the guest's own: so its reports get a folder.
reports() {
    (cd / && ends 134 "reports/" run "$dir/ends.jar" crash) &&
        [ -s "$(find "$dir/cache/moka/reports" -name 'hs_err*')" ]
}
check 'from a folder that is not shared' reports
rm -rf "$dir/cache/moka/reports"
java_reports() {
    (cd / && MOKA_OPTIONS="--accel $accel" ends 134 "reports/" moka java -jar "$dir/ends.jar" crash)
}
check 'the same by moka java, which says nothing else' java_reports
nothing_left() {
    rm -rf "$dir/cache/moka/reports"
    (cd / && run "$dir/hello.jar" >/dev/null) && [ -z "$(ls "$dir/cache/moka/reports")" ]
}
check 'no reports, no folder' nothing_left

# --- a link that is called java, another JDK ---

mkdir -p home/bin
ln -s "$MOKA_ROOT/moka" home/bin/java
no_output() {
    run -m 512M hello.jar >&- 2>"$dir/err" </dev/null && ! [ -s "$dir/err" ]
}
check 'without a standard output' no_output
check 'without a standard input' gives 0 'Hellox' sh -c '"$@" <&-' sh \
    "$build/tool/moka" run --accel "$accel" -m 512M hello.jar x
check 'JAVA_HOME/bin/java' gives 0 'Hellox y' env MOKA_OPTIONS="--accel $accel -m 512M" \
    timeout -k 5 200 home/bin/java -cp "$build/java/classes" Hello 'x y'
for other in /usr/lib/jvm/*; do
    if ! [ -x "$other/bin/java" ] || [ -L "$other" ]; then
        continue
    fi
    check "--jdk $other" gives 0 'Hellox' run -m 512M --jdk "$other" hello.jar x
done
finish
