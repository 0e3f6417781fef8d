#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# `iommusim import --from linux-trace`: what a guest's own trace becomes.
. "$srcdir/tests/cli/support_tap.sh"

# event SECONDS TEXT: a line of the tracer.
event() {
    echo "    kworker/u2:1-24      [000] .....     $1: $2"
}

# Two domains: 3 without and 4 with a device TLB, which use the same bus addresses.
{
    echo '# tracer: nop'
    event 4.000001 'map: IOMMU: iova=0x00000000fffff000 - 0x0000000100000000 paddr=0x0000000003c35000 size=4096'
    event 4.000003 'qi_submit: iotlb_inv dmar0: 0x300f2 0xfffff000 0x0 0x0'
    event 4.000005 'map: IOMMU: iova=0x00000000fffff000 - 0x0000000100000000 paddr=0x0000000003c36000 size=4096'
    event 4.000007 'qi_submit: iotlb_inv dmar0: 0x400f2 0xfffff000 0x0 0x0'
    event 4.000008 'qi_submit: iec_inv dmar0: 0x1000000014 0x0 0x0 0x0'
    event 4.000009 'unmap: IOMMU: iova=0x00000000fffff000 - 0x0000000100000000 size=4096 unmapped_size=4096'
    event 4.000011 'qi_submit: iotlb_inv dmar0: 0x400f2 0xfffff000 0x0 0x0'
    event 4.000012 'qi_submit: dev_tlb_inv dmar0: 0x10000000003 0xfffff000 0x0 0x0'
} >guest.trace

sim import --from linux-trace --dump -o guest.yaml guest.trace
test $status -eq 0 && grep -q 'caching_mode: on, device_iotlb: on' guest.yaml &&
    grep -q 'did4-dev: {iommu: vtd0, address: "01:00.0", ats: on, backend: \[vfio\]}' guest.yaml
ok 'domains and devices are worked out from the invalidations'

sim guest.yaml
test $status -eq 0 && grep -q '^11000 did4-dev/vfio UNMAP\|^8000 did4-dev/vfio UNMAP\|^10000 did4-dev/vfio UNMAP' out &&
    grep -q 'did3-dev table iova=0xfffff000 size=0x1000 gpa=0x3c35000' out &&
    ! grep -q 'did4-dev table' out
ok 'the imported guest is coherent, and its tables are what it left'

cat >replay.yaml <<EOF
iommusim: 1
machine:
  ram: 1GiB
  iommus: {vtd0: {model: intel-vtd, caching_mode: on}}
  devices:
    disk0: {iommu: vtd0, backend: vfio}
    nic0: {iommu: vtd0, backend: vfio}
timeline:
  - replay: {capture: guest.trace, from: linux-trace}
  - dump: tables
EOF
sim replay.yaml
test $status -eq 0 && grep -q '^11000 nic0/vfio UNMAP\|^8000 nic0/vfio UNMAP\|^10000 nic0/vfio UNMAP' out &&
    grep -q 'disk0 table iova=0xfffff000 size=0x1000 gpa=0x3c35000' out &&
    ! grep -q 'nic0 table' out &&
    grep -q 'guest replay capture=guest.trace from=linux-trace count=6 result=ok' out &&
    grep -q 'guest qi iommu=vtd0 descriptors=raw:0x200f2:0xfffff000,wait' out
ok 'replayed, its domains are those of the devices, by their own ids'

