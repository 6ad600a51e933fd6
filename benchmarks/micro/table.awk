# SPDX-License-Identifier: MIT
#
# awk [-v markdown=1] [-v brief=1] -v accel=kvm -f table.awk ROWS RAW
#
# Makes the table: rows.txt says which rows, RAW has the lines that the runs
# printed, each with "SYSTEM ROUND" in front, SYSTEM being moka, tcg or linux.
# Shown are the median of the samples of all rounds and the 10th and 90th
# percentile.  brief: without the platform's costs and TCG.  POSIX awk: no sort
# function, so there is one here.

FNR == NR {
    if ($0 !~ /^#/) {
        row[++rows] = $0
        split($0, first, " *[|]")
        if (index($0, "|") && length(first[1]) + 2 > width)
            width = length(first[1]) + 2
    }
    next
}

$3 == "sample" {
    key = $1 SUBSEP $4
    unit[key] = $5
    for (i = 6; i <= NF; i++)
        sample[key, ++count[key]] = $i + 0
}
$3 == "fact" { fact[$1, $4] = $5 }
$3 == "fact" && $4 ~ /found_awake/ { awake[$1 " " $4] += $5 }
$3 == "skip" { skipped[$4] = 1 }
$3 == "failed" { failed[++failures] = $1 ", round " $2 ": " substr($0, index($0, "failed") + 7) }
$1 == "note" { note[++notes] = substr($0, 6) }

# Shell sort of the samples of `key`, once.
function sort(key,    n, gap, i, j, value) {
    if (key in sorted)
        return
    sorted[key] = 1
    n = count[key]
    for (gap = int(n / 2); gap > 0; gap = int(gap / 2))
        for (i = gap + 1; i <= n; i++) {
            value = sample[key, i]
            for (j = i; j > gap && sample[key, j - gap] > value; j -= gap)
                sample[key, j] = sample[key, j - gap]
            sample[key, j] = value
        }
}

# The value below which the part `p` of the samples lies.
function percentile(key, p,    i) {
    sort(key)
    i = int(p * count[key] + 0.999999)
    return sample[key, i < 1 ? 1 : i]
}

function median(key,    n) {
    sort(key)
    n = count[key]
    return (sample[key, int((n + 1) / 2)] + sample[key, int(n / 2) + 1]) / 2
}

# Three digits that count.
function digits(v) {
    return v >= 100 ? sprintf("%.0f", v) : v >= 10 ? sprintf("%.1f", v) : sprintf("%.2f", v)
}

# Nanoseconds and instructions become what reads best; other units stay.
function scale_of(v, u) {
    return (u != "ns" && u != "instr") || v < 1000 ? 1 : v < 1000000 ? 1000 : 1000000
}

function word_of(v, u) {
    if (u == "instr")
        return v < 1000 ? u : v < 1000000 ? "k instr" : "M instr"
    if (u != "ns")
        return u == "percent" ? "%" : u
    return v < 1000 ? "ns" : v < 1000000 ? "us" : "ms"
}

function show(v, u) {
    return digits(v / scale_of(v, u)) " " word_of(v, u)
}

# Median; the spread of its samples in the same unit; their number.
function cell(side, name,    key, m, scale, word, text) {
    key = side SUBSEP name
    if (!(key in count))
        return name == "" || name in skipped || side != "moka" ? "" : "-"
    m = median(key)
    scale = scale_of(m, unit[key])
    word = word_of(m, unit[key])
    text = digits(m / scale)
    if (count[key] > 1)
        text = text " (" digits(percentile(key, 0.1) / scale) " .. " \
            digits(percentile(key, 0.9) / scale) ")"
    text = text " " word
    if (name ~ /^touch/)
        text = text sprintf(", %.2f GB/s", 4096 / m)
    return text (count[key] > 1 ? ", " count[key] : "")
}

# "2*pde_write + cr3_reload / 512" in ns; "" if a cost was not measured.
function floor_ns(text,    part, term, n, i, factor, key, sum) {
    if (text == "" || !(("moka", "tsc_khz") in fact))
        return ""
    split(text, part, "/")
    n = split(part[1], term, "+")
    for (i = 1; i <= n; i++) {
        gsub(/ /, "", term[i])
        factor = 1
        if (index(term[i], "*")) {
            factor = term[i] + 0
            sub(/.*\*/, "", term[i])
        }
        key = "moka" SUBSEP "costs/" term[i]
        if (!(key in count))
            return ""
        sum += factor * median(key)
    }
    return sum / (part[2] > 0 ? part[2] : 1) * 1000000 / fact["moka", "tsc_khz"]
}

