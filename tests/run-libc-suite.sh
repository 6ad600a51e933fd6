#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run-libc-suite.sh [--accel kvm|tcg]... [--only PATTERN] BUILD-DIR [LIBC-TEST]
#
# musl's own test suite, libc-test, four times: on Linux with Debian's musl,
# which is the reference, and with our variant for Linux; in Moka on KVM and
# on TCG, one boot for each test.  What passes with the reference must pass,
# or be in tests/libc/suite-known.txt with its reason.
#
# LIBC-TEST is a folder with the suite's sources; without it, libc-test in the
# user's cache.  They are not ours, and not part of this tree.
set -eu
. tests/report.sh

only='.' accels=''
while [ $# -gt 0 ]; do
    case $1 in
    --only) only=$2 && shift ;;
    --accel) accels="$accels $2" && shift ;;
    *) break ;;
    esac
    shift
done
if [ $# -lt 1 ] || [ $# -gt 2 ]; then
    echo 'usage: run-libc-suite.sh [--accel kvm|tcg]... [--only PATTERN] BUILD-DIR [LIBC-TEST]' >&2
    exit 2
fi
build=$(cd "$1" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/moka
source=${2:-$cache/libc-test}
if ! [ -e "$source/src/common/test.h" ]; then
    cat >&2 <<END
run-libc-suite.sh: '$source' has no sources of libc-test.  They are at
    git://repo.or.cz/libc-test      (https://wiki.musl-libc.org/libc-test.html)
and in mirrors of that repository; put a clone there, or name it:
    make test-libc-suite LIBC_TEST=FOLDER
END
    exit 2
fi
suite=$build/libc-suite
known=$PWD/tests/libc/suite-known.txt
mkdir -p "$suite"
export MOKA_ROOT="$PWD" MOKA_BUILD="$build" suite build

# What runs one test, by itself: run_one HOW TEST.  Leaves its output and a line in $how.results.
cat >"$suite/one.sh" <<'END'
how=$1 test=$2 status=0
log=$suite/$how.logs/$(echo "$test" | tr / -)
case $how in
musl) cd "$suite/musl" && timeout -k 5 30 "./$test" ;;
linux)
    cd "$suite/linux"
    case $test in
    *-static.exe) timeout -k 5 30 "./$test" ;;
    *) timeout -k 5 30 "$build/libc-linux/lib/libc.so" "./$test" ;;
    esac
    ;;
kvm | tcg)
    timeout -k 5 "$([ "$how" = kvm ] && echo 60 || echo 400)" "$build/tool/moka" exec --quiet \
        --accel "$how" --cache "$suite/cache" "$suite/moka.erofs" "/$test"
    ;;
esac </dev/null >"$log" 2>&1 || status=$?
[ "$status" = 0 ] && verdict=pass || verdict="fail $status: $(head -n 1 "$log" | tr -d '\000' | cut -c 1-150)"
echo "$test $verdict" >>"$suite/$how.results"
END

# build_variant NAME COMPILER: programs and libraries of the suite, below $suite/NAME.
build_variant() {
    rm -rf "${suite:?}/$1"
    cp -r "$source" "$suite/$1"
    (
        cd "$suite/$1"
        # The part that is for glibc names libraries that musl has within itself.
        sed '/^# glibc/,$d' config.mak.def >config.mak
        echo "CC = $2" >>config.mak
        targets=$(MAKEFLAGS='' make -s debug 2>/dev/null | sed -n 's/^BINS //p; s/^LIBS //p')
        # shellcheck disable=SC2086 # words
        MAKEFLAGS='' make -k "-j$(nproc)" $targets >build.log 2>&1 || true
    )
}
# Static ones last: some may not run beside their dynamic form.
list_tests() {
    (cd "$suite/$1" && find src -name '*.exe' ! -name runtest.exe | grep -E -e "$only" | sort) |
        grep "$2" -e -static.exe || true
}

# compare HOW: beside the reference and the list of what is known.
compare() {
    awk -v how="$1" '
        FNR == 1 { file++ }
        file == 1 { if (!/^#/ && NF && (how ~ "^(" $1 ")$")) known[$2] = 1; next }
        file == 2 { reference[$1] = $2; next }
        { seen[$1] = 1 }
        $2 == "pass" { passed++ }
        $2 == "pass" && known[$1] { print "    listed, but passes: " $1 }
        $2 != "pass" && reference[$1] == "pass" && !known[$1] { print "    " $0; failed++ }
        $2 != "pass" && (reference[$1] != "pass" || known[$1]) { skipped++ }
        END {
            for (test in reference)
                if (reference[test] == "pass" && !seen[test] && !known[test]) {
                    print "    not built: " test; failed++
                }
            print "total", passed + 0, failed + 0, skipped + 0
        }' "$known" "$suite/musl.results" "$suite/$1.results"
}

# run_all HOW VARIANT
run_all() {
    begin "libc-test $1"
    rm -rf "$suite/$1.logs" "$suite/$1.results"
    mkdir -p "$suite/$1.logs"
    for kind in -v -h; do
        list_tests "$2" "$kind" | xargs -P "$(nproc)" -I '{}' sh "$suite/one.sh" "$1" '{}'
    done
    compare "$1" >"$suite/$1.judged"
    # shellcheck disable=SC2046 # three numbers
    end $(sed -n 's/^total //p' "$suite/$1.judged") ''
    sed '/^total/d' "$suite/$1.judged"
}

if command -v musl-gcc >/dev/null; then
    build_variant musl musl-gcc
else
    echo 'Debian'"'"'s musl is not installed (package musl-tools): our variant for Linux is the reference'
    build_variant musl "$build/libc-linux/bin/musl-gcc"
fi
build_variant linux "$build/libc-linux/bin/musl-gcc"
build_variant moka "$build/libc/bin/musl-gcc"
run_all musl musl
run_all linux linux

rm -rf "$suite/root"
mkdir -p "$suite/root/tmp"
(cd "$suite/moka" && find src -name '*.exe' -o -name '*.so' | tar -cf - -T -) | tar -xf - -C "$suite/root"
find "$suite/root/src" -type f -exec strip -g {} +
tools/mkimage.sh "$suite/root" "$suite/moka.erofs"
for accel in ${accels:-kvm tcg}; do
    can_run "$accel" 'libc-test was' || continue
    run_all "$accel" moka
done
finish 'libc-test' "$build/libc-suite.result"
