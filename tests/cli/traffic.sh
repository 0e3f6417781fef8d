#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Recorded and compact traffic: script blocks and files, a trace run again, imported
# captures; and what `dump` prints.
. "$srcdir/tests/cli/support_tap.sh"

machine='iommusim: 1
name: traffic
machine:
  ram: 1GiB
  iommus:
    phb0: {model: papr-tce}
    vtd0: {model: intel-vtd, caching_mode: on}
  devices:
    nic0: {iommu: phb0, backend: vfio}
    disk0: {iommu: vtd0, backend: vfio}
    net0: {iommu: vtd0, backend: vhost}'

# same NAME A B: two traces hold the same records but for the `replay` step itself.
same() {
    grep -v '^#\| guest replay ' "$2" >left
    grep -v '^#\| guest replay ' "$3" >right
    diff left right >&2 && test -s left
    ok "$1"
}

cat >steps.txt <<'END_OF_FILE'
# one action a line
map device=nic0 iova=0x1000 size=8KiB gpa=0x20000 perm=rw
+5us dma device=nic0 iova=0x1010 size=64 access=write     # after
@9us unmap device=nic0 iova=0x1000 size=4KiB

check
END_OF_FILE
(echo "$machine"; echo 'timeline:'; echo '  - script: |'; sed 's/^/      /' steps.txt) >block.yaml
(echo "$machine"; cat <<'END_OF_FILE'
timeline:
  - map: {device: nic0, iova: 0x1000, size: 8KiB, gpa: 0x20000, perm: rw}
  - after: 5us
    dma: {device: nic0, iova: 0x1010, size: 64, access: write}
  - at: 9us
    unmap: {device: nic0, iova: 0x1000, size: 4KiB}
  - check
END_OF_FILE
) >steps.yaml
(echo "$machine"
 echo 'timeline: [{replay: {capture: steps.txt, from: script}}]') >file.yaml
sim -o steps.trace steps.yaml
test $status -eq 0 && grep -q '^5000 nic0 dma ' steps.trace && grep -q '^9000 guest unmap ' steps.trace
ok 'steps'
sim -o block.trace block.yaml
same 'a script block does the same' steps.trace block.trace
sim -o file.trace file.yaml
same 'a script file does the same' steps.trace file.trace

(echo "$machine"; cat <<'END_OF_FILE'
timeline:
  - subscribe: {device: disk0, backend: vfio, name: a, page_sizes: [4KiB, 2MiB],
                entry_limit: infinite, locked_memory: 1MiB, aperture: [0, 0xffffffff],
                reserved: [[0xfee00000, 0xfeefffff], [0x1000, 0x1fff]],
                strict_permissions: on, container: c}
  - subscribe: {device: nic0, backend: vfio-spapr, version: 1, backing_page: 64KiB}
  - subscribe: {device: net0, backend: vhost-user, acks: off, depth: 4, entries: 7}
  - subscribe: {device: net0, backend: vhost-vdpa, set_map: off, entry_limit: 5}
  - subscribe: {device: net0, backend: ats, completion: never}
  - subscribe: {device: net0, backend: observer, flags: [map], range: [0, 0xfff], retry: on}
END_OF_FILE
) >options.yaml
(echo "$machine"
 echo 'timeline: [{replay: {capture: options.trace, from: iommusim}}]') >again.yaml
sim -o options.trace options.yaml
test $(grep -c ' subscribe .* options=' options.trace) -eq 5
ok 'options of subscribers stand in the lines of their steps'
sim -o again.trace again.yaml
same 'and are read from there' options.trace again.trace

echo 'map device=nic0 iva=0x1000' >steps.txt
sim file.yaml
test $status -eq 2 && grep -q "^steps.txt:1.*unknown key 'iva' in 'map'; did you mean 'iova'?" err
ok 'an error in a script file names its line'

# --- a trace run again ---

(echo "$machine"; cat <<'END_OF_FILE'
timeline:
  - h_put_tce: {liobn: 0x80000000, ioba: 0x1000, tce: 0x20003}
  - h_put_tce_indirect: {liobn: 0x80000000, ioba: 0x2000, list: [0x20003]}
  - h_put_tce_indirect:
      {liobn: 0x80000000, ioba: 0x10000, list: [0x20003, 0x21003, 0x22003, 0x23003,
       0x24003, 0x25003, 0x26003, 0x27003, 0x28003, 0x29003, 0x2a003, 0x2b003, 0x2c003,
       0x2d003, 0x2e003, 0x2f003, 0x30003, 0x31003]}
  - map: {device: disk0, iova: 0x100000, size: 8KiB, gpa: 0x50000}
  - after: 3us
    change: {device: disk0, iova: 0x100000, size: 4KiB, gpa: 0x60000, perm: r}
  - subscribe: {device: nic0, backend: observer, name: o, flags: [unmap], range: [0, 0xffff]}
  - h_stuff_tce: {liobn: 0x80000000, ioba: 0x2000, tce: 0, npages: 1}
  - unsubscribe: {device: nic0, name: o}
  - qi: {iommu: vtd0, descriptors: [
      {type: iotlb, granularity: page, did: 1, iova: 0x100000, am: 1, ih: on},
      {type: context, granularity: device, did: 1, sid: 8},
      {type: iec, granularity: global}, {type: wait, address: 0x5000, data: 7}]}
  - mem_expect: {gpa: 0x5000, u32: [7]}
  - mem: {gpa: 0x5000, fill: 1, size: 64}
  - unplug: nic0
  - hotplug: nic0
  - context: {iommu: vtd0, device: net0, did: 9, aw: 48}
  - qi: {iommu: vtd0, descriptors: [{raw: [0x11, 0]}, {type: iotlb, granularity: global}, {type: wait}]}
  - unmap: {device: disk0, iova: 0x100000, size: 8KiB}
  - reset: phb0
  - check
END_OF_FILE
) >long.yaml
(echo "$machine"; echo 'timeline: [{replay: {capture: long.trace, from: iommusim}}]') >again.yaml
sim -o long.trace long.yaml
test $status -eq 0
ok 'a run'
sim -o again.trace again.yaml
same 'its trace run again gives the same events' long.trace again.trace
has long.trace "3000 guest qi iommu=vtd0 descriptors=iotlb:page:did=1:iova=0x100000:am=1:ih,context:device:did=1:sid=0x8:fm=0,iec:global,wait:address=0x5000:data=0x7 result=ok"
ok 'a qi line says what was in the queue'
has long.trace '3000 guest context iommu=vtd0 device=net0 aw=2 did=9 result=ok'
ok 'a context line says what was written'

