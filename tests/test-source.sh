#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tools/check-source.sh and tools/check-headers.sh find what they are for.
set -eu
cd "$(dirname "$0")/.."
top=$PWD
. tests/tap.sh
ln -s "$top/tools" "$dir/tools"

spdx='/* SPDX-License-Identifier: MIT */'

# complains TEXT CHECK...: in the temporary tree, CHECK fails and says TEXT.
complains() {
    text=$1
    shift
    if (cd "$dir" && "$@") >"$dir/out" 2>&1; then
        return 1
    fi
    grep -Fq -e "$text" "$dir/out"
}
passes() {
    (cd "$dir" && "$@")
}

# offends NAME TEXT FILE CONTENT: check-source.sh complains about FILE.
offends() {
    printf "%b" "$4" >"$dir/$3"
    check "$1" complains "$3:" "$top/tools/check-source.sh"
    check "$1: says what" complains "$2" "$top/tools/check-source.sh"
    rm "$dir/$3"
}

printf '%s\nint x;\n' "$spdx" >"$dir/clean.c"
check 'a clean file passes' passes "$top/tools/check-source.sh"
offends 'no licence' 'no SPDX' a.c 'int x;\nint y;\n'
offends 'no licence in a script' 'no SPDX' a.sh '#!/bin/sh\necho\n'
offends 'a tab in C' 'a tab' a.h "$spdx\n\tint x;\n"
offends 'space at the end' 'space at the end' a.md 'text \nmore\n'
offends 'unfinished work' 'unfinished' a.c "$spdx\n/* TO""DO: more */\n"
offends 'a home folder' 'a path of one machine' a.md 'see /ho''me/jane/x\n'
offends 'a scratch file of fixed name' 'a path of one machine' a.sh "# $spdx\ncat </t""mp/x\n"
offends 'the path of this checkout' 'the path of this checkout' a.md "see $(cd "$dir" && pwd -P)/x\n"
{
    echo "$spdx"
    seq 800 | sed 's/.*/int a&;/'
} >"$dir/long.c"
check 'a long file' complains 'more than 800 lines' "$top/tools/check-source.sh"
{
    printf '%s\nvoid f(void)\n{\n' "$spdx"
    seq 101 | sed 's/.*/    g();/'
    echo '}'
} >"$dir/long.c"
check 'a long function' complains 'a function of 101 lines' "$top/tools/check-source.sh"
sed 4d "$dir/long.c" >"$dir/fine.c"
rm "$dir/long.c"
check 'a function of just 100' passes "$top/tools/check-source.sh"

echo 'int f(int x);' >"$dir/a.h"
check 'a header that stands alone' passes tools/check-headers.sh gcc -Wall -Wall
echo 'size_t f(void);' >"$dir/a.h"
check 'a header that does not' complains 'a.h: does not compile alone' \
    tools/check-headers.sh gcc -Wall -Wall
echo 'struct s { int x; };' >"$dir/a.h"
check 'a header that cannot be included twice' complains 'a.h: does not compile alone' \
    tools/check-headers.sh gcc -Wall -Wall

finish
