#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The tool `moka` for Java, as far as it needs no machine: what it says of jars
# and options that are wrong, which folders it shares, its help, `moka doctor`,
# and how a disk is put together.  run-build.sh boots disks.
set -eu
cd "$(dirname "$0")/.."
. tests/tap.sh
. tests/jar.sh

gcc -std=gnu11 -D_GNU_SOURCE -g -fsanitize=address,undefined -pthread -o "$dir/moka" images/tool/*.c -lz
if ! command -v mkfs.erofs >/dev/null || ! command -v qemu-system-x86_64 >/dev/null; then
    echo 'ok 1 - the tool # SKIP no mkfs.erofs or no QEMU here: make deps-run'
    echo '1..1'
    exit 0
fi
mkdir -p "$dir/build/release" "$dir/build/rom" "$dir/build/libc/lib" "$dir/build/disk" \
    "$dir/build/jdk/usr/lib/jvm" "$dir/build/jdk/etc" "$dir/work" "$dir/jdk/bin"
printf '.globl _start\n_start: ret\n' >"$dir/kernel.S"
echo 'PHDRS { text PT_LOAD FLAGS(5); } SECTIONS { . = 0x200000; .text : { *(.text) } :text
    /DISCARD/ : { *(*) } }' >"$dir/kernel.ld"
gcc -c -o "$dir/kernel.o" "$dir/kernel.S"
ld -z max-page-size=4096 -T "$dir/kernel.ld" -o "$dir/build/release/moka.elf" "$dir/kernel.o"
echo libc >"$dir/build/libc/lib/libc.so"
echo root >"$dir/build/jdk/etc/hostname"
touch "$dir/build/rom/moka.rom"
tools/mkimage.sh "$dir/build/jdk" "$dir/build/jdk.erofs"
make -s BUILD="$dir/build" "$dir/build/disk/boot.bin" >/dev/null
printf '#!/bin/sh\necho java >&2\n' >"$dir/jdk/bin/java"
chmod +x "$dir/jdk/bin/java"
export MOKA_ROOT="$PWD" MOKA_BUILD="$dir/build" ASAN_OPTIONS=detect_leaks=0 XDG_CACHE_HOME="$dir/cache"
unset JAVA_TOOL_OPTIONS JDK_JAVA_OPTIONS _JAVA_OPTIONS MOKA_OPTIONS
# Short names, and a folder that may be shared.
cd "$dir/work"
make_jar good.jar 8 'Manifest-Version: 1.0' 'Main-Class: org.example.Main' ''

moka() {
    "$dir/moka" "$@"
}
# refuses TEXT ARGUMENT...: status 125, two lines at most, with TEXT.
refuses() {
    text=$1
    shift
    status=0
    moka "$@" >"$dir/out" 2>&1 </dev/null || status=$?
    if [ $status != 125 ] || [ "$(wc -l <"$dir/out")" -gt 2 ] || ! grep -Fq -e "$text" "$dir/out"; then
        echo "# status $status" && sed 's/^/# /' "$dir/out"
        return 1
    fi
}
# accepts ARGUMENT...: a machine would be started.
accepts() {
    moka run --accel tcg --dry-run "$@" >"$dir/out" 2>&1 </dev/null && grep -q '^qemu-system' "$dir/out"
}
# shares FOLDER ARGUMENT...: `moka java` would share that with the guest.
shares() {
    folder=$1
    shift
    MOKA_OPTIONS='--accel tcg --dry-run' moka java "$@" >"$dir/out" 2>&1 </dev/null
    grep -q "path=$folder\\( \\|'\\|\$\\)" "$dir/out" || { sed 's/^/# /' "$dir/out" && false; }
}

check 'no jar is named' refuses 'which jar' run
check 'a jar that is not there' refuses "cannot read the jar 'none.jar'" run none.jar
check 'a folder' refuses "is a folder" run "$dir/work"
echo text >text.jar
check 'a text' refuses "'text.jar' is no jar" run text.jar
: >empty.jar
check 'an empty file' refuses "'empty.jar' is no jar" run empty.jar
head -c 60 good.jar >cut.jar
check 'a jar that was cut short' refuses 'cut short' run cut.jar
make_jar library.jar 8 'Manifest-Version: 1.0' ''
check 'a jar without Main-Class' refuses 'no Main-Class' run library.jar
make_jar second.jar 8 'Manifest-Version: 1.0' '' 'Name: x' 'Main-Class: x'
check 'Main-Class in another section' refuses 'no Main-Class' run second.jar
check 'a jar' accepts good.jar
make_jar stored.jar 0 'Manifest-Version: 1.0' 'main-class: Main'
check 'not packed, in small letters' accepts stored.jar
{ echo '#!/bin/sh' && cat good.jar; } >script.jar
check 'a script in front of it' accepts script.jar
unreadable() {
    cp good.jar secret.jar
    chmod 0 secret.jar
    chmod 755 "$dir"
    status=0
    # shellcheck disable=SC2086 # words
    $as_nobody "$dir/moka" run secret.jar >"$dir/out" 2>&1 </dev/null || status=$?
    rm -f secret.jar
    [ $status = 125 ] && grep -q 'Permission denied' "$dir/out"
}
as_nobody=''
if [ "$(id -u)" = 0 ]; then
    as_nobody='setpriv --reuid 65534 --clear-groups'
fi
check 'a jar that may not be read' unreadable
check 'too little memory' refuses 'needs 32 MiB' run -m 20M good.jar
check 'a JDK that is none' refuses 'no JDK in' run --jdk "$dir/work" good.jar
check 'a mistyped option' refuses 'did you mean --memory?' run --memroy 1G good.jar
check 'an option of no sense' refuses "unknown option '--qwertyuiop'" run --qwertyuiop good.jar
check "an option of another command" refuses "unknown option '--format'" run --format raw good.jar
check 'a flag with a value' refuses 'has no value' run --quiet=yes good.jar
check "java's options that run has not" refuses 'moka java' run -cp good.jar Main
check 'a mistyped command' refuses 'did you mean moka run?' rnu good.jar
check 'a jar instead of a command' refuses 'run it: moka run good.jar' good.jar
check "a port without the machine's" refuses "not '80'" run -p 80 good.jar
check 'memory in small letters' accepts -m 512m good.jar
check '-jar, from habit' accepts -jar good.jar
check 'arguments as long as options' accepts good.jar --memroy -cp

# --- folders that a command needs ---

for name in classpath argfile variable vmoptions nested; do
    mkdir -p "$dir/$name"
done
echo x >"$dir/nested/deep.jar"
make_jar "$dir/classpath/needed.jar" 8 'Class-Path: ../nested/deep.jar'
make_jar app.jar 8 'Main-Class: Main' 'Class-Path: ../classpath/nee' ' ded.jar' ''
check 'Class-Path' shares "$dir/classpath" -jar app.jar
check 'Class-Path of what it names' shares "$dir/nested" -jar app.jar
make_jar url.jar 8 'Main-Class: Main' "Class-Path: file://$dir/class%70ath/needed.jar" ''
check 'Class-Path, a URL' shares "$dir/classpath" -jar url.jar
check 'Class-Path of a jar in -cp' shares "$dir/nested" -cp "good.jar:app.jar" Main
echo x >"$dir/argfile/x.jar"
printf '# options\n-cp "%s/argfile/x.jar" # more\n-Dx=1\n' "$dir" >options
check '@FILE' shares "$dir/argfile" @options Main
check 'JDK_JAVA_OPTIONS' env JDK_JAVA_OPTIONS="-cp '$dir/variable'" sh -c "
    MOKA_OPTIONS='--accel tcg --dry-run' '$dir/moka' java Main 2>&1 | grep -q 'path=$dir/variable'"
echo "-Dlog=$dir/vmoptions/log" >vm
check '-XX:VMOptionsFile' shares "$dir/vmoptions" -XX:VMOptionsFile=vm Main
echo '-Xmx77m -XX:+UseZGC' >choice
chosen_in_file() {
    accepts @choice good.jar && ! grep -q 'MaxRAMPercentage\|collector' "$dir/out"
}
check 'what a file chooses is not chosen by us' chosen_in_file
# A folder that may be entered and not be read: QEMU reads it to find what is in it.
unreadable_folder() {
    mkdir -p "$dir/open/secret"
    cp good.jar "$dir/open/x.jar"
    cp good.jar "$dir/open/secret/x.jar"
    chmod 755 "$dir" "$dir/open"
    chmod 711 "$dir/open/secret"
    [ -n "$as_nobody" ] || chmod 311 "$dir/open/secret"
    # shellcheck disable=SC2086 # words
    (cd "$dir/open/secret" && $as_nobody "$dir/moka" "$@") >"$dir/out" 2>&1 </dev/null
}
shares_the_one_above() {
    unreadable_folder run --accel tcg --dry-run ../x.jar && grep -q "path=$dir/open " "$dir/out"
}
check 'a current folder that may not be read' shares_the_one_above
jar_out_of_reach() {
    ! unreadable_folder run --accel tcg --dry-run x.jar && grep -q 'or it may not be read' "$dir/out"
}
check 'a jar in such a folder' jar_out_of_reach
no_such_volume() {
    ! unreadable_folder run --accel tcg --dry-run -v .:/data ../x.jar &&
        grep -q "'.' may not be read" "$dir/out"
}
check 'a volume that may not be read' no_such_volume
check 'an option in MOKA_OPTIONS' env MOKA_OPTIONS=--memroy sh -c "
    ! '$dir/moka' java -version >'$dir/out' 2>&1 && grep -q 'mean --memory.*help java' '$dir/out'"
explains() {
    accepts -m 1G -c 2 good.jar && grep -q 'heap may have .* of 1024 MiB' "$dir/out" &&
        grep -q 'collector Parallel' "$dir/out" && grep -q 'large pages' "$dir/out" &&
        accepts -m 128M -c 2 good.jar && ! grep -q 'large pages' "$dir/out" &&
        accepts -m 1G -XX:-UseTransparentHugePages good.jar && ! grep -q 'large pages' "$dir/out"
}
check '--dry-run says what was chosen and why' explains

# --- help ---

all_help() {
    moka >"$dir/out" && moka --help | cmp - "$dir/out" && grep -q 'moka run app.jar' "$dir/out" &&
        moka --version | grep -q '^moka [0-9]' &&
        for verb in run java build exec; do
            "$dir/moka" help $verb | grep -q Examples || return 1
        done &&
        moka build --help | grep -q 'qcow2' && moka doctor --help | grep -q status &&
        [ "$(moka run --help | awk 'length > 80' | wc -l)" = 0 ]
}
check 'help' all_help

# --- doctor ---

healthy() {
    moka doctor --jdk "$dir/jdk" >"$dir/out" && grep -q '^ok .*QEMU version' "$dir/out" &&
        grep -q "^ok .*--jdk '$dir/jdk': java" "$dir/out" && ! grep -q MISSING "$dir/out"
}
check 'doctor: all is there' healthy
# sick TEXT COMMAND...: says that it is missing, with a remedy, and status 1.
sick() {
    text=$1 status=0
    shift
    "$@" >"$dir/out" 2>&1 || status=$?
    [ $status = 1 ] && grep -A 1 "^MISSING $text" "$dir/out" | grep -q '^ *->'
}
mkdir "$dir/path"
ln -s /bin/sh "$dir/path/sh"
check 'doctor: no QEMU' sick 'QEMU' env PATH="$dir/path" "$dir/moka" doctor
check 'doctor: no mkfs.erofs' sick 'mkfs.erofs' env PATH="$dir/path" "$dir/moka" doctor
check 'doctor: no JDK' sick 'JDK' env MOKA_BUILD="$dir/none" "$dir/moka" doctor
check 'doctor: --jdk of nothing' sick '\-\-jdk' "$dir/moka" doctor --jdk "$dir/work"

# --- disks ---

check 'build: no name' refuses 'what is the disk to be called' build good.jar
check 'build: an unknown format' refuses "not 'vdi'" build --format vdi good.jar -o x.img
check 'build: the name is a folder' refuses 'is there, and no file' build good.jar -o "$dir/work"
check 'build: a name of another format' refuses "not as '.vmdk'" build good.jar -o x.vmdk
check 'build: no such folder' refuses "cannot write 'none/x.img': No such file" build good.jar -o none/x.img
check 'build: no Main-Class' refuses 'no Main-Class' build library.jar -o x.img
is_bootable() {
    moka build -q -m 300M -c 1 -Dx=1 -e A=B app.jar 'an argument' -o app.img &&
        [ "$(od -An -tx1 -j 510 -N 2 app.img | tr -d ' ')" = 55aa ] &&
        [ "$(od -An -tx1 -j 1024 -N 4 app.img | tr -d ' ')" = e2e1f5e0 ]
}
check 'build: a disk' is_bootable
# The kernel, of which the loader's list has sector, count and address.
has_kernel() {
    loader=$(od -An -tu4 -j 424 -N 4 app.img) # in the boot sector: DISK_LOADER_SECTOR_AT
    # shellcheck disable=SC2046 # words
    set -- $(od -An -tu4 -v -j $((loader * 512 + 8)) -N 44 app.img)
    [ "$1" = $((0x616b6f4d)) ] && [ "$6" = $((0x200000)) ] && [ "${11}" = $((0x200000)) ] &&
        [ "$(od -An -tx1 -j $(($2 * 512)) -N 4 app.img | tr -d ' ')" = 7f454c46 ] &&
        [ "$(od -An -tx1 -j $(($9 * 512)) -N 1 app.img | tr -d ' ')" = c3 ]
}
check 'build: its kernel' has_kernel
has_words() {
    moka run --accel tcg --dry-run app.img more >"$dir/out" 2>&1 </dev/null &&
        grep -q -e '-m 300M -smp 1 -kernel /dev/fd/' "$dir/out"
}
check 'build: the machine is remembered' has_words
nothing_left() {
    [ -z "$(find "$dir/work" "$dir/build" -name '*.part-*' -o -name '*stage-*')" ]
}
check 'build: nothing is left' nothing_left
# Ctrl-C while mkfs.erofs works.
interrupted() {
    mkdir "$dir/fake"
    cat >"$dir/fake/mkfs.erofs" <<END
#!/bin/sh
touch "$dir/started"
while ! [ -e "$dir/go" ]; do sleep 0.1; done
while [ \$# -gt 2 ]; do shift; done
touch "\$1"
END
    chmod +x "$dir/fake/mkfs.erofs"
    env --default-signal=INT PATH="$dir/fake:$PATH" "$dir/moka" build -q good.jar -o no.img 2>"$dir/err" &
    child=$!
    while ! [ -e "$dir/started" ]; do sleep 0.1; done
    kill -INT $child
    touch "$dir/go"
    status=0
    wait $child || status=$?
    [ $status = 130 ] && ! [ -s "$dir/err" ] && ! [ -e no.img ] && nothing_left
}
check 'build: Ctrl-C' interrupted
truncate -s -8192 app.img
check 'a disk that was cut short' refuses 'cut short' run app.img
no_room() {
    mkdir "$dir/full"
    head -c 300000 /dev/zero >"$dir/argfile/large"
    mount -t tmpfs -o size=200k none "$dir/full" || return 1
    refuses 'no space left' build -q -v "$dir/argfile:/data" good.jar -o "$dir/full/x.img"
    result=$?
    [ -z "$(ls "$dir/full")" ] || result=1
    umount "$dir/full"
    return $result
}
if [ "$(id -u)" = 0 ] && mkdir "$dir/try" && mount -t tmpfs none "$dir/try" 2>/dev/null; then
    umount "$dir/try"
    check 'build: no room for it' no_room
fi
finish
