# SPDX-License-Identifier: MIT
#
# awk -f table.awk ROWS RAW: medians of Moka and Linux, their ratio, and the goals.
FNR == NR {
    if ($0 !~ /^#/)
        row[++rows] = $0
    next
}
$2 == "sample" { sample[$1, $3, ++count[$1, $3]] = $5 + 0 }
$2 == "skip" {
    text = $0
    sub(/^[^ ]* skip [^ ]* /, "", text)
    skip[$1, $3] = text
}

function median(who, name,    n, i, j, value) {
    n = count[who, name]
    for (i = 2; i <= n; i++) {
        value = sample[who, name, i]
        for (j = i; j > 1 && sample[who, name, j - 1] > value; j--)
            sample[who, name, j] = sample[who, name, j - 1]
        sample[who, name, j] = value
    }
    return (sample[who, name, int((n + 1) / 2)] + sample[who, name, int(n / 2) + 1]) / 2
}

function show(ns) {
    return ns < 1000 ? sprintf("%.0f ns", ns) : ns < 1000000 ? sprintf("%.1f us", ns / 1000) : \
        sprintf("%.1f ms", ns / 1000000)
}

function cell(who, name) {
    if ((who, name) in count)
        return show(median(who, name))
    return (who, name) in skip ? skip[who, name] : "-"
}

function verdict(goal, name, part,    met, least) {
    if (goal == "")
        return "|"
    split(goal, part, " ")
    if (part[1] == "linux") {
        if (!(("moka", name) in count) || !(("linux", name) in count))
            return ">= " part[2] " x | ?"
        met = median("linux", name) >= part[2] * median("moka", name)
        return ">= " part[2] " x | " (met ? "yes" : "NO")
    }
    if (!(("moka", name) in count) || !(("moka", part[2]) in count))
        return "<= " part[3] " * " part[2] " | ?"
    least = median("moka", part[2])
    if (("linux", part[2]) in count && median("linux", part[2]) < least)
        least = median("linux", part[2])
    met = median("moka", name) <= part[3] * least
    return "<= " part[3] " * " part[2] " | " (met ? "yes" : "NO")
}

END {
    print "| call | Moka | Linux | ratio | goal | met |"
    print "|---|---|---|---|---|---|"
    for (i = 1; i <= rows; i++) {
        split(row[i], f, "|")
        for (j = 1; j <= 3; j++)
            gsub(/^ +| +$/, "", f[j])
        ratio = ("moka", f[2]) in count && ("linux", f[2]) in count ? \
            sprintf("%.2f x", median("linux", f[2]) / median("moka", f[2])) : ""
        print "| " f[1] " | " cell("moka", f[2]) " | " cell("linux", f[2]) " | " ratio " | " verdict(f[3], f[2]) " |"
    }
    print ""
    print "ratio: Linux's time over Moka's."
}
