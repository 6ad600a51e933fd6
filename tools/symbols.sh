#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Makes the table of function names that kernel/debug/symbols.c looks up, as
# assembler on standard output, from a linked kernel:
#
#     ld ... -o pass1.elf OBJECTS
#     tools/symbols.sh pass1.elf > symbols.S
#     cc -c -o symbols.o symbols.S
#     ld ... -o kernel.elf OBJECTS symbols.o
#
# The first link has no table (the reference to it is weak).  The second puts
# it in the section .symbols behind all code, so no function moves; the proof
# is that a table made from kernel.elf is the same:
#
#     tools/symbols.sh kernel.elf | cmp - symbols.S
#
# struct symbol_table in kernel/debug/symbols_priv.h is the layout.  Numbers
# stay text until the assembler sees them: awk need not know hexadecimal.
set -eu

if [ $# -ne 1 ]; then
    echo "usage: $0 kernel.elf" >&2
    exit 2
fi

"${NM:-nm}" -n "$1" | awk '
    BEGIN { count = 0 }
    $2 ~ /^[tTwW]$/ && $3 != "kernel_text_start" && !seen[$1]++ && !ended {
        address[count] = $1
        name[count++] = $3
    }
    # The symbol behind the last function ends the table, without a name.
    $3 == "kernel_code_end" {
        if (!ended && address[count - 1] != $1) {
            address[count++] = $1
        }
        name[count - 1] = ""
        ended = 1
    }
    END {
        if (!ended) {
            print "symbols.sh: no kernel_code_end: not our linker script?" > "/dev/stderr"
            exit 1
        }
        print "    .section .symbols, \"a\", @progbits"
        print "    .globl symbol_table"
        print "    .balign 8"
        print "symbol_table:"
        printf "    .quad 0x%s\n    .long %d\n", address[0], count
        for (i = 0; i < count; i++) {
            printf "    .long 0x%s - 0x%s\n", address[i], address[0]
        }
        for (i = 0; i < count; i++) {
            printf "    .long .Lname%d - .Lname0\n", i
        }
        for (i = 0; i < count; i++) {
            printf ".Lname%d: .asciz \"%s\"\n", i, name[i]
        }
        print "    .section .note.GNU-stack, \"\", @progbits"
    }
'
