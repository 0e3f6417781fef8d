#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Every figure of tests/bench, for the program as built. Runs from the build folder.
# Absolute figures drift with load: compare pairs taken one after the other, and
# instruction counts (last block, needs valgrind) where a figure must repeat.
# docs/performance.md says what is aimed at.
set -eu
: "${srcdir:=.}" "${IOMMUSIM:=src/iommusim}"

echo "== parts"
tests/bench/bench_base
echo "== the whole program"
tests/bench/bench_run

echo "== start-up: a small scenario from exec to exit"
scenario=$srcdir/scenarios/replay-on-hotplug.yaml
n=300
t0=$(date +%s%N)
i=0
while [ $i -lt $n ]; do
    "$IOMMUSIM" -q "$scenario" >/dev/null
    i=$((i + 1))
done
t1=$(date +%s%N)
i=0
while [ $i -lt $n ]; do
    /bin/true
    i=$((i + 1))
done
t2=$(date +%s%N)
echo "one run        $(((t1 - t0) / n / 1000)) us"
echo "one /bin/true  $(((t2 - t1) / n / 1000)) us"

if command -v valgrind >/dev/null; then
    echo "== instructions"
    sh "$srcdir/tests/bench/instructions.sh"
fi
