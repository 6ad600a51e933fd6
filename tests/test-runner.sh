#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The guest test runner finds every way in which a guest can go wrong.  QEMU
# is a stand-in here that prints $OUTPUT and ends with $STATUS.
set -eu
cd "$(dirname "$0")/.."
. tests/tap.sh

mkdir -p "$dir/bin" "$dir/test" "$dir/ubsan" "$dir/rom"
touch "$dir/test/moka-test.elf" "$dir/ubsan/moka-test.elf" "$dir/rom/moka.rom"
cat >"$dir/bin/qemu-system-x86_64" <<'END'
#!/bin/sh
case "$*" in
*test=list*) printf 'test a\ndeath null_page page fault at 0\n' ;;
*) printf "$OUTPUT" ;;
esac
exit $STATUS
END
chmod +x "$dir/bin/qemu-system-x86_64"
PATH=$dir/bin:$PATH

# judge STATUS OUTPUT PATTERN: runs, keeps the report and the runner's verdict.
judge() {
    export STATUS="$1" OUTPUT="$2"
    verdict=0
    tests/run-guest.sh --only "$3" "$dir" >"$dir/report" 2>&1 || verdict=$?
}

# verdict_is STATUS LINE: the runner's status, and a line of its report.
verdict_is() {
    if [ "$verdict" = "$1" ] && grep -Eq -e "$2" "$dir/report"; then
        return
    fi
    sed 's/^/# /' "$dir/report"
    return 1
}

one='^tcg microvm, 1 CPUs$'
judge 33 '# boot\r\nok 1 - a # 3 ms\r\nok 2 - b\r\n1..2\r\n' "$one"
check 'all tests pass' verdict_is 0 '^guest: 2 passed, 0 failed, 0 skipped$'
judge 33 'ok 1 - a # SKIP no AVX\nok 2 - b\n1..2\n' "$one"
check 'a test is skipped' verdict_is 0 '^guest: 1 passed, 0 failed, 1 skipped$'
judge 35 'ok 1 - a\n# a.c:3: not true: x\nnot ok 2 - b\n1..2\n' "$one"
check 'a test fails' verdict_is 1 '^guest: 1 passed, 1 failed, 0 skipped$'
check 'its complaint is shown' verdict_is 1 '^ *# a.c:3: not true: x$'
judge 33 'ok 1 - a\nnot ok 2 - b\n1..2\n' "$one"
check 'a test fails, the status is good' verdict_is 1 '^guest: 1 passed, 1 failed, 0 skipped$'
judge 35 'ok 1 - a\n1..1\n' "$one"
check 'all tests pass, the status is bad' verdict_is 1 '\(reported failure\)'
judge 37 'ok 1 - a\nPANIC: page fault at 8\n' "$one"
check 'a panic' verdict_is 1 '\(panic\)'
check 'the panic is shown' verdict_is 1 '^ *PANIC: page fault at 8$'
judge 0 'ok 1 - a\n' "$one"
check 'a triple fault' verdict_is 1 'triple fault'
judge 124 'ok 1 - a\nwaiting\n' "$one"
check 'a hang' verdict_is 1 '\(hung\)'
check 'the last lines before the hang' verdict_is 1 '^ *waiting$'
judge 33 'ok 1 - a\n' "$one"
check 'no plan' verdict_is 1 '\(stopped after test 1\)'
judge 33 'ok 1 - a\n1..2\n' "$one"
check 'fewer tests than planned' verdict_is 1 '\(planned 2 tests, ran 1\)'
judge 33 'ok 1 - a\nok 3 - b\n1..2\n' "$one"
check 'a test is missing in the sequence' verdict_is 1 '\(test 2 bears the number 3\)'
judge 33 '1..0\n' "$one"
check 'no test at all' verdict_is 1 '\(ran no test\)'
judge 33 '' "$one"
check 'no output at all' verdict_is 1 '\(ran no test\)'
judge 33 'ok 1 - a\nBail out! no memory\n1..1\n' "$one"
check 'the guest bails out' verdict_is 1 '\(Bail out! no memory\)'
judge 1 'qemu: no such machine\n' "$one"
check 'QEMU does not start' verdict_is 1 "QEMU's status 1"

dies='^tcg dies: null_page$'
judge 37 'PANIC: page fault at 0\n' "$dies"
check 'dies as it must' verdict_is 0 '^guest: 1 passed, 0 failed, 0 skipped$'
judge 37 'PANIC: page fault at 8\n' "$dies"
check 'dies of something else' verdict_is 1 'did not print "page fault at 0"'
judge 33 'PANIC: page fault at 0\n' "$dies"
check 'does not die' verdict_is 1 '\(ended well, not: panic\)'
judge 39 'too little memory: 8 MiB\n' '^tcg refused: 8 MiB'
check 'refuses as it must' verdict_is 0 '^guest: 1 passed, 0 failed, 0 skipped$'
judge 37 'too little memory: 8 MiB\n' '^tcg refused: 8 MiB'
check 'panics instead' verdict_is 1 '\(panic, not: configuration error\)'
judge 33 '' 'no such configuration'
check 'nothing to run is no success' verdict_is 1 '^guest: 0 passed, 0 failed, 0 skipped$'

finish
