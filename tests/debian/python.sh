# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154,SC2034,SC2016
#
# Python's own tests (package libpython3.11-testsuite), by python_tests.py: on
# Linux and in Moka, compared test by test.  A test that passes there must pass
# here, unless it wanted a process or a socket, or is in python.txt with its
# reason.

# python_set NAME MODULE...: one line of the report for these modules.
python_set() {
    label="python3, $1"
    shift
    wanted "$how $label" || return 0
    file=$logs/$(key "$label") log=$logs/$(key "$how $label").log
    place=share
    cp tests/debian/python_tests.py tests/debian/python.txt "$work/"
    if ! [ -e "$file.linux" ]; then
        was=$how how=linux
        run /usr/bin/python3.11 python_tests.py --without python.txt "$@" >"$file.linux" 2>/dev/null </dev/null || true
        how=$was
    fi
    begin "$how $label"
    status=0
    run /usr/bin/python3.11 python_tests.py --without python.txt "$@" >"$file.$how" 2>"$log" </dev/null || status=$?
    [ "$(tail -n 1 "$file.$how")" = end ] || echo "broke off with status $status" >>"$log"
    read -r passed failed left why <<END
$(awk -f tests/debian/python.awk tests/debian/python.txt "$file.linux" "$file.$how" 2>>"$log")
END
    end "$passed" "$failed" "$left" ''
    [ -z "$why" ] || echo "    $why"
    [ "$failed" = 0 ] || head -n 30 "$log" | cut -c 1-200 | sed 's/^/    /'
}

# Every module of the test suite that python.txt does not leave out, many in
# one process.
python_all() {
    left_out=$(awk '!/^#/ && !/\./ && NF { print $1 }' tests/debian/python.txt)
    set -f # these are patterns for names of modules
    modules=$(for module in $(find "$root/usr/lib/python3.11/test" -maxdepth 1 -name 'test_*' |
        sed -n 's:.*/\(test_[a-z0-9_]*\)\(\.py\)*$:\1:p' | sort -u); do
        for pattern in $left_out; do
            # shellcheck disable=SC2254 # a pattern
            case $module in
            $pattern) continue 2 ;;
            esac
        done
        echo "$module"
    done)
    [ "$how" = kvm ] || modules='test_threading test_mmap test_signal test_os test_select test_json
        test_time test_io test_posix test_epoll test_fcntl test_ctypes test_thread test_queue'
    set +f
    # shellcheck disable=SC2086 # words
    set -- $modules
    number=0
    while [ $# -gt 0 ]; do
        number=$((number + 1)) some='' first=$1
        while [ $# -gt 0 ] && [ "$(echo "$some" | wc -w)" -lt 12 ]; do
            some="$some $1"
            shift
        done
        # shellcheck disable=SC2086 # words
        python_set "part $number, from ${first#test_}" $some
    done
}
