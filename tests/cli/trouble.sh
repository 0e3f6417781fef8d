#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What cannot be done is status 2 with a message, and never a short trace unnoticed.
. "$srcdir/tests/cli/support_tap.sh"

# limited LIMITS: a scenario that reaches each kind of limit.
limited() {
    cat >limited.yaml <<END_OF_FILE
iommusim: 1
name: limited
machine:
  ram: 1GiB
  iommus:
    phb0: {model: papr-tce}
  devices:
    nic0: {iommu: phb0, backend: vfio}
quirks: [sub.drop-unmap]
timeline:
  - map: {device: nic0, iova: 0x1000, size: 8KiB, gpa: 0x20000}
  - unmap: {device: nic0, iova: 0x1000, size: 4KiB}
  - after: 1ms
    check: {}
  - unmap: {device: nic0, iova: 0x2000, size: 4KiB}
limits: {$1}
expect: {violations: [{class: stale-mapping}]}
END_OF_FILE
}

# reaches LIMITS WHAT VALUE MESSAGE
reaches() {
    limited "$1"
    sim limited.yaml
    test $status -eq 2 && has err "limited.yaml: error: $4" &&
        has err 'limited: stopped at a limit' &&
        test "$(tail -n 1 out | cut -d' ' -f2-)" = "run limit what=$2 limit=$3"
    ok "the limit of $2"
    sim -q limited.yaml
    test $status -eq 2 && has err "limited.yaml: error: $4" && ! grep -q ' limit ' out
    ok "the limit of $2, quietly"
}

reaches 'events: 2' events 2 'limit of 2 events reached'
reaches 'time: 10us' time 10000 'limit of 10000 ns of simulated time reached'
reaches 'memory: 4KiB' memory 4096 'limit of 4096 bytes of memory reached'
reaches 'violations: 1' violations 1 'limit of 1 violation reached'
limited 'events: 1000, time: 1s, memory: 64MiB, violations: 9'
sim limited.yaml
test $status -eq 0
ok 'limits that are not reached'

big=$scenarios/captured-boot.yaml
if test -w /dev/full; then
    "$IOMMUSIM" "$big" >/dev/full 2>err
    status=$?
    is 2 err 'a full disk' <<'END_OF_FILE'
iommusim: cannot write the trace: No space left on device
END_OF_FILE
    sim -o /dev/full "$big"
    is 2 err 'a full disk under -o' <<'END_OF_FILE'
iommusim: cannot write /dev/full: No space left on device
END_OF_FILE
    "$IOMMUSIM" "$scenarios/replay-on-hotplug.yaml" >/dev/full 2>err
    status=$?
    test $status -eq 2 && has err 'iommusim: cannot write the trace: No space left on device'
    ok 'a full disk, and a trace that fits the buffer'
    "$IOMMUSIM" explain stale-mapping >/dev/full 2>err
    status=$?
    is 2 err 'a full disk for explain' <<'END_OF_FILE'
iommusim: standard output: No space left on device
END_OF_FILE
fi

{ "$IOMMUSIM" "$big" 2>err; echo $? >status; } | head -n 1 >out
status=$(cat status)
is 2 err 'a closed pipe' <<'END_OF_FILE'
iommusim: cannot write the trace: Broken pipe
END_OF_FILE

sim -o no/such/folder/x "$big"
is 2 err 'a folder that is not there' <<'END_OF_FILE'
iommusim: cannot create no/such/folder/x: No such file or directory
END_OF_FILE
sim --split no/such "$big"
is 2 err 'a parent folder that is not there' <<'END_OF_FILE'
iommusim: cannot create no/such: No such file or directory
END_OF_FILE
: >file
sim --split file "$scenarios/replay-on-hotplug.yaml"
test $status -eq 2 && grep -q '^iommusim: cannot create file' err
ok '--split into a file'

for command in run check test; do
    sim $command none.yaml
    test $status -eq 2 && grep -q 'none.yaml.*No such file or directory' err
    ok "$command of a missing file"
done
sim diff none.trace none.trace
test $status -eq 2 && grep -q 'none.trace.*No such file or directory' err
ok 'diff of a missing file'
sim import --from qemu-log none.log
test $status -eq 2 && grep -q 'none.log.*No such file or directory' err
ok 'import of a missing file'
echo 'nothing of the kind' >odd.log
sim import --from qemu-log -o odd.yaml odd.log
test $status -eq 2 && grep -q 'odd.log.*no TCE table in this log' err && test ! -e odd.yaml
ok 'import of a log without tables writes no scenario'
if test "$(id -u)" -ne 0; then
    cp "$scenarios/replay-on-hotplug.yaml" secret.yaml
    chmod 0 secret.yaml
    sim secret.yaml
    test $status -eq 2 && has err 'secret.yaml: error: cannot read: Permission denied'
    ok 'an unreadable file'
fi
tap_done
