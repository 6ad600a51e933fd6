#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run-jvm.sh BUILD-DIR
#
# All tests of Java, one after the other: programs of ours (run-java.sh),
# Debian's jars (run-jars.sh), disks and JVMs that end badly (run-build.sh).
# What follows runs also when something has failed.  At the end their sum.
set -eu
. tests/report.sh

build=$1 started=$(now_ms) result=0
rm -f "$build/java.result" "$build/jars.result"
tests/run-java.sh "$build" || result=1
tests/run-jars.sh "$build" || result=1

accel=kvm
can_run kvm 'disks were' || accel=tcg
log=$build/logs/disks.log status=0
begin "$accel disks, and JVMs that end badly"
tests/run-build.sh "$build" "$accel" >"$log" 2>&1 </dev/null || status=1
judge

cat "$build/java.result" "$build/jars.result" >"$build/logs/jvm.sum"
while read -r passed failed skipped; do
    count "$passed" "$failed" "$skipped"
done <"$build/logs/jvm.sum"
minutes=$((($(now_ms) - started + 59999) / 60000))
finish "test-jvm, $minutes minutes" "$build/jvm.result" && [ "$result" = 0 ]
