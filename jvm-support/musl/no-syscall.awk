# SPDX-License-Identifier: MIT
#
# Reads objdump -d --no-show-raw-insn: fails if an instruction enters a kernel
# as Linux does it, or if there were no instructions to look at.
/^[^ ]*:[ \t]+file format/ { file = $1 }
/^ *[0-9a-f]+:\t/ {
    seen++
    if ($2 ~ /^(syscall|sysenter|sysret)/ || ($2 == "int" && $3 == "$0x80")) {
        print file " " $0
        failed = 1
    }
}
END {
    if (seen < 10000) {
        print "only " seen + 0 " instructions found"
        failed = 1
    }
    exit failed
}
