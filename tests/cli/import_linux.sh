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

echo 'nothing' >empty.trace
sim import --from linux-trace empty.trace
test $status -eq 2 && grep -q 'no event of the iommu or intel_iommu tracers' err
ok 'a file without events is refused'

event 1.5 'map: IOMMU: iova=0x1000' >broken.trace
sim import --from linux-trace broken.trace
test $status -eq 2 && grep -q '^broken.trace:1:1: error: ' err
ok 'a broken event is an error with its place'

tap_done
