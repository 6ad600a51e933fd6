# SPDX-License-Identifier: MIT
#
# awk -f python.awk KNOWN LINUX MOKA
#
# Compares what python_tests.py said on Linux and in Moka.  Prints the numbers
# of tests that passed on both, that failed only in Moka, and that Moka cannot
# (their reasons behind it); names the failed ones on standard error.

FNR == 1 { part++ }
part == 1 {
    if ($1 != "" && $1 !~ /^#/) { known[$1] = 1 }
    next
}
part == 2 {
    if ($1 == "pass") { good[$2] = 1 }
    next
}
{ seen[$2] = 1 }
# What stopped a whole class or module, as "setUpClass_(test.test_x.Class)".
$2 ~ /^setUp/ && $3 != "-" {
    name = $2
    gsub(/^.*\(|\)$/, "", name)
    blocked[name] = $3
}
$1 == "error" && $2 !~ /\./ && $3 != "-" { blocked["test." $2] = $3 }
$1 == "end" { ended = 1 }
!($2 in good) || $1 == "end" { next }
$1 == "pass" { passed++; next }
$2 in known { left["known"]++; next }
$3 != "-" { left[$3]++; next }
# Skipped there, because its module found out as it began that Moka has none.
/IPv6|VSOCK|Address family|name lookup/ { left["socket"]++; next }
/extended attribute/ { left["xattr"]++; next }
/[Pp]seudo-terminal|pty devices/ { left["pty"]++; next }
/pidfd/ { left["pidfd"]++; next }
{ print "failed only in Moka:", $0 >"/dev/stderr"; failed++ }

END {
    for (name in good) {
        if (name in seen) {
            continue
        }
        outer = name
        while (!(outer in blocked) && sub(/\.[^.]*$/, "", outer)) {
        }
        if (outer in blocked) {
            left[blocked[outer]]++
        } else {
            print "did not run in Moka:", name >"/dev/stderr"
            missing++
        }
    }
    for (reason in left) {
        skipped += left[reason]
        why = why sprintf("%s%d need %s", why == "" ? "" : ", ", left[reason], reason)
    }
    if (!ended || passed == 0) { failed++ }
    print passed + 0, failed + missing + 0, skipped + 0, why
}
