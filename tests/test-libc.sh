#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The C library on Linux: the variant with Linux's SYSCALL instructions through
# its loader, and Moka's own through tests/libc/launch.c, which stands in for the
# kernel's entry.  Programs are linked with glibc, with musl, and statically.
#
# Needs `make libc libc-linux` to have been run; skips what is not built.
set -eu
cd "$(dirname "$0")/.."
. tests/tap.sh

build=$(cd "${BUILD:-build}" 2>/dev/null && pwd) || build=
moka=$build/libc linux=$build/libc-linux
if ! [ -e "$moka/lib/libc.so" ] || ! [ -e "$linux/lib/libc.so" ]; then
    echo 'ok 1 - libc # SKIP make libc libc-linux has not been run'
    echo '1..1'
    exit 0
fi

cflags='-O2 -w -fno-builtin -pthread'
gcc -O2 -static-pie -o "$dir/launch" tests/libc/launch.c

# passes COMMAND...: ends well and soon, and says nothing that is not ok.
passes() {
    timeout 20 "$@" >"$dir/out" 2>&1 && ! grep -q '^not ok' "$dir/out" && return
    sed 's/^/# /' "$dir/out"
    return 1
}

on_linux() {
    passes "$linux/lib/libc.so" "$@"
}
on_moka() {
    passes "$dir/launch" "$moka/lib/libc.so" "$@"
}

for source in tests/libc/test_*.c; do
    program=$(basename "$source" .c)
    # shellcheck disable=SC2086 # words
    {
        gcc $cflags -o "$dir/$program.glibc" "$source"
        "$moka/bin/musl-gcc" $cflags -o "$dir/$program.musl" "$source"
        "$moka/bin/musl-gcc" $cflags -static -o "$dir/$program.static" "$source"
    }
    check "$program passes on Linux's own libc" passes "$dir/$program.glibc"
    for kind in glibc musl; do
        check "$program, linked with $kind, variant for Linux" on_linux "$dir/$program.$kind"
        check "$program, linked with $kind" on_moka "$dir/$program.$kind"
    done
    check "$program, static" passes "$dir/launch" - "$dir/$program.static"
done

# The loader: libraries that are linked and opened, with all that they may contain.
build() {
    # shellcheck disable=SC2086 # words
    gcc $cflags "$@"
}
build -shared -fPIC -o "$dir/libinitial.so" tests/libc/loader_lib.c
build -shared -fPIC -ftls-model=initial-exec -o "$dir/libexec.so" tests/libc/loader_lib.c
build -shared -fPIC -ftls-model=global-dynamic -o "$dir/libdynamic.so" tests/libc/loader_lib.c
build -Wl,-rpath,"$dir" -o "$dir/loader" tests/libc/loader.c "$dir/libinitial.so" -ldl
check "the loader passes on Linux's own libc" passes "$dir/loader" "$dir"
check 'the loader, variant for Linux' on_linux "$dir/loader" "$dir"
check 'the loader' on_moka "$dir/loader" "$dir"

# What is GNU's: our header has none of it.
build -o "$dir/gnu" tests/libc/gnu.c
check "GNU's functions pass on Linux's own libc" passes "$dir/gnu"
check "GNU's functions, variant for Linux" on_linux "$dir/gnu"
check "GNU's functions" on_moka "$dir/gnu"

# The string functions by themselves, in each of their variants.
build_strings() {
    sources=$PWD/jvm-support/musl/overlay/src
    (
        cd "$dir"
        gcc -O2 -w -fno-builtin -fno-tree-loop-distribute-patterns \
            '-Dweak_alias(old, new)=extern __typeof(old) new __attribute__((weak, alias(#old)))' \
            -I"$sources/internal" -I"$sources/string/x86_64" -o strings \
            "$sources"/string/x86_64/*.c "$OLDPWD"/tests/libc/string_variant.c \
            "$OLDPWD"/tests/libc/test_string.c
    )
}
strings_pass() {
    status=0
    VARIANT=$1 "$dir/strings" >"$dir/out" 2>&1 || status=$?
    [ $status = 77 ] && echo "# this processor lacks $1" && return
    [ $status = 0 ] || sed 's/^/# /' "$dir/out"
    return $status
}
build_strings
for variant in sse2 avx2 evex; do
    check "string functions, $variant" strings_pass $variant
done

# No instruction enters a kernel; the check finds one where there is one.
no_syscalls() {
    objdump -d --no-show-raw-insn "$1" | awk -f jvm-support/musl/no-syscall.awk >/dev/null
}
has_syscalls() {
    ! no_syscalls "$1"
}
check 'no system call instruction in libc.so' no_syscalls "$moka/lib/libc.so"
check 'the check finds those of Linux' has_syscalls "$linux/lib/libc.so"

# C++ through Debian's libstdc++, unmodified.
if command -v g++ >/dev/null; then
    g++ -O2 -w -pthread -o "$dir/cxx" tests/libc/cxx.cc
    LD_LIBRARY_PATH=/usr/lib/x86_64-linux-gnu:/lib/x86_64-linux-gnu
    export LD_LIBRARY_PATH
    check 'C++: exceptions, iostream, thread_local, variant for Linux' on_linux "$dir/cxx"
    check 'C++: exceptions, iostream, thread_local' on_moka "$dir/cxx"
    unset LD_LIBRARY_PATH
fi

if command -v java >/dev/null; then
    check 'java -version, variant for Linux' on_linux "$(readlink -f "$(command -v java)")" -version
fi

# What Debian's libraries want of glibc and do not get.
check 'libstdc++ and libgcc find all they want' tests/libc/missing.sh "$moka/lib/libc.so" \
    /usr/lib/x86_64-linux-gnu/libstdc++.so.6 /lib/x86_64-linux-gnu/libgcc_s.so.1
finish
