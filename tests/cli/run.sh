#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# `iommusim run`: what goes where, and what each option does to it.
. "$srcdir/tests/cli/support_tap.sh"

# A subscriber that ignores UNMAP: one violation at line 12, which nothing expects.
cat >broken.yaml <<'END_OF_FILE'
iommusim: 1
name: broken
machine:
  ram: 1GiB
  iommus:
    phb0: {model: papr-tce, window: {base: 0, size: 256MiB, page: 4KiB}}
  devices:
    nic0: {iommu: phb0, backend: vfio}
quirks: [sub.drop-unmap]
timeline:
  - map: {device: nic0, iova: 0x1000, size: 8KiB, gpa: 0x20000}
  - unmap: {device: nic0, iova: 0x1000, size: 4KiB}
  - check
  - after: 5us
    dma: {device: nic0, iova: 0x2000, size: 8, access: read}
END_OF_FILE
(cat broken.yaml; echo 'expect: {violations: [{class: stale-mapping}]}') >expected.yaml
good=$scenarios/replay-on-hotplug.yaml

# --- several, standard input, where the trace and the summary go ---

sim "$good"
test $status -eq 0 && has err 'replay on hotplug: coherent, as expected' &&
    has out '0 nic0/vfio MAP iova=0x1000 size=0x1000 gpa=0x20000 perm=rw cause=replay'
ok 'the trace is on standard output, the summary on standard error'
cp out good.trace

sim run "$good" && cmp -s out good.trace
ok 'run may be said'

sim "$good" broken.yaml "$good"
test $status -eq 1 && test "$(grep -c '^# iommusim-trace 1' out)" -eq 3
ok 'of several scenarios the highest status counts, and each has its trace'

sim "$good" no-such.yaml broken.yaml
test $status -eq 2 && has err 'no-such.yaml: error: cannot read: No such file or directory' &&
    has out '# scenario broken hash='"$(sed -n 's/^# scenario broken hash=//p' out)"
ok 'a missing one is status 2, and the others are run'

sim - <"$good"
test $status -eq 0 && cmp -s out good.trace
ok '- is standard input, with the same trace'

sim -o file.trace "$good"
test $status -eq 0 && cmp -s file.trace good.trace &&
    has out 'replay on hotplug: coherent, as expected' && test ! -s err
ok 'with -o the summary is on standard output'

printf 'iommusim: 1\nnme: x\n' >bad.yaml
echo before >kept
sim -o kept bad.yaml
test $status -eq 2 && test "$(ls | grep -c kept)" -eq 1 && has kept before
ok '-o leaves the file as it was, and nothing beside it, if the scenario is bad'

# --- options ---

sim --format jsonl "$good"
cp out good.jsonl
if command -v python3 >/dev/null; then
    python3 -c 'import json, sys
for line in sys.stdin:
    r = json.loads(line)
    assert isinstance(r["time"], int) and r["subject"] and r["event"]' <good.jsonl
else
    ! grep -qvE '^\{"time":[0-9]+,"subject":"[^"]+","event":"[^"]+"(,"[^"]+":("[^"]*"|[0-9]+|\[[^]]*\]))*\}$' \
        good.jsonl
fi
ok 'jsonl is one JSON object a line'
sim diff good.trace good.jsonl
test $status -eq 0
ok 'jsonl holds the same records as the text'

sim --seed 7 --profile qemu-7.2 --quirk sub.drop-unmap --quirk -papr.lone-map "$good"
has out '# seed 7' && has out '# profile qemu-7.2' &&
    has out '# overrides seed=7 profile=qemu-7.2 quirk=sub.drop-unmap quirk=-papr.lone-map' &&
    grep -q '^# quirks .*sub.drop-unmap' out && ! grep -q '^# quirks .*papr.lone-map' out
ok 'the header shows what the command line overrides'

sim --quirk -sub.drop-unmap broken.yaml
test $status -eq 0 && has out '# quirks none'
ok '--quirk -NAME takes out what the scenario has'

