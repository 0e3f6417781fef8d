#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The oracle of tests/qtest says what QEMU 7.2 was recorded to do, `compare` sees it when
# it does not, and `generate` makes scripts that the oracle understands.
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
qtest=$top_srcdir/tests/qtest
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 6))' 2>/dev/null; then
    echo '1..0 # SKIP no python3'
    exit 0
fi
n=0

# report NAME: whether the command before it succeeded.
report() {
    status=$?
    n=$((n + 1))
    if test $status -eq 0; then
        echo "ok $n - $1"
    else
        sed 's/^/# /' "$dir/out"
        echo "not ok $n - $1"
    fi
}

for script in "$qtest"/scripts/*.json; do
    name=${script##*/}
    "$qtest/oracle" -o "$dir/$name" "$script" >"$dir/out" 2>&1 &&
        "$qtest/compare" --all-regions "$qtest/results/$name" "$dir/$name" >"$dir/out" 2>&1
    report "as recorded: ${name%.json}"
done

# differs FILE SED-SCRIPT: a result changed like this is told from the recorded one.
differs() {
    sed "$2" "$qtest/results/$1" >"$dir/changed"
    "$qtest/compare" "$qtest/results/$1" "$dir/changed" >"$dir/out" 2>&1
    test $? -eq 1
    report "compare sees $2"
}

differs 01-present-absent.json 's/"reason": 6/"reason": 7/'
differs 30-subscribe-replay.json 's/"iova": "0x103000", "gpa": "0x4004000", "mask"/"iova": "0x103000", "gpa": "0x4005000", "mask"/'
differs 30-subscribe-replay.json 's/"type": "MAP", "iova": "0x101000"/"type": "UNMAP", "iova": "0x101000"/'
differs 25-iqe.json 's/"iqh": 8/"iqh": 6/'
sed 's/"type": "UNMAP", "iova": "0x100000", "gpa": "0x4010000"/"type": "UNMAP", "iova": "0x100000", "gpa": "0x7"/' \
    "$qtest/results/30-subscribe-replay.json" >"$dir/changed"
! cmp -s "$dir/changed" "$qtest/results/30-subscribe-replay.json" &&
    "$qtest/compare" "$qtest/results/30-subscribe-replay.json" "$dir/changed" >"$dir/out" 2>&1
report 'compare ignores the gpa of an UNMAP'

for seed in 1 2 3 4 5 6 7 8; do
    "$qtest/generate" --seed $seed -o "$dir/random" 2>"$dir/out" &&
        "$qtest/generate" --seed $seed -o "$dir/again" 2>>"$dir/out" &&
        cmp "$dir/random" "$dir/again" >>"$dir/out" 2>&1 &&
        "$qtest/oracle" -o "$dir/result" "$dir/random" >>"$dir/out" 2>&1 &&
        "$qtest/compare" "$dir/result" "$dir/result" >>"$dir/out" 2>&1
    report "seed $seed makes one script"
done
echo "1..$n"
