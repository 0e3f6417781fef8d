#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# tools/qtest-replay: the driver of op scripts, apart from what the model makes of them.
. "$srcdir/tests/cli/support_tap.sh"

if ! command -v python3 >/dev/null; then
    echo '1..0 # SKIP python3 is not installed'
    exit 0
fi

# replay OPS [MACHINE]: run these operations; one line of results for each in `ops`.
replay() {
    printf '{"name": "t", "doc": "", "machine": {%s}, "ops": [%s]}\n' "${2-}" "$1" >t.json
    "$top_srcdir/tools/qtest-replay" t.json >out 2>err
    status=$?
    sed -n 's/^{"i": \([0-9]*\), .*"result": \(.*\), "events": \(.*\)}.*/\1 \2 \3/p' out >ops
}

# answers N RESULT NAME: operation N gave just this, without events.
answers() {
    test $status -eq 0 && has ops "$1 $2 []"
    ok "$3"
}

ready='{"op": "setup"}, {"op": "table", "id": "A"},
    {"op": "context", "dev": "e0", "table": "A", "domain": 5}'
clear='"fault": {"fsts": "0x0", "pfo": 0, "ppf": 0, "iqe": 0, "fri": 0}'

replay "$ready, "'{"op": "map", "table": "A", "iova": "0x100000", "gpa": "0x4001000"},
    {"op": "dma", "dev": "e0", "iova": "0x100000"},
    {"op": "dma", "dev": "e0", "iova": "0x100000", "len": 4},
    {"op": "dma", "dev": "e0", "dir": "write", "iova": 0x100000}'
test $status -eq 1 && grep -q '^qtest-replay: t.json: ' err
ok 'what is no JSON is refused'
replay "$ready, "'{"op": "map", "table": "A", "iova": 1048576, "gpa": "0400010000"},
    {"op": "dma", "dev": "e0", "iova": "0x100000"},
    {"op": "dma", "dev": "e0", "iova": "0x100000", "len": 4},
    {"op": "dma", "dev": "e0", "dir": "write", "iova": "0xffffc"},
    {"op": "faults"}'
answers 4 '{"page": "0x4001000", "outcome": "ok", '"$clear}" \
    'a read says which page it reached; numbers are read as in C'
answers 5 '{"page": null, "outcome": "blocked", '"$clear}" 'four bytes are no tag'
record='"record": {"reason": 5, "sid": "0x18", "type": "write", "addr": "0xff000"}'
answers 6 '{"page": "0x4001000", "outcome": "ok", "fault": {"fsts": "0x2", "pfo": 0, "ppf": 1, "iqe": 0, "fri": 0, '"$record}}" \
    'a write across pages may be refused in one and arrive in the other'
answers 7 '{"fsts": "0x2", "pfo": 0, "ppf": 1, "iqe": 0, "fri": 0, '"$record"', "fsts_after_clear": "0x0"}' \
    'the record is read, then cleared'

replay "$ready, "'{"op": "qi_raw", "lo": "0xf"}, {"op": "inv_iotlb", "gran": "global"},
    {"op": "qi_fix"}, {"op": "qi_raw", "lo": 0}, {"op": "qi_fix"},
    {"op": "reg_read", "reg": "IQT"}, {"op": "inv_iotlb", "gran": "global"}'
answers 3 '{"wait_status": "not done", "fsts": "0x10", "iqh": 0, "iqt": 2}' 'a bad descriptor'
answers 4 '{"wait_status": "not done", "fsts": "0x10", "iqh": 0, "iqt": 4}' 'stops the queue'
answers 5 '{"fsts_after_clear": "0x0", "iqh_after_clear": 0, "fsts": "0x0", "iqh": 4, "iqt": 4}' \
    'until the one at the head is repaired, wherever that is'
answers 7 '{"fsts_after_clear": "0x0", "iqh_after_clear": 4, "fsts": "0x0", "iqh": 6, "iqt": 6}' \
    'each time'
