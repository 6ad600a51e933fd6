#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check-layering.sh [ROOT]
#
# Fails if a source file includes what its layer may not see.  Part of every
# build, so it is one awk over all files (0.1 s for some hundred).
#
# A top-level folder is a layer.  Its public headers are
# FOLDER/include/NAME/*.h, included as <NAME/x.h>; its other headers are
# private, included in quotes, from within the folder only.  Checked:
#
#   - a public header is included only from the layers listed below
#   - a private header is included only from its own folder, and never by a
#     public header
#   - layers that run without a libc include the compiler's own headers only
#   - an #include names its file (no macro), and a quoted one is where it says
#   - headers do not include each other in a cycle
#   - every folder with C sources is listed
#
# Rejected: deriving the layers from what is there (the check could then only
# say that nothing has changed), and a real preprocessor (#ifdef hides edges).
set -eu

tools=$(cd "$(dirname "$0")" && pwd)
cd "${1:-.}"
files=$("$tools/list-files.sh" '*.c' '*.h' '*.S')
[ -n "$files" ] || {
    echo 'check-layering.sh: no sources here' >&2
    exit 2
}

# shellcheck disable=SC2086 # one word a file; their names have no spaces
exec awk '
# layer, the layers whose public headers it may include (beside its own)
function layer(name, below) {
    n = split(below, list, " ")
    known[name] = 1
    may[name, name] = 1
    for (i = 1; i <= n; i++)
        may[name, list[i]] = 1
}

function fail(text) {
    print FILENAME ":" FNR ": " text
    failed = 1
}

# a/b/../c -> a/c
function normal(path,    n, i, k, part, out, result) {
    n = split(path, part, "/")
    k = 0
    for (i = 1; i <= n; i++) {
        if (part[i] == "..") {
            if (k > 0)
                k--
        } else if (part[i] != "." && part[i] != "") {
            out[++k] = part[i]
        }
    }
    result = out[1]
    for (i = 2; i <= k; i++)
        result = result "/" out[i]
    return result
}

# What runs on the host is no part of the kernel that it lies beside.
function folder_of(path) {
    if (path ~ /^gc-hooks\/linux\//)
        return "gc-hooks/linux"
    return substr(path, 1, index(path, "/") - 1)
}

function is_public(path) {
    return path ~ /^[^\/]+\/include\//
}

# Remembers that `from` includes `to`, for the search for cycles.
function edge(from, to) {
    if (to ~ /\.h$/)
        edges[from] = edges[from] " " to
}

function system_header(name) {
    if (mine in any || (mine in may_also && name ~ may_also[mine]))
        return
    if ((mine in freestanding) && !(name in compiler_header))
        fail("<" name ">: " mine "/ has no libc, only the headers of a freestanding compiler")
}

function angle(name,    path, target) {
    if (!(name in public)) {
        if (name in private)
            fail("<" name ">: a private header is included in quotes")
        else
            system_header(name)
        return
    }
    path = public[name]
    target = folder_of(path)
    edge(FILENAME, path)
    if (!(mine in any) && !((mine, target) in may))
        fail("<" name ">: " mine "/ may not include headers of " target "/")
}

function quoted(name,    path, target, dir, i) {
    dir = FILENAME
    sub(/\/[^\/]*$/, "", dir)
    path = normal(dir "/" name)
    # Folders on the path of the images own programs.
    if (!(path in exists) && (mine in may_search))
        for (i = 1; i <= searches && !(path in exists); i++)
            path = search[i] "/" name
    if (!(path in exists)) {
        # Elsewhere in the tree: some -I may find it.  Nowhere: the compiler says so.
        sub(/.*\//, "", path)
        if ((path in private) && !((folder_of(private[path]) in laid_over) &&
                (mine == folder_of(private[path]) || FILENAME ~ /^tests\/libc\//)))
            fail("\"" name "\": not in this folder")
        return
    }
    target = folder_of(path)
    edge(FILENAME, path)
    if (is_public(path))
        fail("\"" name "\": a public header is included as <...>")
    else if (is_public(FILENAME))
        fail("\"" name "\": a public header may not include a private one")
    else if (target != mine && !(mine in any) && !((mine, target) in private_of))
        fail("\"" name "\": private to " target "/")
}

# Depth first; a header met again while it is still open closes a cycle.
function visit(file, trail,    n, i, list) {
    if (state[file] == "done")
        return
    if (state[file] == "open") {
        print file ": headers include each other:" trail " " file
        failed = 1
        return
    }
    state[file] = "open"
    n = split(edges[file], list, " ")
    for (i = 1; i <= n; i++)
        visit(list[i], trail " " file)
    state[file] = "done"
}

BEGIN {
    layer("kernel", "")
    layer("drivers", "kernel")
    layer("hugepages", "kernel")
    layer("net", "kernel drivers")
    layer("gc-hooks", "kernel hugepages")
    layer("gc-hooks/linux", "gc-hooks")
    layer("jvm-support", "kernel drivers hugepages net gc-hooks")
    layer("jni-ext", "gc-hooks")
    layer("images", "kernel drivers hugepages net gc-hooks jvm-support jni-ext")
    layer("benchmarks", "gc-hooks")
    layer("tests", "")
    layer("tools", "")
    any["tests"] = any["tools"] = 1

    # Linked into the kernel, so without a libc.
    freestanding["kernel"] = freestanding["drivers"] = freestanding["hugepages"] = 1
    freestanding["net"] = freestanding["gc-hooks"] = 1
    may_also["net"] = "^(lwip|netif)/"
    may_also["gc-hooks"] = "^dlfcn[.]h$" # for programs that look for the hooks
    n = split("stddef.h stdint.h stdbool.h stdarg.h stdatomic.h limits.h", list, " ")
    for (i = 1; i <= n; i++)
        compiler_header[list[i]] = 1

    # Its sources are laid over the tree of musl, whose include path finds them;
    # its tests are compiled with that path.
    laid_over["jvm-support"] = 1

    # An image is composed of its own sources and of test or benchmark
    # programs, which are not layers that anything else builds upon.
    private_of["images", "tests"] = private_of["images", "benchmarks"] = 1
    may_search["images"] = may_search["tests"] = may_search["benchmarks"] = 1
    searches = split("tests/guest tests/host benchmarks/micro images", search, " ")

    for (i = 1; i < ARGC; i++) {
        path = ARGV[i]
        exists[path] = 1
        if (path !~ /\.h$/)
            continue
        if (is_public(path)) {
            name = path
            sub(/^[^\/]+\/include\//, "", name)
            if (name in public) {
                print path ": the same name as " public[name]
                failed = 1
            }
            public[name] = path
        } else {
            sub(/.*\//, "", path)
            private[path] = ARGV[i]
        }
    }
}

FNR == 1 {
    mine = index(FILENAME, "/") ? folder_of(FILENAME) : "."
    if (!(mine in known))
        fail(mine "/ is not a layer: list it in tools/check-layering.sh")
}

/^[ \t]*#[ \t]*(include|include_next|import)[^a-z_]/ {
    line = $0
    sub(/^[ \t]*#[ \t]*[a-z_]+[ \t]*/, "", line)
    if (match(line, /^<[^>]+>/))
        angle(substr(line, 2, RLENGTH - 2))
    else if (match(line, /^"[^"]+"/))
        quoted(substr(line, 2, RLENGTH - 2))
    else
        fail("an #include that does not name its file")
}

END {
    for (file in edges)
        visit(file, "")
    exit failed
}' $files