sim --subscriber disk0/vfio "$scenarios/in-place-change-papr.yaml"
test $status -eq 0 && test "$(grep -v '^#' out | cut -d' ' -f2 | sort -u)" = disk0/vfio
ok '--subscriber keeps one subscriber'

sim --split parts "$scenarios/in-place-change-papr.yaml"
test $status -eq 0 && test "$(ls parts | tr '\n' ' ')" = 'disk0.vfio.trace net0.vhost.trace ' &&
    test "$(grep -v '^#' parts/net0.vhost.trace | cut -d' ' -f2 | sort -u)" = net0/vhost &&
    test "$(grep -c '^# iommusim-trace 1' parts/net0.vhost.trace)" -eq 2
ok '--split makes the folder and a trace for each subscriber'

sim --watch nic0:0x2010 broken.yaml
! grep -q 'iova=0x1000 size=0x1000' out &&
    has out '0 nic0/vfio MAP iova=0x2000 size=0x1000 gpa=0x21000 perm=rw cause=map' &&
    has out '0 phb0 entry iova=0x2000 size=0x1000 level=1 old=0x0 new=0x21003' &&
    has out '5000 nic0 dma access=read iova=0x2000 size=0x8 result=ok gpa=0x21000'
ok '--watch keeps what touches the page, the entry that was stored too'

sim --stop-on violation broken.yaml
grep -v '^#' out | tail -n 5 >tail.out
is 1 tail.out '--stop-on violation ends with a dump of the device, status 1' <<'END_OF_FILE'
0 nic0/vfio violation class=stale-mapping iova=0x1000 size=0x1000 have=0x20000:rw want=none since=0 blame=subscriber at=broken.yaml:12
0 guest unmap device=nic0 iova=0x1000 size=0x1000 result=ok ret=H_SUCCESS
0 phb0 tce liobn=0x80000000 ioba=0x2000 tce=0x21003
0 nic0/vfio shadow iova=0x1000 size=0x1000 gpa=0x20000 perm=rw
0 nic0/vfio shadow iova=0x2000 size=0x1000 gpa=0x21000 perm=rw
END_OF_FILE

sim --stop-on violation expected.yaml
test $status -eq 0
ok '--stop-on violation is status 0 where the violation is expected'

sim -v "$good"
test $status -eq 0 && test "$(wc -l <out)" -ge "$(wc -l <good.trace)"
ok '-v shows no less'

sim -q broken.yaml
test $status -eq 1 && test "$(grep -v '^#' out | cut -d' ' -f3 | sort -u)" = violation &&
    has err 'broken: incoherent, NOT as expected' &&
    has err '  failed: broken.yaml:12: nic0/vfio: stale-mapping at 0x1000+0x1000, blame subscriber'
ok '-q leaves violations, and says on standard error why it failed'

sim -q "$good"
test $status -eq 0 && test -z "$(grep -v '^#' out)" && test ! -s err
ok '-q says nothing where all is well'

(cat broken.yaml; echo 'expect: {violations: [{class: stale-mapping}], faults: 3}') >faults.yaml
sim -q faults.yaml
test $status -eq 1 && has err '  failed: faults.yaml:16: faults: want 3, got 0'
ok '-q tells of a failed expectation'

red=$(printf '\033[31m')
sim --color always broken.yaml
grep -qF "${red}0 nic0/vfio violation" out
ok '--color always marks a violation'
sim --color auto broken.yaml
! grep -qF "$red" out
ok '--color auto marks nothing in a file'
NO_COLOR=1 sim --color always broken.yaml
grep -qF "$red" out
ok 'NO_COLOR does not overrule --color always'

# --- determinism ---

sim -v --seed 3 "$scenarios/ring-workload.yaml"
cp out first
sim -v --seed 3 "$scenarios/ring-workload.yaml"
test $status -eq 0 && cmp -s out first
ok 'two runs are the same bytes'

sim broken.yaml
cp out first
mkdir -p below/here
(cd below/here && "$IOMMUSIM" ../../broken.yaml >../../out 2>../../err)
cmp -s out first
ok 'the trace does not depend on where the run is started from'
tap_done