# --- dumps ---

(echo "$machine"; cat <<'END_OF_FILE'
timeline:
  - map: {device: nic0, iova: 0x1000, size: 8KiB, gpa: 0x20000}
  - map: {device: disk0, iova: 0x200000, size: 2MiB, gpa: 0x400000}
  - map: {device: disk0, iova: 0x1000, size: 8KiB, gpa: 0x20000, perm: r}
  - map: {device: net0, iova: 0x1000, size: 8KiB, gpa: 0x20000}
  - dma: {device: net0, iova: 0x2000, size: 8, access: read}
  - dump: {what: tables}
  - dump: {what: shadow}
  - dump: {what: caches}
END_OF_FILE
) >dump.yaml
sim dump.yaml
grep -E '^0 [^ ]+ (table|tce|shadow|cached|dump) ' out >dumped
is 0 dumped 'dumps of tables, shadows and caches' <<'END_OF_FILE'
0 phb0 tce liobn=0x80000000 ioba=0x1000 tce=0x20003
0 phb0 tce liobn=0x80000000 ioba=0x2000 tce=0x21003
0 disk0 table iova=0x1000 size=0x2000 gpa=0x20000 perm=r
0 disk0 table iova=0x200000 size=0x200000 gpa=0x400000 perm=rw
0 net0 table iova=0x1000 size=0x2000 gpa=0x20000 perm=rw
0 guest dump what=tables
0 nic0/vfio shadow iova=0x1000 size=0x1000 gpa=0x20000 perm=rw
0 nic0/vfio shadow iova=0x2000 size=0x1000 gpa=0x21000 perm=rw
0 disk0/vfio shadow iova=0x1000 size=0x1000 gpa=0x20000 perm=r
0 disk0/vfio shadow iova=0x2000 size=0x1000 gpa=0x21000 perm=r
0 disk0/vfio shadow iova=0x200000 size=0x200000 gpa=0x400000 perm=rw
0 net0/vhost shadow iova=0x2000 size=0x1000 gpa=0x21000 perm=rw
0 guest dump what=shadow
0 vtd0 cached kind=context sid=0x10 did=2 type=translate
0 vtd0 cached kind=iotlb did=2 iova=0x2000 size=0x1000 gpa=0x21000 perm=rw
0 vtd0 cached kind=table did=2 iova=0x0 size=0x200000 gpa=0x3c00c000 perm=rw
0 vtd0 cached kind=table did=2 iova=0x0 size=0x40000000 gpa=0x3c00b000 perm=rw
0 vtd0 cached kind=table did=2 iova=0x0 size=0x8000000000 gpa=0x3c00a000 perm=rw
0 guest dump what=caches
END_OF_FILE

# --- captures ---

cat >small.log <<'END_OF_FILE'
1@10.5:spapr_iommu_new_table liobn=0x80000000 table=0x5 fd=-1
1@10.5:spapr_iommu_pci_put liobn=0x80000000 ioba=0x1000 tce=0x4bec003 ret=0
1@10.6:spapr_iommu_pci_stuff liobn=0x80000000 ioba=0x5000 tcevalue=0x0 npages=3 ret=0
END_OF_FILE
sim import --from qemu-log --dump --subscriber vhost -o small.yaml small.log
test $status -eq 0 && "$IOMMUSIM" check small.yaml
ok 'an imported capture is a scenario'
sim small.yaml
test $status -eq 0 && grep -q '/vhost register' out &&
    grep -q ' tce liobn=0x80000000 ioba=0x1000 tce=0x4bec003$' out && grep -q ' dump what=tables' out
ok 'it runs, with the subscriber asked for, and ends with a dump'
sim import --from qemu-log small.log
test $status -eq 0 && cp out stdout.yaml && "$IOMMUSIM" check - <stdout.yaml
ok 'import writes to standard output'
sim import --from qemu-log --subscriber vfoi small.log
test $status -eq 2 && grep -q "unknown backend 'vfoi'; did you mean 'vfio'?" err
ok 'import with an unknown backend'
sim import --from linux-trace small.log
test $status -eq 2 && grep -q 'no event of the iommu or intel_iommu tracers' err
ok 'import of the wrong kind of log'
cat >wrong.yaml <<'END_OF_FILE'
iommusim: 1
machine: {ram: 1GiB, iommus: {phb0: {model: papr-tce}}}
timeline: [{replay: {capture: before.yaml, from: qemu-log}}]
END_OF_FILE
echo 'iommusim: 1' >before.yaml
sim wrong.yaml
test $status -eq 2 && grep -q 'before.yaml: error: no event of TCE tables' err
ok 'a replay of the wrong kind of file'
cp before.yaml kept.yaml
sim import --from qemu-log -o kept.yaml no.log
test $status -eq 2 && cmp -s before.yaml kept.yaml
ok 'a failed import leaves the file as it was'
tap_done
