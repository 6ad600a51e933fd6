#!/bin/sh
# SPDX-License-Identifier: MIT
#
# list-files.sh [PATTERN...]
#
# Lists the project's own files below the current folder, one a line, sorted:
# what git tracks or would track, so that build folders and editors' droppings
# do not count.  In an unpacked archive without git, all but build* and hidden
# files.  PATTERNs are as in the shell ('*.c'), matched against the path.
set -eu

list_all() {
    if [ -e .git ] && git ls-files --cached --others --exclude-standard 2>/dev/null; then
        return
    fi
    find . -name '.[!.]*' ! -name .ci -prune -o -path './build*' -prune -o -type f -print |
        sed 's|^\./||'
}

list_all | sort -u | while IFS= read -r file; do
    # Tracked but deleted, or a link to nowhere.
    [ -f "$file" ] || continue
    [ $# -gt 0 ] || echo "$file"
    for pattern in "$@"; do
        # shellcheck disable=SC2254 # it is meant as a pattern
        case $file in
        $pattern)
            echo "$file"
            break
            ;;
        esac
    done
done
