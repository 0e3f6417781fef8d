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

for table in recorded observed corners; do
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

# refused TEXT MESSAGE: a table of that text is refused, and why.
refused() {
    echo "$1" >t.json
    replay t.json
    test $status -eq 2 && test ! -s out && has err "hcall-replay: $2"
    ok "refused: $2"
}
w='"windows": [{"liobn": "0x80000000", "page_shift": 12, "bus_offset": 0, "nb_tce": 16384}]'
refused '{}' 't.json: a table is a list of rows'
refused '[1]' 't.json: a table is a list of rows'
refused '[{"id": 1, "call": "H_GET_TCE"}]' "row 1: no 'windows'"
refused "[{\"id\": 1, $w, \"call\": \"H_BOGUS\", \"args\": {}}]" \
    "row 1: unknown call 'H_BOGUS'"
refused "[{\"id\": 1, $w, \"call\": \"H_GET_TCE\", \"args\": {\"liobn\": 1}}]" \
    "row 1: no 'ioba'"
refused "[{\"id\": 1, $w, \"call\": \"H_GET_TCE\", \"args\": {\"liobn\": 1, \"ioba\": -1}}]" \
    'row 1: -1 is no unsigned 64-bit number'
refused "[{\"id\": 1, $w, \"setup\": 1}]" "row 1: 'setup' is no list of objects"
refused "[{\"id\": 1, $w, \"call\": \"RTAS ibm,query-pe-dma-window\", \"args\": {\"nret\": 6}}]" \
    "row 1: no 'config_addr'"
refused "[{\"id\": 1, $w, \"call\": \"H_PUT_TCE_INDIRECT\", \"args\": {\"liobn\": 1, \"ioba\": 0, \"tce_list\": 0, \"npages\": 1, \"list\": 5}}]" \
    'row 1: a list is entries, a pattern, or a text: nothing is there'
g='"call": "H_GET_TCE", "args": {"liobn": "0x80000001", "ioba": 0}'
refused "[{\"id\": 1, \"windows\": [{\"liobn\": \"0x80000001\", \"page_shift\": 13, \"bus_offset\": \"0x800000000000000\", \"nb_tce\": 16}], $g}]" \
    'row 1: its windows cannot be made'
refused "[{\"id\": 1, \"windows\": [{\"liobn\": \"0x80000001\", \"page_shift\": 16, \"bus_offset\": 0, \"nb_tce\": 16}], $g}]" \
    'row 1: its windows cannot be made'
refused "[{\"id\": 1, \"windows\": [{\"liobn\": \"0x80000001\", \"page_shift\": 16, \"bus_offset\": 0, \"nb_tce\": 15}], $g}]" \
    'row 1: no window can be made with 15 entries'
tap_done