answers 8 '{"value": "0x60"}' 'registers are read as they are'
answers 9 '{"wait_status": "done"}' 'and the queue runs on'

# The table below the large leaf is the memory that it maps: entry 5 of page 0x8000000.
replay "$ready, "'{"op": "map", "table": "A", "iova": "0x200000", "gpa": "0x8000000", "size": "0x200000"},
    {"op": "map", "table": "A", "iova": "0x205000", "gpa": "0x4001000"},
    {"op": "dma", "dev": "e0", "iova": "0x205000"},
    {"op": "map", "table": "A", "iova": "0x200000", "gpa": "0x4001000"},
    {"op": "dma", "dev": "e0", "iova": "0x200000"}'
answers 5 '{"page": "0x8005000", "outcome": "ok", '"$clear}" 'below a large leaf is no table'
answers 7 '{"page": null, "outcome": "blocked", '"$clear}" 'but memory, which may lose its tag'

replay "$ready, "'{"op": "subscribe", "name": "m", "dev": "e0", "flags": ["MAP"]},
    {"op": "subscribe", "name": "a b", "dev": "e0", "flags": ["UNMAP"], "end": "0xffff", "replay": false},
    {"op": "unsubscribe", "name": "a b"}, {"op": "enable"},
    {"op": "subscribe", "name": "u", "dev": "e0", "flags": ["UNMAP"], "replay": false}'
test $status -eq 0 && grep -q '^3 {"answer": "err"} ' ops &&
    grep -q '^3 .*"err": "requires caching mode"' ops &&
    grep -q '^4 {"answer": "ok notifiers=1"} ' ops &&
    grep -q '^6 {"gsts": "0x44000000"}' ops && grep -q '^7 {"answer": "ok notifiers=0"}' ops
ok 'subscribers are refused, or taken with as many notifiers as there are regions'

# regions N WANT NAME: the regions and registrations that operation N shows, in short.
regions() {
    sed -n "s/^$1 //p" ops | grep -o '"event": "reg[^}]*' |
        sed 's/"event": "register", "sub": "\([^"]*\)".*/\1 registers/
            s/.*"sub": "\([^"]*\)", "op": "\(...\)", .*"start": "\([^"]*\)".*/\1 \2 \3/' |
        tr '\n' ',' >got
    test "$(cat got)" = "$2"
    ok "$3"
}
regions 4 'a b add 0x0,a b registers,a b add 0xfee00000,a b add 0xfef00000,' \
    'regions appear one after the other, and who wants them registers'
regions 5 'a b del 0x0,a b del 0xfee00000,a b del 0xfef00000,' 'and all are left'

replay '{"op": "hotplug", "id": "h0", "bus": "rp1"}, {"op": "unplug", "id": "h0"},
    {"op": "hotplug", "id": "h1", "bus": "rp1"},
    {"op": "dma", "dev": "h1", "iova": "0x7ffff000"}'
answers 3 '{"page": "0x7ffff000", "outcome": "ok", '"$clear}" 'devices come and go'

"$top_srcdir/tools/qtest-replay" --scenario t.json >s.yaml && sim check s.yaml && test $status -eq 0
ok 'the scenario can be had'

replay '{"op": "reg_read", "reg": "CAP"}, {"op": "reg_read", "reg": "ECAP"}' \
    '"caching_mode": true, "aw_bits": 48, "extra": "x-frobnicate=on"'
test $status -eq 0 && has ops '0 {"value": "0xd2008c222f0686"} []' &&
    grep -q "option 'x-frobnicate=on' is not modelled" err
ok 'options of the machine'

for bad in '{"op": "frobnicate"}' '{"op": "dma", "dev": "e7", "iova": 0}' '{"op": "table"}' \
    '{"op": "map", "table": "Z", "iova": 0, "gpa": 0}' '{"op": "reg_read", "reg": "FOO"}' \
    '{"op": "replay", "name": "nobody"}'; do
    replay "$bad"
    test $status -eq 1 && grep -q '^qtest-replay: t.json: op 0: ' err
    ok "refused: $bad"
done
tap_done
