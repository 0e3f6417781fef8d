#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Failures made to happen: the step `fail`, and --fail-nth.
. "$srcdir/tests/cli/support_tap.sh"

# holds FILE TEXT: it stands somewhere in FILE.
holds() {
    grep -qF -e "$2" "$1"
}

hotplug=$scenarios/replay-on-hotplug.yaml

sim --fail-nth "$hotplug"
test $status -eq 0 && holds out 'replay on hotplug: 3 points' && holds out '3 rolled back'
ok 'a plug that fails leaves nothing behind, wherever it fails'

sim --fail-nth "$scenarios"/failures/*.yaml
test $status -eq 0 && ! holds out 'left behind' && holds out ' nic1/vhost-vdpa ' &&
    holds out ' nic1/ats ' && holds out ' nic0/vfio-spapr '
ok 'nor does that of any kind of back end'

sim --fail-nth "$scenarios"/*plug*.yaml "$scenarios"/replay-to-top-of-space.yaml
test $status -eq 0 && ! holds out 'left behind' && holds out 'unplug with live mappings: ' &&
    holds out 'hotplug without replay: '
ok 'nor do devices that come and go while the guest maps'

cat >later.yaml <<'END_OF_FILE'
iommusim: 1
name: mapped after the plug
machine:
  ram: 1GiB
  iommus:
    phb0: {model: papr-tce}
  devices:
    nic0: {iommu: phb0, backend: vfio, plugged: off}
timeline:
  - map: {device: nic0, iova: 0x1000, size: 4KiB, gpa: 0x20000}
  - hotplug: nic0
  - map: {device: nic0, iova: 0x2000, size: 4KiB, gpa: 0x20000}
END_OF_FILE
sim --fail-nth later.yaml
test $status -eq 0 && test "$(grep -c 'rolled back$' out)" -eq 4 &&
    grep -q 'map .* later.yaml:12 .* reported: 1 missing-mapping$' out
ok 'what the guest maps and the host refuses is reported: it cannot be undone'

cat >long-ago.yaml <<'END_OF_FILE'
iommusim: 1
name: plugged when the maps are long forgotten
machine:
  ram: 1GiB
  iommus:
    phb0: {model: papr-tce}
  devices:
    nic0: {iommu: phb0, backend: vfio, plugged: off}
timeline:
  - map: {device: nic0, iova: 0x1000, size: 4KiB, gpa: 0x20000}
    repeat: 600
    stride: {iova: 8KiB}
  - hotplug: nic0
END_OF_FILE
sim --fail-nth --quirk sub.ignores-replay-errors long-ago.yaml
test $status -eq 1 && grep -q 'map .* long-ago.yaml:13 .* left behind: 1 missing-mapping$' out &&
    ! holds out 'reported: '
ok 'what a plug does not mirror is left behind, though that step began it'

sim --fail-nth=3 "$hotplug"
test $status -eq 1 && holds out '# overrides fail-nth=3' &&
    holds out 'nic0/vfio injected op=map errno=ENOMEM' && holds out 'nic0/vfio refused'
ok 'one point of the table is run with its trace'

sim --fail-nth=4 "$hotplug"
test $status -eq 0 && holds err 'replay on hotplug: no point 4 can fail: there are 3'
ok 'a point that is not there is told'

sim --fail-nth=0 "$hotplug"
test $status -eq 2 && holds err "bad value '0' for --fail-nth"
ok 'points count from 1'

sim --fail-nth --quirk sub.ignores-replay-errors "$hotplug"
test $status -eq 1 && holds out 'left behind: 1 missing-mapping'
ok 'a listener that forgets its errors leaves a page out'

sim --fail-nth -o table "$hotplug"
test $status -eq 2 && ! test -e table
ok 'there is no trace that could go to a file'

cat >unmap.yaml <<'END_OF_FILE'
iommusim: 1
name: unmap
machine:
  ram: 1GiB
  iommus:
    phb0: {model: papr-tce}
  devices:
    nic0: {iommu: phb0, backend: [vfio-spapr, {backend: vhost, name: v}]}
timeline:
  - map: {device: nic0, iova: 0x1000, size: 4KiB, gpa: 0x20000}
  - fail: {subscriber: nic0/vfio-spapr, op: unmap, nth: 2, errno: EBUSY}
  - unmap: {device: nic0, iova: 0x1000, size: 4KiB}
  - map: {device: nic0, iova: 0x1000, size: 4KiB, gpa: 0x20000}
  - unmap: {device: nic0, iova: 0x1000, size: 4KiB}
END_OF_FILE
sim unmap.yaml
test $status -eq 1 && holds out 'nic0/vfio-spapr injected op=unmap errno=EBUSY' &&
    holds out 'class=stale-mapping' && test "$(grep -c injected out)" -eq 1
ok 'the nth operation from the step on fails, with the errno given'

grep -v 'fail:' unmap.yaml >plain.yaml
sim --fail-nth plain.yaml
test $status -eq 1 && holds out ' nic0/v               message ' &&
    holds out ' nic0/vfio-spapr      unmap ' && holds out 'left behind: 1 stale-mapping'
ok 'each kind of point is met'

sed 's/op: unmap/op: sneeze/' unmap.yaml >bad.yaml
sim bad.yaml
test $status -eq 2 && holds err "bad.yaml:11:"
ok 'an unknown operation is an error with its place'

sed 's/nth: 2/nth: 0/' unmap.yaml >bad.yaml
sim bad.yaml
test $status -eq 2 && holds err "'nth' counts from 1"
ok 'there is no operation before the first'

tap_done
