#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The layering check finds every kind of violation, and nothing in a clean
# tree.  Each case starts from the clean tree and changes one file of it.
set -eu
cd "$(dirname "$0")/.."
top=$PWD
. tests/tap.sh

# put FILE LINE...
put() {
    file=$dir/$1
    shift
    mkdir -p "${file%/*}"
    printf '%s\n' "$@" >"$file"
}

clean_tree() {
    rm -rf "${dir:?}"/*
    put kernel/include/kernel/types.h '#include <stdint.h>'
    put kernel/include/kernel/list.h '#include <kernel/types.h>'
    put kernel/mm/mm_priv.h '#include <kernel/list.h>'
    put kernel/mm/buddy.c '#include "mm_priv.h"' '#include <stdatomic.h>' \
        '/*' ' * #include <drivers/serial.h>' ' */' 'const char *s = "#include <stdio.h>";'
    put kernel/x86/entry.S '  #  include "../mm/mm_priv.h"'
    put drivers/include/drivers/serial.h '#include <kernel/types.h>'
    put drivers/serial.c '#include <drivers/serial.h>' '#include <kernel/list.h>'
    put hugepages/include/hugepages/policy.h '#include <kernel/types.h>'
    put net/port.c '#include <lwip/tcp.h>' '#include <drivers/serial.h>'
    put gc-hooks/include/gc-hooks/moka.h '#include <stdint.h>'
    put gc-hooks/hooks.c '#include <hugepages/policy.h>' '#include <kernel/list.h>'
    put jvm-support/proc.c '#include <gc-hooks/moka.h>' '#include <errno.h>'
    put jni-ext/jni.c '#include <gc-hooks/moka.h>' '#include <jni.h>' '#include <string.h>'
    put tests/guest/guest.h '#include <kernel/types.h>'
    put tests/guest/test_a.c '#include "guest.h"' '#include "../../kernel/mm/mm_priv.h"'
    put images/main.c '#include "guest.h"' '#include <drivers/serial.h>'
    put benchmarks/micro/bench.h '#include <stdint.h>'
    put benchmarks/micro/linux.c '#include <pthread.h>' '#include "bench.h"'
}

refused() {
    if tools/check-layering.sh "$dir" >"$dir/out"; then
        return 1
    fi
    # One complaint, with the file, and about the right thing.
    if ! grep -q "^$1:.*$2" "$dir/out" || [ "$(wc -l <"$dir/out")" != 1 ]; then
        sed 's/^/# /' "$dir/out"
        return 1
    fi
}

# violation NAME FILE TEXT LINE...: with FILE holding LINEs it is refused.
violation() {
    clean_tree
    name=$1 where=$2 text=$3
    shift 3
    put "$where" "$@"
    check "$name" refused "$where" "$text"
}

clean_tree
check 'a clean tree passes' tools/check-layering.sh "$dir"
check 'this tree passes' tools/check-layering.sh "$top"

violation 'kernel includes a driver' kernel/mm/a.c 'may not include headers of drivers/' \
    '#include <drivers/serial.h>'
violation 'kernel assembly includes a driver' kernel/mm/a.S 'may not include' \
    '# include <drivers/serial.h>'
violation 'a kernel header includes a driver' kernel/include/kernel/a.h 'may not include' \
    '#include <drivers/serial.h>'
violation 'drivers include hugepages' drivers/a.c 'headers of hugepages/' \
    '#include <hugepages/policy.h>'
violation 'hugepages include drivers' hugepages/a.c 'headers of drivers/' \
    '#include <drivers/serial.h>'
violation 'net includes hugepages' net/a.c 'headers of hugepages/' '#include <hugepages/policy.h>'
violation 'gc-hooks include drivers' gc-hooks/a.c 'headers of drivers/' \
    '#include <drivers/serial.h>'
violation 'jni-ext includes the kernel' jni-ext/a.c 'headers of kernel/' '#include <kernel/types.h>'
violation 'a benchmark includes the kernel' benchmarks/a.c 'headers of kernel/' \
    '#include <kernel/types.h>'
violation 'a private header of another layer' drivers/a.c 'private to kernel/' \
    '#include "../kernel/mm/mm_priv.h"'
violation 'a private header of a test' drivers/a.c 'private to tests/' \
    '#include "../tests/guest/guest.h"'
violation 'a test header found by name' drivers/a.c 'not in this folder' '#include "guest.h"'
violation 'a private header in angle brackets' kernel/mm/a.c 'private header' \
    '#include <mm_priv.h>'
violation 'a public header in quotes' kernel/mm/a.c 'public header is included as' \
    '#include "../include/kernel/list.h"'
violation 'a public header includes a private one' kernel/include/kernel/a.h 'may not include' \
    '#include "../../mm/mm_priv.h"'
violation 'the kernel includes libc' kernel/mm/a.c 'no libc' '#include <string.h>'
violation 'a driver includes libc' drivers/a.c 'no libc' '#include <stdio.h>'
violation 'a public header includes libc' kernel/include/kernel/a.h 'no libc' '#include <errno.h>'
violation 'the kernel includes lwIP' kernel/mm/a.c 'no libc' '#include <lwip/tcp.h>'
violation 'a private header with a wrong path' kernel/mm/a.c 'not in this folder' \
    '#include "../boot/mm_priv.h"'
violation 'an include by macro' kernel/mm/a.c 'does not name its file' '#include HEADER'
violation 'a folder that is no layer' extras/a.c 'not a layer' 'int x;'
violation 'a source at the top' a.c 'not a layer' 'int x;'
violation 'a header that includes itself' kernel/include/kernel/a.h 'each other' \
    '#include <kernel/a.h>'

clean_tree
put kernel/include/kernel/types.h '#include <kernel/list.h>'
check 'two public headers in a cycle' refused 'kernel/include/kernel/.*.h' 'each other'
clean_tree
put kernel/mm/a_priv.h '#include "../x86/b_priv.h"'
put kernel/x86/b_priv.h '#include "../mm/a_priv.h"'
check 'two private headers in a cycle' refused 'kernel/.*_priv.h' 'each other'
clean_tree
put drivers/include/kernel/types.h 'int x;'
check 'two headers of the same name' refused '.*/include/kernel/types.h' 'same name'

finish
