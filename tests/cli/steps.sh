#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Steps of VT-d's hardware level: every field of every entry and descriptor goes into the
# trace as it was written, and comes out of it again when the trace is replayed.
. "$srcdir/tests/cli/support_tap.sh"

machine='iommusim: 1
machine:
  ram: 1GiB
  iommus:
    vtd0: {model: intel-vtd, mode: scalable, first_stage: on, pasid: on, device_iotlb: on, fault_records: 2}
    vtd1: {model: intel-vtd, base: 0xfed91000}
  devices:
    nic0: {iommu: vtd0, pasids: 64, ats: on}
    old0: {iommu: vtd1}
guest:
  domains:
    ss: {iommu: vtd0}
    fs: {iommu: vtd0, type: first-stage}'

(echo "$machine"; cat <<'END_OF_FILE'
timeline:
  - attach: {device: nic0, domain: ss}
  - attach: {device: nic0, domain: fs, pasid: 5}
  - dma: {device: nic0, iova: 0x1000, size: 8, access: write, pasid: 5}
  - dma: {device: nic0, iova: 0x1000, size: 8, access: read}
  - detach: {device: nic0, pasid: 5, fpd: 1}
  - root: {device: nic0, upper_present: 1, upper_table: 0x5000}
  - root: {device: nic0, raw: [0, 0]}
  - context: {device: nic0, mode: legacy, domain: ss, tt: 1, did: 3}
  - context: {device: nic0, dte: 0, pre: 1, pdts: 3, rid_pasid: 0x12345, rid_priv: 1, directory: 0x7000}
  - context: {device: nic0, raw: [1, 2, 3, 4]}
  - context: {device: old0, aw: 39, table: 0x5000, fpd: 1, did: 5, present: 1}
  - context: {device: old0, raw: [1, 2]}
  - pasid_dir: {device: nic0, pasid: 64, table: 0x9000}
  - pasid_dir: {device: nic0, pasid: 64, raw: [0xffff]}
  - pasid: {device: nic0, pasid: 5, domain: fs, pgtt: nested, ssptptr: 0x9000, aw: 57, pat: 0x70406, sre: 1, ere: on, fspm: 1, eafe: 1, cd: 1, emte: 0}
  - pasid: {device: nic0, pasid: 6, raw: [1, 2, 3, 4, 5, 6, 7, 8]}
  - pte: {domain: fs, iova: 0xffff800000000000, level: 4, value: 0xffffffffffffffff}
  - mmio_expect: {iommu: vtd0, reg: FRCD1_HI, value: 0, mask: 0}
  - qi:
      width: 256
      iommu: vtd0
      descriptors:
        - {type: context, granularity: device, device: nic0, did: 1, fm: 2}
        - {type: dev-iotlb, device: nic0, iova: 0x10000, size: 64KiB, mip: 4}
        - {type: dev-iotlb, sid: 0x99, address: 0x7000, s: 1}
        - {type: dev-iotlb, device: nic0, size: all}
        - {type: pasid-iotlb, granularity: page, did: 1, pasid: 5, iova: 0x1000, am: 3, ih: 1}
        - {type: pasid-iotlb, granularity: pasid, did: 1, pasid: 5}
        - {type: pasid-cache, granularity: domain, did: 1}
        - {type: pasid-cache, granularity: pasid, did: 1, pasid: 7}
        - {type: pasid-cache, granularity: global}
        - {type: pasid-dev-iotlb, device: nic0, pasid: 5, iova: 0, size: 2MiB, g: 1, pfsid: 0xabcd}
        - {type: wait, if: 1, sw: 1, fn: 1, data: 7, address: 0x6000}
        - {type: wait, sw: 0, fn: 1, pd: 1}
        - {type: page-response, device: nic0, pasid: 5, code: 1, prgi: 3}
        - {raw: [0xf, 1, 2, 3]}
        - {raw: [0xf, 1]}
END_OF_FILE
) >all.yaml
(echo "$machine"; cat <<'END_OF_FILE'
timeline:
  - replay: {capture: all.trace, from: iommusim}
END_OF_FILE
) >again.yaml

sim -o all.trace all.yaml
test "$status" -eq 0
ok "every step of the hardware level is accepted"

sim -o again.trace again.yaml
grep -E ' (guest|nic0) ' all.trace >left
grep -E ' (guest|nic0) ' again.trace | grep -v ' guest replay ' >right
diff left right >&2 && test "$(grep -c . left)" -eq 19
ok "and comes back from its trace line"

grep -q 'pasid=5 domain=fs fields=aw=3:pgtt=3:ssptptr=0x9000:cd=1:emte=0:pat=459782' left
ok "fields are told by name"

grep -q 'raw:0xf:0x1:0x2:0x3,raw:0xf:0x1 width=256' left
ok "raw descriptors have two words or four"

tap_done
