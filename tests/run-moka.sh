#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run-moka.sh BUILD-DIR [ACCEL [MACHINE]]
#
# The tool `moka` with its machine: streams, terminals, signals, what is left
# behind, folders of the host, and what it says when something is missing.
# TAP.  test-moka.sh has what needs no machine.
set -eu
cd "$(dirname "$0")/.."
. tests/tap.sh

build=$(cd "$1" && pwd)
accel=${2:-kvm}
machine=${3:-microvm}
export MOKA_ROOT="$PWD" MOKA_BUILD="$build" TERM=dumb

# A root of its own, so that only the first run has an image to make.
root=$dir/root
mkdir -p "$root/bin"
for name in bytes stream share status args hello; do
    cp "$build/programs/glibc/$name" "$root/bin/"
done
# The command up to the root: words, for a shell or for timeout(1).
set -- "$build/tool/moka" exec -q --cache "$dir/cache" --accel "$accel" --machine "$machine"
tool=$*
moka() {
    # shellcheck disable=SC2086 # words
    timeout -k 5 100 $tool "$@"
}
run() {
    program=$1
    shift
    moka "$root" "/bin/$program" "$@"
}

show() {
    head -c 600 "$dir/out" "$dir/err" | sed 's/^/# /'
    return 1
}
# says TEXT COMMAND...: that on stdout, which goes on behind it if TEXT ends with a *.
says() {
    wanted=$1
    shift
    "$@" >"$dir/out" 2>"$dir/err" </dev/null || true
    # shellcheck disable=SC2254 # a pattern
    case $(cat "$dir/out") in
    $wanted) ;;
    *) show ;;
    esac
}
status_is() {
    wanted=$1 status=0
    shift
    "$@" >"$dir/out" 2>"$dir/err" </dev/null || status=$?
    [ "$status" = "$wanted" ] || { echo "# status $status" && show; }
}
# refuses TEXT COMMAND...: status 125, and at most two lines on stderr, with TEXT.
refuses() {
    text=$1
    shift
    status_is 125 "$@" &&
        { { [ "$(wc -l <"$dir/err")" -le 2 ] && grep -Fq -e "$text" "$dir/err"; } || show; }
}
# wait_for TEXT FILE: until it has that, a minute at most.
wait_for() {
    tries=0
    until grep -q "$1" "$2" 2>/dev/null; do
        tries=$((tries + 1))
        [ $tries -lt 1200 ] || return 1
        sleep 0.05
    done
}

# --- start, options ---

check 'the first run makes an image' says 'hello, world' run hello
images() {
    ls -i "$dir/cache"
}
images >"$dir/images"
second_run() {
    moka --verbose "$root" /bin/hello >/dev/null 2>"$dir/err" </dev/null || true
    images | cmp -s - "$dir/images" && ! grep -q 'making an image' "$dir/err"
}
check 'the second does not' second_run
tools/mkimage.sh "$root" "$dir/root.erofs"
check 'an image instead of a folder' says 'hello, world' moka "$dir/root.erofs" /bin/hello
check 'memory and processors' says '3 [567]??' moka -c 3 -m 768M "$root" /bin/stream machine
in_folder() {
    moka -e A=1 -e 'B=x y' -w /bin "$root" /bin/args one | tr '\n' ' '
}
check 'variables, folder, arguments' says '2 arguments one * A=1 B=x\\040y * in /bin *' in_folder

# --- streams ---

