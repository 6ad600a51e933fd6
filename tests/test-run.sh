#!/bin/sh
# SPDX-License-Identifier: MIT
#
# `moka run` and `moka java` as far as they need no machine: which folders are
# shared, what the JVM is told.  test-moka-java.sh has what they refuse.
set -eu
cd "$(dirname "$0")/.."
. tests/tap.sh
. tests/jar.sh

gcc -std=gnu11 -D_GNU_SOURCE -g -fsanitize=address,undefined -pthread -o "$dir/moka" images/tool/*.c -lz
if ! command -v mkfs.erofs >/dev/null || ! command -v qemu-system-x86_64 >/dev/null; then
    echo 'ok 1 - run # SKIP no mkfs.erofs or no QEMU here: make deps-run'
    echo '1..1'
    exit 0
fi
mkdir -p "$dir/build/release" "$dir/build/rom" "$dir/root" "$dir/work/lib" "$dir/other" "$dir/jdk/bin"
touch "$dir/build/release/moka.elf" "$dir/build/rom/moka.rom" "$dir/other/data"
touch "$dir/jdk/bin/java" && chmod 755 "$dir/jdk/bin/java"
ln -s "$dir/other/data" "$dir/work/link"
make_jar "$dir/work/app.jar" 8 "Manifest-Version: 1.0" "Main-Class: Main" ""
tools/mkimage.sh "$dir/root" "$dir/build/jdk.erofs"
export MOKA_ROOT="$PWD" MOKA_BUILD="$dir/build" ASAN_OPTIONS=detect_leaks=0
unset JAVA_TOOL_OPTIONS JDK_JAVA_OPTIONS _JAVA_OPTIONS MOKA_OPTIONS

# In the folder work.
run() {
    (cd "$dir/work" && "$dir/moka" run --accel tcg --dry-run "$@" 2>&1 </dev/null)
}
java() {
    (cd "$dir/work" && MOKA_OPTIONS="--accel tcg --dry-run ${options:-}" "$dir/moka" java "$@" 2>&1 </dev/null)
}
# has TEXT COMMAND...
has() {
    text=$1
    shift
    "$@" >"$dir/out" || true
    grep -Fq -e "$text" "$dir/out"
}
has_not() {
    ! has "$@"
}
# refuses TEXT COMMAND...: status 125, at most two lines, with TEXT.
refuses() {
    text=$1 status=0
    shift
    "$@" >"$dir/out" || status=$?
    [ $status = 125 ] && [ "$(wc -l <"$dir/out")" -le 2 ] && grep -Fq -e "$text" "$dir/out"
}

check 'help' has 'moka run app.jar' run --help
options=word
check 'words that are no options' refuses 'MOKA_OPTIONS has words' java -version
options=''

check 'memory and processors' has '-m 700M -smp 3' run -m 700M -c 3 app.jar
options='-m 1300M'
check 'java, from a variable' has '-m 1300M' java -version
options=''
check 'the current folder' has "path=$dir/work " run app.jar
check 'the folder of a file' has "path=$dir/other " run app.jar "$dir/other/data"
check 'of a relative one' has "path=$dir/other " run app.jar ../other/data
check 'of one to be made' has "path=$dir/other " run app.jar --out="$dir/other/new"
check 'in a list' has "path=$dir/other " java -cp "lib:$dir/other/data" Main
check "of a link's target" has "path=$dir/other " run app.jar link
check 'of an option file' has "path=$dir/other " java "@$dir/other/data"
check 'each once' has_not 'mount_tag=moka1' run app.jar "$dir/work/app.jar" ./lib lib/x
check 'nothing of the guest' has_not 'mount_tag=moka1' run app.jar /proc/self/maps /dev/null /etc/passwd /none
check 'another JDK, read-only' has "readonly=on,path=$dir/jdk" run --jdk "$dir/jdk" app.jar

check 'the archive of classes in its place' has 'stays where it was made for' run app.jar
check 'which another JDK may not know' has_not 'stays where' run --jdk "$dir/jdk" app.jar
check 'the heap is the machine' has 'the heap may have 77 % of 1024 MiB' run -m 1G app.jar
check 'a small machine' has 'the heap may have 33 %' run -m 128M app.jar
check 'the least' has 'the heap may have 12 %' run -m 64M app.jar
check "the user's heap" has_not 'the heap may' run -Xmx100m app.jar
check 'a variable for the JVM' has_not 'the heap may' run -e JAVA_TOOL_OPTIONS=-Xmx10m app.jar
check 'an argument is no option' has 'the heap may' run app.jar -Xmx100m
check 'Serial for one processor' has 'collector Serial' run -m 4G -c 1 app.jar
check 'Serial for a small heap' has 'collector Serial' run -m 200M -c 4 app.jar
check 'Parallel in between' has 'collector Parallel' run -m 1G -c 2 app.jar
check "the JVM's own for a large machine" has "JVM's own choice" run -m 2G -c 2 app.jar
check "the user's collector" has_not 'collector' run -m 1G -XX:+UseZGC app.jar
echo '-XX:+UseG1GC -Xmx1g' >"$dir/work/options"
check 'an option file' has_not 'collector' java @options Main
check 'behind a class path' has_not 'collector' java -cp lib -XX:+UseG1GC Main
check 'behind the class it is an argument' has 'the heap may' java -cp lib Main -Xmx1g
finish
