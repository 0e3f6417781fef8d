#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Every expectation can fail: each is given once as it is, and once as it is not.
. "$srcdir/tests/cli/support_tap.sh"

# step EXPECT: what becomes of a step that maps a page beyond RAM at a subscriber that
# holds another already.
step() {
    cat >x.yaml <<END_OF_FILE
iommusim: 1
machine:
  ram: 1GiB
  iommus: {vtd0: {model: intel-vtd, caching_mode: on}}
  devices:
    nic0: {iommu: vtd0, backend: vfio}
    pt0: {iommu: vtd0, backend: emulated}
timeline:
  - map: {device: nic0, iova: 0x1000, size: 4KiB, gpa: 0x20000}
  - $1
expect: {violations: [$2]}
END_OF_FILE
    sim -q x.yaml
}

missing='{class: missing-mapping, count: 1}'
beyond='map: {device: nic0, iova: 0x2000, size: 4KiB, gpa: 0x40000000}'
read='dma: {device: nic0, iova: 0x1ff8, size: 16, access: read}'
fault='dma: {device: pt0, iova: 0x5008, size: 8, access: write}'
register='mmio_expect: {iommu: vtd0, reg: GSTS, value: 0xc4000000}'

# holds WHAT STEP EXPECT [VIOLATION]; fails WHAT STEP EXPECT VIOLATION LINE
holds() {
    step "$2
    expect: $3" "$4"
    is 0 err "$1 holds" </dev/null
}
fails() {
    step "$2
    expect: $3" "$4"
    test $status -eq 1 && grep -qF "$5" err
    ok "$1 fails"
}

holds 'an error' "$beyond" '{error: EFAULT}' "$missing"
fails 'another error' "$beyond" '{error: EEXIST}' "$missing" 'error: want EEXIST, got EFAULT'
fails 'no error where there is one' "$beyond" '{error: none}' "$missing" 'error: want none, got EFAULT'
holds 'no error' 'check: {}' '{error: none}'
fails 'an error where there is none' 'check: {}' '{error: EFAULT}' '' 'error: want EFAULT, got none'
holds 'a result' "$read" '{result: blocked, done: 8, gpa: 0x20ff8}'
fails 'another result' "$read" '{result: ok}' '' 'result: want ok, got blocked'
fails 'another count of bytes' "$read" '{done: 0}' '' 'done: want 0, got 8'
fails 'another address' "$read" '{gpa: 0x20ff0}' '' 'gpa: want 0x20ff0, got 0x20ff8'
fails 'an address where there is none' "$fault" '{gpa: 0}' '' 'gpa: want 0x0, got none'
fails 'bytes of what is no access' 'check: {}' '{done: 8}' '' 'done: want 8, got 0'
holds 'a fault' "$fault" '{fault: {reason: 5, sid: 0x10, address: 0x5000, type: write}}'
fails 'another reason' "$fault" '{fault: {reason: 6}}' '' 'fault-reason: want 0x6, got 0x5'
fails 'another source' "$fault" '{fault: {sid: 0x18}}' '' 'fault-sid: want 0x18, got 0x10'
fails 'another place' "$fault" '{fault: {address: 0x6000}}' '' 'fault-address: want 0x6000, got 0x5000'
fails 'another access' "$fault" '{fault: {type: read}}' '' 'fault-type: want read, got write'
fails 'no fault where there is one' "$fault" '{fault: none}' '' 'fault: want none, got a-fault'
fails 'a fault where there is none' "$read" '{fault: {reason: 5}}' '' 'fault: want a-fault, got none'
holds 'events' "$beyond" '{events: {nic0/vfio: [map]}}' "$missing"
fails 'other events' "$beyond" '{events: {nic0/vfio: [unmap, map]}}' "$missing" 'want unmap,map, got map'
fails 'no events where there are some' "$beyond" '{events: {nic0/vfio: []}}' "$missing" 'want none, got map'
holds 'a value read' "$register" '{result: ok}'
fails 'a status where there is none' 'check: {}' '{ret: H_SUCCESS}' '' 'ret: want H_SUCCESS, got none'
fails 'a value where there is none' 'check: {}' '{value: 1}' '' 'value: want 0x1, got 0x0'
fails 'words where there are none' 'check: {}' '{rets: [0]}' '' 'rets: want 0x0, got none'
fails 'what cannot be' 'hotplug: nic0' '{error: none}' '' 'hotplug: want ok, got already-plugged'
holds 'what cannot be, if expected' 'hotplug: nic0' '{result: refused}'
fails 'what cannot be, if expected to be done' 'hotplug: nic0' '{result: ok}' '' 'result: want ok, got refused'

cat >x.yaml <<'END_OF_FILE'
iommusim: 1
machine:
  ram: 1GiB
  iommus: {vtd0: {model: intel-vtd, caching_mode: on}}
  devices: {nic0: {iommu: vtd0, backend: vfio}}
limits: {violations: 2}
timeline:
  - {repeat: 3, stride: {iova: 1MiB}, map: {device: nic0, iova: 0, size: 4KiB, gpa: 0x20000, flush: none}}
END_OF_FILE
sim x.yaml
test $status -eq 2 && test "$(grep -c ' violation ' out)" -eq 2
ok 'no more violations than the limit'
sim --stop-on violation x.yaml
test $status -eq 1 && test "$(grep -c ' violation ' out)" -eq 1
ok 'no more than one where the first ends the run'

tap_done
