# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034,SC2154
#
# java(1)'s options, what a JVM says of itself and of its machine, and the files
# that it leaves.  Sourced by run-java.sh, after common.sh.

version() {
    java "$@" -version 2>&1
}

# ---- Ways to tell it something ----------------------------------------------------------

option_file() {
    printf '%s\n' '# a comment' "-cp \"$classes\"" "-Dname='a b'" Hello 'one  "two three"' >"$work/options"
    java -Xmx200m "@$work/options" four
}
option_variables() {
    JAVA_TOOL_OPTIONS='-Duser.country=CH -Xmx200m' JDK_JAVA_OPTIONS='-Duser.language=de' \
        main Locales 2>&1
}
modules() {
    java -p "$build/java/modules" -m moka.greeter/moka.greeter.Greeter one 'two three' &&
        java -p "$build/java/modules" --describe-module moka.words | tail -n +2 &&
        java -p "$build/java/modules" --add-opens moka.words/moka.words=moka.greeter \
            -m moka.greeter/moka.greeter.Greeter
}
list_modules() {
    java --list-modules
}
agent() {
    main "-javaagent:$build/java/agent.jar=which,whose" Ends none
}
from_source() {
    cp tests/java/Hello.java "$work" && java Hello.java x
}
# There is no such file, class, option or module.
mistakes() {
    for wrong in '-jar none.jar' None -Xnone '-XX:+None' '-m none' '-Xmx1k Hello' '-cp'; do
        status=0
        # shellcheck disable=SC2086 # words
        java $wrong 2>&1 || status=$?
        echo "status $status"
    done | grep -v -e '^Caused' -e 'Picked up'
}
# locales ZONE
locales() {
    for locale in C.UTF-8 C POSIX; do
        LC_ALL=$locale TZ=$1 main Locales grün '*' ''
    done
}

# All locales are there, by name and in UTF-8; on Linux those that are installed.
german() {
    LC_ALL=de_DE.UTF-8 main Locales | grep -A 2 '^de_DE de_DE$' | grep '^UTF-8 UTF-8 UTF-8$'
}

# ---- What it says of its machine --------------------------------------------------------

# facts OPTION...: what Machine prints, in one line.
facts() {
    java -cp "$classes" "$@" Machine | tr '\n' ' '
}
# The memory of a machine is a little less than its size: the kernel's part is not in it.
sees_the_machine() {
    for size in '512 1' '1024 2' '3000 4'; do
        machine="-m ${size% *}M -c ${size#* }"
        facts
        facts | awk -v memory="${size% *}" -v cpus="${size#* }" '
            { ok = $2 == cpus && $4 <= memory && $4 > memory * 0.97 && $6 > memory / 2 && $6 < $4 }
            END { exit !ok }' || return
    done
}
small_machine() {
    machine='-m 64M -c 1'
    [ "$(java -jar "$build/java/hello.jar" x)" = Hellox ]
}
# The collector by the size of the machine, and the user's choice ahead of ours.
chooses_a_collector() {
    machine='-m 1G -c 1' && facts | grep -q 'collector Copy' || return
    machine='-m 160M -c 2' && facts | grep -q 'collector Copy' || return
    machine='-m 1G -c 2' && facts | grep -q 'collector PS' || return
    facts -XX:+UseG1GC | grep -q 'collector G1' || return
    facts -Xmx100m -XX:+UseSerialGC | grep -Eq 'heap (9[0-9]|100) collector Copy' || return
    echo '-XX:+UseZGC -Xmx300m' >"$work/options"
    facts "@$work/options" | grep -q 'heap 300 collector ZGC'
}
native_memory() {
    main -XX:NativeMemoryTracking=summary -XX:+UnlockDiagnosticVMOptions -XX:+PrintNMTStatistics \
        Hello | grep -cE '^- +(Java Heap|Class|Thread|Code|GC) '
}
large_pages() {
    main "$1" -Xlog:pagesize Hello | grep 'Heap:' | grep -o 'page_size=2M'
}
# There is one process, however a JVM would make another: a clear exception.
no_second_process() {
    for way in POSIX_SPAWN FORK VFORK; do
        main -Djdk.lang.Process.launchMechanism=$way Second |
            grep -q 'Cannot run program "/bin/true": error=38, Function not implemented' || return
    done
}

# ---- Files that it leaves ---------------------------------------------------------------

log_files() {
    main "-Xlog:gc*:file=$work/gc.log" Collect 1 2 >/dev/null &&
        grep -o 'GC(0)' "$work/gc.log" | head -n 1
}
# A recording is made of chunks; this one is whole.
recording() {
    main "-XX:StartFlightRecording=filename=$work/x.jfr" Collect 1 2 >/dev/null &&
        head -c 3 "$work/x.jfr" && echo && [ "$(wc -c <"$work/x.jfr")" -gt 10000 ]
}
error_file() {
    status=0
    main Ends crash >/dev/null || status=$?
    [ $status = 134 ] && tail -n 2 "$work"/hs_err_pid*.log && grep -c 'Unsafe_PutLong' "$work"/hs_err*
}
heap_dump() {
    main -XX:+HeapDumpOnOutOfMemoryError -Xmx32m Ends memory >/dev/null
    status=$?
    head -c 18 "$work"/java_pid*.hprof
    echo
    return $status
}
# The working folder is a disk with little room.
full_disk() {
    mount -t tmpfs -o size=1m none "$work" || return
    main -XX:+HeapDumpOnOutOfMemoryError -Xmx32m Ends memory | grep '^Dump file'
    umount "$work"
}
own_archive() {
    java -XX:ArchiveClassesAtExit="$work/many.jsa" -jar "$build/java/many.jar" &&
        java -Xshare:on -XX:SharedArchiveFile="$work/many.jsa" -Xlog:class+load \
            -jar "$build/java/many.jar" | grep -c 'C1499 source: shared objects file (top)'
}
