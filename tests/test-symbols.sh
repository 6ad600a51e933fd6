#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tools/symbols.sh: what it takes from an ELF file, that its table can be
# linked in without moving code, and that it refuses an ELF without an end.
set -eu
cd "$(dirname "$0")/.."
. tests/tap.sh

cat >"$dir/code.S" <<'END'
    .text
    .globl kernel_text_start, global, kernel_code_end, variable
kernel_text_start:
first:  nop
        nop
global: nop
same:
again:  ret
.Lhidden: nop
    .weak weak
weak:   ret
kernel_code_end:
    .data
variable: .quad 0
    .section .note.GNU-stack, "", @progbits
END
gcc -c -o "$dir/code.o" "$dir/code.S"
ld -Ttext=0x200000 -e global -o "$dir/pass1" "$dir/code.o"
tools/symbols.sh "$dir/pass1" >"$dir/table.S"
gcc -c -o "$dir/table.o" "$dir/table.S"
ld -Ttext=0x200000 -e global -o "$dir/pass2" "$dir/code.o" "$dir/table.o"

names() {
    sed -n 's/.*asciz "\(.*\)"/\1/p' "$dir/table.S" | tr '\n' ' '
}

# same WANTED COMMAND...: the command prints this.
same() {
    wanted=$1
    shift
    [ "$("$@")" = "$wanted" ]
}

# The table's numbers: count, then offsets, as the assembler made them.
numbers() {
    objcopy -O binary -j .symbols "$dir/pass2" "$dir/binary"
    od -An -v -t u4 -j 8 -N 24 "$dir/binary" | tr -s ' \n' ' '
}

check 'functions of all kinds, one name an address, no data' \
    same 'first global again weak  ' names
check 'count and offsets' same ' 5 0 2 3 5 6 ' numbers
tools/symbols.sh "$dir/pass2" >"$dir/table2.S"
check 'the table moves nothing' cmp "$dir/table.S" "$dir/table2.S"

sed '/kernel_code_end:/d; s/, kernel_code_end//' "$dir/code.S" >"$dir/endless.S"
gcc -c -o "$dir/endless.o" "$dir/endless.S"
ld -Ttext=0x200000 -e global -o "$dir/endless" "$dir/endless.o"
refuses() {
    ! tools/symbols.sh "$dir/endless" >"$dir/out" 2>"$dir/error" &&
        grep -q 'no kernel_code_end' "$dir/error"
}
check 'an image without kernel_code_end' refuses
finish
