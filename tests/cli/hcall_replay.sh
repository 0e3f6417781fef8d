#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# tools/hcall-replay: tables of recorded PAPR calls are answered as recorded, by the
# model and not by the table.
# covers: P27, P28, P29, P30
. "$srcdir/tests/cli/support_tap.sh"

if ! command -v python3 >/dev/null; then
    echo '1..0 # SKIP python3 is not installed'
    exit 0
fi
tables=$top_srcdir/tests/hcall

replay() {
    "$top_srcdir/tools/hcall-replay" "$@" >out 2>err
    status=$?
}

for table in recorded observed; do
    replay --check "$tables/$table.json"
    test $status -eq 0 && cmp out "$tables/$table.json"
    ok "$table calls are answered as recorded"
done

# Every answer spoilt or taken away comes back as it was.
sed -E 's/"ret": (0|-[134])([,}])/"ret": 7\2/g; s/("tce": "[^"]*")(\}])/"tce": "0x7"\2/g;
    s/"rets": \[[^]]*\]/"rets": ["0x7"]/' "$tables/recorded.json" >spoilt.json
replay spoilt.json
test $status -eq 0 && cmp out "$tables/recorded.json"
ok 'answers are the model'"'"'s'
replay --check spoilt.json
test $status -eq 1 && has err 'hcall-replay: row 1 (get-initial-zero) differs'
ok '--check names the rows that differ'

replay --iommusim "$IOMMUSIM" no-such-table.json
test $status -eq 2 && test ! -s out
ok 'a missing table'
echo '[{"id": 1, "case": "x", "windows": [], "call": "H_BOGUS", "args": {}, "ret": 0}]' >t.json
replay t.json
test $status -eq 2 && grep -q "row 1: .*unknown call 'H_BOGUS'" err
ok 'an unknown call'
tap_done