output() {
    run bytes write 32 2>/dev/null </dev/null | cksum >"$dir/out"
    "$root/bin/bytes" write 32 2>/dev/null | cksum | cmp - "$dir/out"
}
check 'output, 32 MiB' output
head -c 20000000 /dev/urandom >"$dir/random"
input_pipe() {
    # shellcheck disable=SC2002 # a pipe is what is wanted
    cat "$dir/random" | run bytes copy 2>/dev/null | cmp - "$dir/random"
}
input_file() {
    run bytes copy <"$dir/random" >"$dir/out" 2>/dev/null
    cmp "$dir/out" "$dir/random"
}
check 'input, a pipe of 20 MB' input_pipe
check 'input, a file of 20 MB' input_file
# Each line is there before the next is asked for, also where a pipe takes it.
line_by_line() {
    mkfifo "$dir/ask"
    : >"$dir/lines"
    { run bytes copy <"$dir/ask" 2>/dev/null | cat >"$dir/lines"; } &
    exec 9>"$dir/ask"
    found=0
    for line in first second third; do
        echo "$line" >&9
        wait_for "$line" "$dir/lines" || found=1
    done
    exec 9>&-
    wait
    return $found
}
check 'line by line' line_by_line
# nobody_reads STATUS COMMAND...
nobody_reads() {
    wanted=$1
    shift
    {
        status=0
        "$@" </dev/null 2>"$dir/err" || status=$?
        echo $status >"$dir/status"
    } | head -c 100 >/dev/null
    [ "$(cat "$dir/status")" = "$wanted" ]
}
check 'nobody reads: SIGPIPE' nobody_reads 141 run bytes write 1000
check 'nobody reads: EPIPE' nobody_reads 3 run stream broken
check 'nobody reads: what it is told' grep -q 'Broken pipe' "$dir/err"
beside() {
    mkfifo "$dir/fifo"
    exec 9<>"$dir/fifo"
    : >"$dir/err"
    run stream blocked </dev/null 2>"$dir/err" >"$dir/fifo" &
    blocked=$!
    wait_for beside "$dir/err"
    found=$?
    cat <"$dir/fifo" >/dev/null 9>&- &
    exec 9>&-
    wait $blocked || true
    wait
    return $found
}
check 'stderr goes on while stdout is full' beside
full_disk() {
    status_is 125 sh -c 'exec "$@" >/dev/full' sh timeout -k 5 100 "$@" && grep -q 'No space' "$dir/err"
}
check 'output that cannot be written' full_disk "$@" "$root" /bin/stream machine

# --- input that is not read stays for others ---

loop() {
    while read -r line; do
        run hello >/dev/null || true
        printf '%s ' "$line"
    done
}
printf 'a\nb\nc\n' >"$dir/abc"
from_file() {
    loop <"$dir/abc"
}
from_pipe() {
    # shellcheck disable=SC2002 # a pipe is what is wanted
    cat "$dir/abc" | loop
}
check 'a loop keeps its input, a file' says 'a b c ' from_file
check 'a loop keeps its input, a pipe' says 'a b c ' from_pipe
rest_of_file() {
    {
        run stream read 2
        echo "rest:"
        cat
    } <"$dir/abc" | tr '\n' ' '
}
rest_of_pipe() {
    printf abcdef | {
        run stream read 2
        printf :
        cat
    }
}
check 'the rest of a file' says 'a rest: b c ' rest_of_file
check 'the rest of a pipe' says 'ab:cdef' rest_of_pipe
waiting() {
    { sleep 0.5 && echo now; } | run stream waiting
}
check 'poll(2) and FIONREAD of stdin' says '1 1 1' waiting

# --- terminals, made by script(1) ---

# on_terminal COMMAND: by a shell on a terminal of 33 lines
on_terminal() {
    script -qec "stty rows 33 cols 77; $1" /dev/null | tr -d '\r'
}
check 'three terminals' says '0:1 33x77 1:1 33x77 2:1 33x77 end' \
    on_terminal "$tool $root /bin/stream terminals"
check 'stdin is none' says '0:0 1:1 33x77 2:1 33x77 end' \
    on_terminal "$tool $root /bin/stream terminals </dev/null"
check 'stdout is none' says '0:1 33x77 1:0 2:1 33x77 end' \
    on_terminal "$tool $root /bin/stream terminals | cat"
check 'stderr is none' says '0:1 33x77 1:1 33x77 2:0 end' \
    on_terminal "$tool $root /bin/stream terminals 2>$dir/terminals; cat $dir/terminals"
# The key comes without a newline and is not shown, and the terminal is as before afterwards.
key() {
    mkfifo "$dir/keys"
    : >"$dir/screen"
    script -qec "$tool $root /bin/stream key; stty" /dev/null <"$dir/keys" >"$dir/screen" &
    screen=$!
    exec 9>"$dir/keys"
    wait_for press "$dir/screen" && printf k >&9
    wait_for pressed "$dir/screen" || true
    exec 9>&-
    wait $screen || true
    tr -d '\r' <"$dir/screen" | tr '\n' ' '
}
check 'a single key' says 'press pressed k *' key
as_it_was() {
    ! grep -Eq -e "-icanon|-echo( |\$)" "$dir/screen"
}
check 'the terminal is as it was' as_it_was

