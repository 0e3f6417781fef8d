#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The model does with the scripts of tests/qtest/derived what the oracle says.
. "$srcdir/tests/cli/support_tap.sh"

if ! command -v python3 >/dev/null; then
    echo '1..0 # SKIP python3 is not installed'
    exit 0
fi
qtest=$top_srcdir/tests/qtest
for script in "$qtest"/derived/*.json; do
    "$qtest/fuzz" "$script" >out 2>err
    status=$?
    test $status -eq 0
    ok "$(basename "$script" .json)"
done
tap_done
