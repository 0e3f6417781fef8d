#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Instructions of one operation: what valgrind counts for a run with the operations, less
# what it counts for a run without them, and without a trace if not said otherwise. These
# figures repeat, whatever else the machine does, and move with compiler and flags only.
# Runs from the build folder.
set -eu
: "${IOMMUSIM:=src/iommusim}"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

quiet=-q # or empty: a trace, thrown away
count() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$IOMMUSIM" $quiet "$1" \
        2>&1 >/dev/null | sed -n 's/.*Collected : //p'
}

# cost NAME N: of each of the N operations by which $dir/with differs from $dir/without
cost() {
    without=$(count "$dir/without") with=$(count "$dir/with")
    printf '%-44s %6d instructions\n' "$1" $(((with - without) / $2))
}

mirrors() {
    cat <<EOF
iommusim: 1
machine:
  ram: 64GiB
  iommus: {vtd0: {model: intel-vtd, caching_mode: on, aw_bits: 48}}
  devices:
    nic0: {iommu: vtd0, backend: {backend: vfio, entry_limit: 100000000}}
    nic1: {iommu: vtd0, backend: {backend: vfio, entry_limit: 100000000}}
guest:
  table_memory: {base: 0x40000000, size: 1GiB}
  domains: {d: {iommu: vtd0}}
timeline:
  - attach: {device: nic0, domain: d}
  - attach: {device: nic1, domain: d}
EOF
}

maps() { # N
    cat <<EOF
  - map: {domain: d, iova: 0x100000000, size: 4KiB, gpa: 0x100000000}
    repeat: $1
    stride: {iova: 4KiB, gpa: 4KiB}
EOF
}

unmaps() { # N
    cat <<EOF
  - unmap: {domain: d, iova: 0x100000000, size: 4KiB}
    repeat: $1
    stride: {iova: 4KiB}
EOF
}

# All is unmapped at the end, so that the comparison there finds nothing.
{ mirrors; maps 1000; unmaps 1000; } >"$dir/without"
{ mirrors; maps 21000; unmaps 21000; } >"$dir/with"
cost 'map or unmap, 2 mirrors' 40000
quiet=
cost 'the same with the 5 lines of its trace' 40000
quiet=-q

{ mirrors; maps 20000; } >"$dir/without"
{ mirrors; maps 20000; echo '  - check'; } >"$dir/with"
cost 'check, a mapping of one mirror' 40000

{ mirrors; maps 20000; echo '  - unsubscribe: {device: nic1, name: vfio}'; } \
    >"$dir/without"
{
    cat "$dir/without"
    echo '  - subscribe: {device: nic1, backend: vfio, entry_limit: 100000000}'
    echo '  - unsubscribe: {device: nic1, name: vfio}'
} >"$dir/with"
cost 'replay and comparison, a mapping' 20000

dmas() { # ENTRIES REPEAT
    cat <<EOF
iommusim: 1
machine:
  ram: 4GiB
  iommus: {vtd0: {model: intel-vtd, aw_bits: 48, iotlb: {entries: $1}}}
  devices: {nic0: {iommu: vtd0, backend: emulated}}
timeline:
  - map: {device: nic0, iova: 0x100000, size: 64MiB, gpa: 0x1000000, page: 4KiB}
  - repeat: $2
    steps:
      - dma: {device: nic0, iova: 0x100000, size: 64, access: read}
        repeat: 16384
        stride: {iova: 4KiB}
EOF
}

dmas 65536 1 >"$dir/without"
dmas 65536 2 >"$dir/with"
cost 'dma, IOTLB hit' 16384
dmas 64 1 >"$dir/without"
dmas 64 2 >"$dir/with"
cost 'dma, IOTLB miss, 4 levels' 16384

flushes() { # MAPPINGS
    cat <<EOF
iommusim: 1
machine:
  ram: 4GiB
  iommus: {vtd0: {model: intel-vtd, caching_mode: on, aw_bits: 57}}
  devices: {nic0: {iommu: vtd0, backend: vfio}}
timeline:
  - map: {device: nic0, iova: 0x100000000, size: 4KiB, gpa: 0x100000}
    repeat: $1
    stride: {iova: 1TiB, gpa: 4KiB}
EOF
}

for n in 10 100; do
    flushes $n >"$dir/without"
    {
        cat "$dir/without"
        echo '  - flush: {device: nic0, scope: domain}'
        echo '    repeat: 200'
    } >"$dir/with"
    cost "flush of $n mappings 1 TiB apart, a mapping" $((200 * n))
done

puts() { # TCE REPEAT
    cat <<EOF
  - h_put_tce: {liobn: 0x80000000, ioba: 0, tce: $1}
    repeat: $2
    stride: {ioba: 4KiB}
EOF
}

windows() {
    cat <<EOF
iommusim: 1
machine:
  ram: 1GiB
  iommus: {phb0: {model: papr-tce}}
  devices:
    nic0: {iommu: phb0, backend: {backend: vfio, entry_limit: 100000000}}
    nic1: {iommu: phb0, backend: {backend: vfio, entry_limit: 100000000}}
timeline:
EOF
}

{ windows; puts 0x100003 1000; puts 0 1000; } >"$dir/without"
{ windows; puts 0x100003 21000; puts 0 21000; } >"$dir/with"
cost 'h_put_tce, 2 mirrors' 40000

mirrors >"$dir/without"
printf '%-44s %6d instructions\n' 'a scenario of two steps, exec to exit' \
    "$(count "$dir/without")"