# Words of the goal and whether it is met.
function verdict(goal, moka, linux,    g, met) {
    if (goal == "" || goal == "-")
        return SUBSEP
    split(goal, g, " ")
    if (!(moka in count) || (g[1] == "faster" && !(linux in count)))
        return "" SUBSEP "?"
    if (g[1] == "max")
        return "<= " show(g[2], unit[moka]) SUBSEP (median(moka) <= g[2] ? "yes" : "NO")
    return ">= " g[2] " x" SUBSEP (median(linux) >= g[2] * median(moka) ? "yes" : "NO")
}

function out(a, b, c, d, e, f, g, h) {
    if (markdown)
        print "| " a " | " b " | " c " | " d " | " e " | " f " | " (brief ? "" : g " | " h " |")
    else {
        line = sprintf("%-" width "s %-41s %-41s %8s  %-10s %-4s %-9s %s", a, b, c, d, e, f, g, h)
        sub(/ +$/, "", line)
        print line
    }
}

function out_row(text,    f, n, i, moka, linux, ratio, v, low) {
    n = split(text, f, "|")
    for (i = 1; i <= n; i++)
        gsub(/^ +| +$/, "", f[i])
    if (n == 1) {
        if (!markdown)
            print ""
        out(markdown ? "**" f[1] "**" : f[1], "", "", "", "", "", "", "")
        return
    }
    moka = "moka" SUBSEP f[2]
    linux = "linux" SUBSEP f[3]
    ratio = ""
    if (f[4] != "-" && (moka in count) && (linux in count) && median(moka) > 0)
        ratio = digits(median(linux) / median(moka)) " x"
    split(verdict(f[4], moka, linux), v, SUBSEP)
    low = floor_ns(f[5])
    out((markdown ? "" : "  ") f[1], cell("moka", f[2]), cell("linux", f[3]), ratio, v[1], v[2],
        low == "" ? "" : show(low, "ns"), ("tcg", f[2]) in count ? \
        show(median("tcg" SUBSEP f[2]), unit["tcg", f[2]]) : "")
}

function out_costs(    n, i, j, key, name, costs, khz) {
    khz = fact["moka", "tsc_khz"]
    for (key in count)
        if (key ~ /^moka/ && index(key, SUBSEP "costs/"))
            costs[++n] = key
    if (!n)
        return
    for (i = 2; i <= n; i++)
        for (j = i; j > 1 && costs[j - 1] > costs[j]; j--) {
            key = costs[j]
            costs[j] = costs[j - 1]
            costs[j - 1] = key
        }
    print ""
    print "What the platform charges (" fact["moka", "platform"] ", TSC " \
        sprintf("%.2f", khz / 1000000) " GHz): median (10th .. 90th percentile) in cycles"
    print ""
    if (markdown)
        print "| cost | cycles | time |\n|---|---|---|"
    for (i = 1; i <= n; i++) {
        name = costs[i]
        sub(/.*costs\//, "", name)
        key = sprintf("%.0f (%.0f .. %.0f)", median(costs[i]), percentile(costs[i], 0.1),
            percentile(costs[i], 0.9))
        if (markdown)
            print "| " name " | " key " | " show(median(costs[i]) * 1000000 / khz, "ns") " |"
        else
            printf("  %-16s %-32s %s\n", name, key, show(median(costs[i]) * 1000000 / khz, "ns"))
    }
}

END {
    platform = "not run"
    if (("moka", "platform") in fact)
        platform = fact["moka", "platform"] ", " toupper(accel)
    for (i = 1; i <= notes; i++)
        print note[i] (markdown ? "  " : "")
    print ""
    out("benchmark", brief ? "Moka" : "Moka, " platform, "Linux", "ratio", "goal", "met", brief ? "" : "platform", brief ? "" : "Moka, TCG")
    if (markdown)
        print "|---|---|---|---|---|---|" (brief ? "" : "---|---|")
    for (i = 1; i <= rows; i++)
        out_row(row[i])
    print ""
    print "Median (10th .. 90th percentile), number of samples.  ratio: Linux's time over Moka's."
    if (!brief)
        print "platform: what its costs below add up to for the least that must be done."
    out_costs()
    for (key in awake) {
        print ""
        print key ": " awake[key] " wakes not timed, as the waiter was not asleep yet"
    }
    for (i = 1; i <= failures; i++)
        print "FAILED: " failed[i]
    exit failures > 0
}