sed 's/vtd0: {model: intel-vtd, caching_mode: on/&, device_iotlb: on/
     s/disk0: {/disk0: {address: "00:05.0", /
     s/nic0: {/&address: "01:00.0", ats: on, plugged: on, /' replay.yaml >ids.yaml
cat >>ids.yaml <<EOF
guest: {domains: {d: {iommu: vtd0, did: 3}}}
EOF
sed -i 's/^timeline:/&\n  - attach: {device: disk0, domain: d}/' ids.yaml
sim ids.yaml
test $status -eq 0 && grep -q 'guest map domain=d iova=0xfffff000 size=0x1000 gpa=0x3c35000' out &&
    grep -q 'guest map device=nic0 iova=0xfffff000 size=0x1000 gpa=0x3c36000' out &&
    grep -q 'vtd0 invalidate kind=dev-iotlb.*sid=0x100' out
ok 'or those with the same domain id or address'

sed '/disk0:/d' replay.yaml >few.yaml
sim few.yaml
test $status -eq 2 && grep -q '^guest.trace: error: the trace has 2 domains, and the machine none for domain id 4' err
ok 'a domain that the machine lacks is named'

sed 's/ram: 1GiB/ram: 64MiB/' replay.yaml >small.yaml
sim small.yaml
test $status -eq 2 && grep -q "^guest.trace:2: error: the guest uses memory \[0x3c35000, 0x3c35fff\] where this machine has its tables" err
ok 'memory of the guest where the driver has its tables is refused'

{
    event 5.000001 'add_device_to_group: IOMMU: groupID=4 device=0000:01:00.0'
    event 5.000002 'qi_submit: cc_inv dmar0: 0x10000000031 0x0 0x0 0x0'
    event 5.000003 'qi_submit: iotlb_inv dmar0: 0x600e2 0x0 0x0 0x0'
    event 5.000004 'map: IOMMU: iova=0x00000000fffff000 - 0x0000000100000000 paddr=0x0000000003c35000 size=4096'
    event 5.000005 'qi_submit: iotlb_inv dmar0: 0x600f2 0xfffff000 0x0 0x0'
    event 5.000006 'unmap: IOMMU: iova=0x00000000fffff000 - 0x0000000100000000 size=4096 unmapped_size=4096'
    event 5.000007 'qi_submit: iotlb_inv dmar0: 0x600f2 0xfffff000 0x0 0x0'
    event 5.000008 'qi_submit: cc_inv dmar0: 0x10000060031 0x0 0x0 0x0'
    event 5.000009 'remove_device_from_group: IOMMU: groupID=4 device=0000:01:00.0'
} >plug.trace
sim import --from linux-trace -o plug.yaml plug.trace
sim plug.yaml
test $status -eq 0 && grep -q '^0 guest hotplug target=did6-dev result=ok' out &&
    grep -q '^8000 guest unplug target=did6-dev result=ok' out &&
    grep -q 'did6-dev/vfio: 1 MAP, 1 UNMAP' err
ok 'a device that comes and goes is plugged in and out'
sed 's/guest.trace/plug.trace/; s/nic0: {/&address: "01:00.0", plugged: off, /' replay.yaml >unplugged.yaml
sim unplugged.yaml
test $status -eq 0 && grep -q '^0 guest hotplug target=nic0 result=ok' out &&
    grep -q '^8000 guest unplug target=nic0 result=ok' out &&
    grep -q 'nic0/vfio: *1 MAP, 1 UNMAP' err
ok 'in a replay, too'

{
    event 4.000001 'unmap: IOMMU: iova=0x00000000ffffd000 - 0x00000000ffffe000 size=4096 unmapped_size=4096'
    event 4.000002 'qi_submit: iotlb_inv dmar0: 0x300f2 0xffffd000 0x0 0x0'
    event 4.000003 'map: IOMMU: iova=0x00000000ffffd000 - 0x00000000ffffe000 paddr=0x0000000003c35000 size=4096'
    event 4.000004 'qi_submit: iotlb_inv dmar0: 0x300f2 0xffffd000 0x0 0x0'
    event 4.000005 'map: IOMMU: iova=0x00000000fffff000 - 0x0000000100000000 paddr=0x0000000003c35000 size=4096'
    printf '    kworker/u2:1-24      [000] .....     4.000006: qi_submit: iotlb_inv dmar0: 0x3'
} >cut.trace
sim import --from linux-trace -o cut.yaml cut.trace
test $status -eq 0 && grep -q '^# 1 maps or unmaps have no invalidation in the trace; it is assumed' cut.yaml &&
    grep -q '^# 1 maps or unmaps without a known counterpart are left out' cut.yaml &&
    sim cut.yaml && test $status -eq 0
ok 'a trace that was cut is a scenario that holds, and says what is assumed'

sim import --from linux-trace --subscriber vhost guest.trace
test $status -eq 0 && grep -q 'backend: \[vhost\]' out
ok 'another subscriber may be asked for'

{
    event 4.000001 'map: IOMMU: iova=0x00000000fffff000 - 0x0000000100000000 paddr=0x0000000003c35000 size=4096'
    event 4.000007 'qi_submit: iotlb_inv dmar0: 0x300e2 0x0 0x0 0x0'
    event 4.000008 'qi_submit: iotlb_inv dmar0: 0x400e2 0x0 0x0 0x0'
} >lazy.trace
sim import --from linux-trace lazy.trace
test $status -eq 2 && grep -q 'nothing tells whose its mappings are' err
ok 'a trace that does not tell domains apart is refused'
sed 's/guest.trace/lazy.trace/' replay.yaml >lazy.yaml
sim lazy.yaml
test $status -eq 2 && grep -q '^lazy.trace: error: .*nothing tells whose its mappings are' err
ok 'by a replay, too'

echo 'nothing' >empty.trace
sim import --from linux-trace empty.trace
test $status -eq 2 && grep -q 'no event of the iommu or intel_iommu tracers' err
ok 'a file without events is refused'

event 1.5 'map: IOMMU: iova=0x1000' >broken.trace
sim import --from linux-trace broken.trace
test $status -eq 2 && grep -q '^broken.trace:1:1: error: ' err
ok 'a broken event is an error with its place'

tap_done
