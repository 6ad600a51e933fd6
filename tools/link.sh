#!/bin/sh
# SPDX-License-Identifier: MIT
# link.sh CC OUT SCRIPT OBJECT...
#
# Links a kernel image twice: first without the symbol table, then with the
# table made from the first result.  The table is the last of the text
# segment, so no address moves between the two; that is checked.
set -eu
cc=$1 out=$2 script=$3
shift 3

$cc -E -P -D__ASSEMBLY__ -x c "$script" >"$out.ld"

link() {
    ld -nostdlib -static -z noexecstack -z max-page-size=4096 --gc-sections -T "$out.ld" \
        -Map "$out.map" -o "$@"
}

link "$out.nosyms" "$@"
sh tools/symbols.sh "$out.nosyms" > "$out.symbols.S"
$cc -c -o "$out.symbols.o" "$out.symbols.S"
link "$out.tmp" "$@" "$out.symbols.o"
if ! sh tools/symbols.sh "$out.tmp" | cmp -s - "$out.symbols.S"; then
    echo "link.sh: $out: the symbol table moved the text" >&2
    exit 1
fi
nm -n "$out.tmp" > "${out%.elf}.sym"
mv "$out.map" "${out%.elf}.map"
rm -f "$out.ld" "$out.nosyms" "$out.symbols.S" "$out.symbols.o"
mv "$out.tmp" "$out"
