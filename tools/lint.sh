#!/bin/sh
# SPDX-License-Identifier: MIT
#
# lint.sh FILE FLAG...
#
# Lints FILE as compiled with the flags, unless exactly that has been found
# clean before: the linter and what it is asked (.clang-tidy), the flags, the
# file and all that it includes.  What was clean is known by the checksum of
# these, in the user's cache, so that other clones know it too.
#
# Rejected: a checksum of the preprocessed file.  It has neither the comments
# that tell the linter what to leave alone nor what only clang would see.
set -eu
file=$1
shift
linter=$(command -v clang-tidy-14) || {
    echo 'lint.sh: clang-tidy-14 is missing: make deps-check' >&2
    exit 2
}
clean=${XDG_CACHE_HOME:-$HOME/.cache}/moka/lint

# The rule that -M writes: a file in each word, and a backslash at the lines' ends.
rule=$(${CC:-gcc} -M "$@" "$file")
# shellcheck disable=SC2046 # words
sums=$(sha256sum .clang-tidy $(echo "${rule#*:}" | sed 's/\\$//'))
state=$(printf '%s\n' "$(stat -L -c '%n %s %Y' "$linter")" "$*" "$sums" | sha256sum | cut -d ' ' -f 1)

if ! [ -e "$clean/$state" ]; then
    echo "  LINT  $file"
    said=$("$linter" --quiet "$file" -- "$@" 2>&1) || {
        echo "$said"
        exit 1
    }
    mkdir -p "$clean"
    : >"$clean/$state"
fi
