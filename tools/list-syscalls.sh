#!/bin/sh
# SPDX-License-Identifier: MIT
#
# list-syscalls.sh [--check] ELF
#
# Prints docs/system-calls.md: every system call of Linux x86-64 from
# kernel/include/kernel/syscall_list.h, and whether the kernel image ELF has
# it.  A call is there if its function is not the weak default.  Notes come from
# tools/syscall-notes.txt.
#
# --check compares with the committed table instead, and says what to do if
# that is out of date.
set -eu
cd "$(dirname "$0")/.."

check=false
if [ "${1:-}" = --check ]; then
    check=true
    shift
fi
if [ $# != 1 ] || ! [ -r "$1" ]; then
    echo 'usage: list-syscalls.sh [--check] ELF (a kernel image)' >&2
    exit 2
fi

list() {
    nm "$1" | awk -v notes=tools/syscall-notes.txt '
    FILENAME == notes {
        if ($0 !~ /^#/ && match($0, /^[a-z0-9_]+: /))
            note[substr($0, 1, RLENGTH - 2)] = substr($0, RLENGTH + 1)
        next
    }
    FILENAME == "-" {
        if ($3 ~ /^sys_/ && $2 == "T")
            there[substr($3, 5)] = 1
        next
    }
    match($0, /X\([0-9]+, [a-z0-9_]+, [A-Z]+, [A-Z]+\)/) {
        split(substr($0, RSTART + 2, RLENGTH - 3), field, ", ")
        total++
        number[total] = field[1]
        name[total] = field[2]
        blocks[total] = field[3] == "BLOCKS" ? "may" : ""
        home[total] = field[4]
        have += field[2] in there
    }
    END {
        if (total == 0 || have == 0) {
            print "list-syscalls.sh: no calls found" >"/dev/stderr"
            exit 2
        }
        place["MEMORY"] = "memory, `kernel/mm/`"
        place["FILE"] = "files, `kernel/fs/`"
        place["SCHED"] = "threads, `kernel/sched/`"
        place["EVENT"] = "events, `kernel/fs/event/`"
        place["TIME"] = "time, `kernel/time/`"
        place["PROCESS"] = "process, `kernel/process/`"
        place["SIGNAL"] = "signals, `kernel/process/`"
        place["NET"] = "sockets, `kernel/socket/`"
        place["HOOKS"] = "Moka itself, `gc-hooks/`"
        place["IPC"] = "System V IPC, queues, AIO"
        print "# System calls\n"
        print "Made by `tools/list-syscalls.sh`; `make test` checks that it is up to date. A call"
        print "that is not there returns -ENOSYS and is counted; `./moka exec --verbose` names"
        print "those that a program tried. *Blocks*: it may put the calling thread to sleep.\n"
        printf "%d of %d are there.\n\n", have, total
        print "| number | name | there | blocks | belongs to | note |"
        print "|---:|---|---|---|---|---|"
        for (i = 1; i <= total; i++)
            printf "| %d | %s | %s | %s | %s | %s |\n", number[i], name[i],
                name[i] in there ? "yes" : "**no**", blocks[i], place[home[i]], note[name[i]]
    }' tools/syscall-notes.txt - kernel/include/kernel/syscall_list.h
}

if ! $check; then
    list "$1"
    exit
fi
new=$(mktemp)
trap 'rm -f "$new"' EXIT
list "$1" >"$new"
if ! cmp -s "$new" docs/system-calls.md; then
    diff docs/system-calls.md "$new" | head -n 20 >&2 || true
    echo "docs/system-calls.md is out of date: tools/list-syscalls.sh $1 >docs/system-calls.md" >&2
    exit 1
fi