# Ctrl-C on the terminal: SIGINT for the program, as its line discipline makes it.
control_c() {
    mkfifo "$dir/control"
    : >"$dir/screen"
    script -qec "$tool $root /bin/stream sleep; echo status \$?" /dev/null <"$dir/control" >"$dir/screen" &
    screen=$!
    exec 9>"$dir/control"
    wait_for asleep "$dir/screen" && printf '\003' >&9
    wait_for status "$dir/screen" || true
    exec 9>&-
    wait $screen || true
    grep -q 'status 130' "$dir/screen" || cat "$dir/screen"
    grep -q 'status 130' "$dir/screen"
}
check 'Ctrl-C' control_c

# --- signals, ends ---

# started PROGRAM ARGUMENT...: runs in the background, $child, and has said so
started() {
    : >"$dir/started"
    # shellcheck disable=SC2086 # words
    $tool "$root" "$@" </dev/null >"$dir/started" 2>"$dir/err" &
    child=$!
    wait_for asleep "$dir/started"
}
# ends STATUS: and the machine has gone
ends() {
    status=0
    wait "$child" || status=$?
    if [ "$status" != "$1" ] || ! machine_has_gone; then
        echo "# status $status"
        return 1
    fi
}
# Only ours has this folder in its command line.
machine_has_gone() {
    tries=0
    while [ -e "/proc/$qemu" ] && [ $tries -lt 600 ]; do
        sleep 0.05
        tries=$((tries + 1))
    done
    ! [ -e "/proc/$qemu" ]
}
# The machine is the tool's only child.
find_machine() {
    qemu=$(cat "/proc/$child/task/$child/children")
    qemu=${qemu%% *}
    [ -n "$qemu" ]
}
# by_signal STATUS SIGNAL HOW
by_signal() {
    started /bin/stream "$3" && find_machine || return 1
    kill -"$2" "$child"
    ends "$1"
}
# by_signals STATUS SIGNAL HOW: more than one; two that come while the tool does not run are one.
by_signals() {
    started /bin/stream "$3" && find_machine || return 1
    tries=0
    while kill -"$2" "$child" 2>/dev/null && [ $tries -lt 300 ]; do
        sleep 0.2
        tries=$((tries + 1))
    done
    ends "$1"
}
check 'SIGINT ends the program' by_signal 130 INT sleep
check 'SIGTERM' by_signal 143 TERM sleep
check 'a second SIGINT ends the machine' by_signals 130 INT stubborn
check 'a second SIGTERM' by_signals 143 TERM stubborn
check 'SIGKILL of the tool: nothing is left' by_signal 137 KILL sleep
machine_dies() {
    started /bin/stream sleep && find_machine || return 1
    kill -KILL "$qemu"
    ends 125
}
check 'the machine is killed' machine_dies
check 'and that is said' grep -q 'the machine' "$dir/err"
check 'a status' status_is 9 run status exit 9
check 'death by a signal' status_is 139 run status raise 11

# GDB sees the program's thread in its system call, of a machine that goes on afterwards.
core_file() {
    started /bin/stream sleep && find_machine || return 1
    "$build/tool/mkcore" "$qemu" "$build/release/moka.elf" "$dir/core" >"$dir/out" 2>&1 &&
        gdb -nx -batch -x tools/gdb/moka.py -ex "core-file $dir/core" -ex moka-threads \
            "$build/release/moka.elf" >"$dir/out" 2>"$dir/err"
    kill -INT "$child"
    if ! ends 130 || ! grep -q "'stream' sleeping" "$dir/out" ||
        ! grep -q 'sys_pause.* at ' "$dir/out"; then
        show
    fi
}
if command -v gdb >/dev/null; then
    check 'a core file for GDB' core_file
fi

# --- folders of the host ---

