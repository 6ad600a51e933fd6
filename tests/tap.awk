# SPDX-License-Identifier: MIT
#
# Reads TAP among other output, prints "PASSED FAILED SKIPPED" and, behind
# that, what is wrong with the stream as a whole: a run that stopped half way
# must not count as one that passed.
#
# With -v show=1 it prints instead each failed test with the comments above it.

function problem(text) {
    if (wrong == "")
        wrong = text
}

{ sub(/\r$/, "") }

/^(not )?ok([ \t]|$)/ {
    tests++
    number = $1 == "not" ? $3 : $2
    if (number != tests)
        problem("test " tests " bears the number " number)
    if (plan != "" && planned_first == 0)
        problem("a test after the plan")
    if ($1 == "not") {
        failed++
        if (show)
            printf "%s%s\n", comments, $0
    } else if (/# [Ss][Kk][Ii][Pp]/) {
        skipped++
    } else {
        passed++
    }
    comments = ""
    next
}

/^1\.\.[0-9]+[ \t]*$/ {
    if (plan != "")
        problem("two plans")
    plan = substr($1, 4) + 0
    planned_first = tests == 0
    next
}

/^Bail out!/ { problem($0) }

{ comments = comments $0 "\n" }

END {
    if (plan == "")
        problem(tests ? "stopped after test " tests : "ran no test")
    else if (tests == 0)
        problem("ran no test")
    else if (plan != tests)
        problem("planned " plan " tests, ran " tests)
    if (!show)
        print passed + 0, failed + 0, skipped + 0, wrong
}
