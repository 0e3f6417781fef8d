#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What real QEMU 7.2 did with op scripts (tests/qtest/results) is what the model does
# under profile qemu-7.2.
. "$srcdir/tests/cli/support_tap.sh"

if ! command -v python3 >/dev/null; then
    echo '1..0 # SKIP python3 is not installed'
    exit 0
fi
qtest=$top_srcdir/tests/qtest
for script in "$qtest"/scripts/*.json; do
    name=${script##*/}
    "$top_srcdir/tools/qtest-replay" "$script" >result.json 2>err &&
        "$qtest/compare" --all-regions "$qtest/results/$name" result.json >out
    status=$?
    test $status -eq 0
    ok "${name%.json}"
done
tap_done