mkdir "$dir/share"
share() {
    moka -v "$dir/share:/share" "$root" /bin/share "$@"
}
all_pass() {
    "$@" >"$dir/out" 2>&1 </dev/null && grep -q '^1\.\.' "$dir/out" && ! grep '^not ok' "$dir/out"
}
check 'locks, mappings, threads on Linux' all_pass "$root/bin/share" test "$dir/share"
check 'locks, mappings, threads' all_pass share test /share
(cd "$dir/share" && "$root/bin/share" leave . exit >/dev/null && cksum left left-mapped) >"$dir/sums"
# left STATUS HOW: what was written is on the host, however the program ends
left() {
    rm -f "$dir/share/left"*
    status_is "$1" share leave /share "$2" && (cd "$dir/share" && cksum left left-mapped) | cmp - "$dir/sums"
}
check 'what was written: exit' left 0 exit
check 'what was written: _exit' left 0 _exit
check 'what was written: SIGKILL' left 137 kill
check 'what was written: abort' left 134 abort
terminated() {
    rm -f "$dir/share/left"*
    : >"$dir/out" # what wait_for sees is not of the one before
    # shellcheck disable=SC2086 # words
    $tool -v "$dir/share:/share" "$root" /bin/share leave /share wait </dev/null >"$dir/out" 2>"$dir/err" &
    child=$!
    wait_for left "$dir/out" || show
    kill -TERM $child
    wait $child || true
    (cd "$dir/share" && cksum left left-mapped) | cmp - "$dir/sums"
}
check 'what was written: SIGTERM' terminated
check 'read-only' says '*Read-only*' sh -c "$tool -v $dir/share:/share:ro $root /bin/share full /share 2>&1"
vanished() {
    mkdir "$dir/gone"
    mkfifo "$dir/go"
    : >"$dir/out"
    # shellcheck disable=SC2086 # words
    timeout -k 5 100 $tool -v "$dir/gone:/gone" "$root" /bin/share gone /gone <"$dir/go" >"$dir/out" \
        2>"$dir/err" &
    child=$!
    exec 9>"$dir/go"
    wait_for ready "$dir/out" && rm -r "$dir/gone"
    echo >&9
    exec 9>&-
    wait $child || return 1
    if ! grep -q 'stat: -1 No such file' "$dir/out" ||
        ! grep -q 'create: -1 No such file' "$dir/out"; then
        show
    fi
}
check 'a folder that vanishes' vanished

# --- what is missing ---

check 'too little memory' refuses 'too little' moka -m 8M "$root" /bin/bytes write 1
check 'too much memory' refuses 'Cannot allocate memory' moka -m 9999G "$root" /bin/hello
check 'no such program' status_is 127 run nothing
check 'no program' status_is 126 moka "$root" /bin
# without COMMAND...: a folder of programs that has all but that
without() {
    missing=$1
    rm -rf "$dir/path"
    mkdir "$dir/path"
    for folder in /usr/sbin /usr/bin /sbin /bin; do
        ln -sf "$folder"/* "$dir/path/"
    done
    rm -f "$dir/path/$missing"
}
without qemu-system-x86_64
check 'no QEMU' refuses 'qemu-system-x86_64 is not installed' \
    env PATH="$dir/path" "$@" "$root" /bin/hello
without mkfs.erofs
touch "$root/new"
check 'no mkfs.erofs' refuses 'mkfs.erofs is not installed' env PATH="$dir/path" "$@" "$root" /bin/hello
full_cache() {
    mkdir "$dir/full"
    head -c 1000000 "$dir/random" >"$root/large"
    mount -t tmpfs -o size=200k none "$dir/full" || return 1
    # shellcheck disable=SC2086 # words
    refuses 'no space left' $tool --cache "$dir/full" "$root" /bin/hello
    result=$?
    umount "$dir/full"
    return $result
}
full_share() {
    mount -t tmpfs -o size=8M none "$dir/full" || return 1
    says '*No space left*afterwards: 1 0*' moka -v "$dir/full:/full" "$root" /bin/share full /full
    result=$?
    umount "$dir/full"
    return $result
}
if [ "$(id -u)" = 0 ] && mkdir "$dir/try" && mount -t tmpfs none "$dir/try" 2>/dev/null; then
    umount "$dir/try"
    check 'no room for the image' full_cache
    check 'a full file system of the host' full_share
else
    echo '# no right to mount: a full disk is not tested'
fi
finish
