#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check-source.sh
#
# What no compiler checks: a licence line in each source, no tabs in C, no
# space at a line's end, no marks of unfinished work, files below 800 lines
# and functions below 100, and no path of somebody's own machine.
#
# Functions are found by their braces in the first column, which clang-format
# has put there.
set -eu

text=$(tools/list-files.sh '*.c' '*.h' '*.S' '*.ld' '*.sh' '*.awk' '*.mk' '*.py' '*.java' \
    Makefile '*/Makefile' '*.md' '.ci/run')

# shellcheck disable=SC2086 # one word a file; their names have no spaces
exec awk -v here="$(pwd -P)" '
function fail(text) {
    print FILENAME ":" FNR ": " text
    failed = 1
}

FNR == 1 {
    licensed = 0
    begin = 0
    is_c = FILENAME ~ /\.[ch]$/
    is_source = FILENAME !~ /\.md$/
    is_make = FILENAME ~ /(Makefile|\.mk)$/
}

/SPDX-License-Identifier: MIT/ { licensed = 1 }
FNR == 2 && is_source && !licensed { fail("no SPDX line at the top") }

/\t/ && is_c { fail("a tab") }
/[ \t\r]$/ { fail("space at the end of the line") }
/TO[D]O|FI[X]ME|X[X]X:/ { fail("unfinished work is not committed") }
FNR == 801 && is_source { fail("more than 800 lines") }

# A scratch name of somebody, a home, or the place of this very checkout.
/(^|[^A-Za-z0-9_.}\/])\/(home|work|Users)\/[A-Za-z]|\/tmp\/[A-Za-z]/ {
    fail("a path of one machine")
}
length(here) > 4 && index($0, here "/") { fail("the path of this checkout") }

is_c && /^\{$/ { begin = FNR }
is_c && /^\}/ {
    if (begin && FNR - begin > 101)
        fail("a function of " FNR - begin - 1 " lines")
    begin = 0
}

END { exit failed }' $text
