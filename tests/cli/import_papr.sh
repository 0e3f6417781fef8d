#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# `iommusim import --from qemu-log`: logs of PAPR guests that no guest of ours made.
# Each becomes a scenario that holds, and its tables at the end are the log's.
. "$srcdir/tests/cli/support_tap.sh"

p=1@10.000005:spapr_iommu
high=0x800000000000000

table() { echo "${p}_new_table liobn=$1 table=0x7f fd=-1"; }
put() { echo "${p}_pci_put liobn=$1 ioba=$2 tce=$3 ret=${4:-0}"; }
gone() { echo "${p}_ddw_remove liobn=$1"; }
# create LIOBN START PAGE SIZE
create() {
    echo "${p}_ddw_create buid=0x800000020000000 addr=0x0, page size=$3, requested=$4," \
        "start addr=$2, liobn=$1"
}
# load LIOBN WAS IS START PAGE_SHIFT: a line of an incoming migration
load() {
    case $2 in $3) ;; *) table 0x$1 ;; esac
    echo "${p}_post_load liobn=$1 $2 => 0x$3 bus_offset=$4 ps=$5"
}
indirect() {
    echo "${p}_pci_indirect liobn=0x80000000 ioba=$1 tcelist=0x400000 iobaN=$2" \
        "tceN=$3 ret=$4"
}

# holds NAME [LIOBN:IOBA:TCE...]: log.trace holds under both profiles and ends so.
holds() {
    name=$1
    shift
    for entry in "$@"; do
        echo "$entry" | sed 's/\(.*\):\(.*\):\(.*\)/tce liobn=\1 ioba=\2 tce=\3/'
    done | sort >want
    sim import --from qemu-log --subscriber "${subscriber:-vfio-spapr}" --dump -o log.yaml log.trace
    for profile in spec qemu-7.2; do
        test $status -eq 0 && sim --profile $profile log.yaml
        test $status -eq 0 || break
        sed -n 's/.* tce liobn/tce liobn/p' out | sort | cmp -s - want || status=no
    done
    test $status = 0
    ok "$name"
}

w0=0x80000000 w1=0x80000001

{ table $w0; put $w0 0x5000 0x1003; printf '%s' "${p}_pci_put liobn=0x8000"; } >log.trace
holds 'a last line that was cut off' $w0:0x5000:0x1003

{ table $w0; table $w1; create $w1 0x100000000 0x10000000 0x20000000
  put $w1 0x110000000 0x10000003; } >log.trace
sim import --from qemu-log --subscriber vhost -o log.yaml log.trace
sim log.yaml
test $status -eq 0
ok 'a window with pages and at a place that are not the usual'

{ table $w0; gone $w0; table $w0; create $w0 0x0 0x10000 0x1000000
  put $w0 0x10000 0x10003; gone $w0; put $w0 0x10000 0x10003 -4
  table $w0; create $w0 0x0 0x10000 0x1000000; put $w0 0x20000 0x20003; } >log.trace
holds 'window 0 as a dynamic one, after which no default window comes back' \
    $w0:0x20000:0x20003
grep -q 'quirks: \[papr.sticky-default-window\]' log.yaml
ok 'that is said in the scenario'

{ table $w0; load 80000000 40000 40000 0x0 12; load 80000001 0 100 $high 16
  put $w0 0x5000 0x1003; put $w1 0x800000000010000 0x10003; } >log.trace
holds 'a migration with both windows' $w0:0x5000:0x1003 $w1:0x800000000010000:0x10003
cat >replay.yaml <<EOF
iommusim: 1
machine:
  ram: 32MiB
  iommus: {phb0: {model: papr-tce}}
  devices: {nic0: {iommu: phb0, backend: vfio-spapr}}
guest: {driver: manual}
timeline:
  - replay: {capture: log.trace, from: qemu-log}
EOF
sim replay.yaml
test $status -eq 0
ok 'which can be replayed, too'

{ table $w0; load 80000000 40000 0 0x0 0; put $w0 0x5000 0x1003 -4; } >log.trace
holds 'a migration without any window'

{ table $w0; load 80000000 40000 0 0x0 0; load 80000001 0 100 $high 16
  put $w0 0x5000 0x1003 -4; put $w1 0x800000000010000 0x10003; } >log.trace
holds 'a migration with window 1 alone' $w1:0x800000000010000:0x10003
sim replay.yaml
test $status -eq 0
ok 'which can be replayed, too'

{ table $w0; load 80000000 40000 100 0x0 16; load 80000001 0 10 $high 24
  put $w0 0x10000 0x10003; put $w0 0x1000000 0x3 -4; put $w1 $high 0x1000003; } >log.trace
holds 'a migration with window 0 as a dynamic one' $w0:0x10000:0x10003 $w1:$high:0x1000003

{ table $w0; load 80000000 40000 40000 0x0 16; put $w0 0x50000000 0x10003; } >log.trace
holds 'a migration with larger pages, as many' $w0:0x50000000:0x10003

{ table $w0; load 80000000 40000 10 $high 24; put $w0 $high 0x1000003; } >log.trace
subscriber=vhost # no container follows two windows in one place, for a moment
holds 'a migration with window 0 alone, high up' $w0:$high:0x1000003
subscriber=

{ table $w0; indirect 0x3ffe000 0x1 0x3003 -4; indirect 0x3fff000 0x0 0x2003 -4; } >log.trace
holds 'lists that ran over the end of the window' $w0:0x3ffe000:0x1003 \
    $w0:0x3fff000:0x1003

{ table $w0; indirect 0x5000 0x0 0x0 -4
  echo "${p}_pci_stuff liobn=$w0 ioba=0x5000 tcevalue=0x3 npages=0 ret=-4"
  echo "${p}_pci_stuff liobn=$w0 ioba=0x201000 tcevalue=0x0 npages=513 ret=0"; } >log.trace
holds 'counts that LoPAR would have answered otherwise'

# --- accesses of devices ---

xlate() { echo "${p}_xlate liobn=$1 $2 -> $3 perm=$4 mask=0x${5:-fff}"; }
{ table $w0; create $w1 $high 0x10000 0x1000000; put $w0 0x5000 0x1003
  xlate $w0 0x5123 0x1000 3; put $w1 0x800000000010000 0x20002
  xlate $w1 0x10001 0x20000 2 ffff; put $w0 0x5000 0; xlate $w0 0x5124 0x0 0; } >log.trace
sim import --from qemu-log --dma --subscriber vhost -o dma.yaml log.trace
grep -q 'dma device=phb0-dev iova=0x5123 size=1 access=read result=ok gpa=0x1123$' dma.yaml &&
    grep -q 'dma device=phb0-dev iova=0x800000000010001 size=1 access=write result=ok gpa=0x20001$' dma.yaml &&
    grep -q 'dma device=phb0-dev iova=0x5124 size=1 access=read$' dma.yaml && sim dma.yaml &&
    test $status -eq 0 && grep -q '^0 phb0-dev dma access=read iova=0x5124 size=0x1 result=blocked' out
ok 'accesses of devices go where they went'
sed 's/gpa=0x1123/gpa=0x1124/' dma.yaml >wrong.yaml
sim wrong.yaml
test $status -eq 1 && grep -q 'gpa: want 0x1124, got 0x1123' err
ok 'or it is said'
sed 's/from: qemu-log/&, dma: on/; s/{model: papr-tce}/{model: papr-tce, ddw: on}/' replay.yaml >accesses.yaml
sim accesses.yaml
test $status -eq 0 && grep -c ' nic0 dma ' out | grep -qx 3
ok 'in a replay, too'
sed 's/0x5123 -> 0x1000/0x5123 -> 0x2000/' log.trace >other.trace
sed 's/log.trace/other.trace/' accesses.yaml >other.yaml
sim other.yaml
test $status -eq 1 && grep -q 'other.trace:4: gpa: want 0x2123, got 0x1123' err
ok 'with the line that differs'
sim import --from linux-trace --dma log.trace
test $status -eq 2 && grep -q 'a Linux trace shows no accesses of devices' err
ok 'a Linux trace has none'

# --- logs that begin late, end early or have gaps ---

{ put $w0 0x5000 0x1003; put $w1 0x800000000010000 0x10003; } >log.trace
holds 'a log without a beginning' $w0:0x5000:0x1003 $w1:0x800000000010000:0x10003
grep -q '^  # assumed, where the log begins late or has a gap:$' log.yaml &&
    grep -q '^# The log does not show where 1 of the tables come from' log.yaml &&
    grep -q '^# 1 steps are assumed' log.yaml
ok 'what is assumed is said'
sim replay.yaml
test $status -eq 0
ok 'it can be replayed, too'

{ table $w0; gone $w0; gone $w1; put $w0 0x5000 0x1003; } >log.trace
holds 'a log with a gap in which windows came and went' $w0:0x5000:0x1003

other=0x80000100
{ table $w0; put $other 0x5000 0x1003 -4; put $w0 0x5000 0x1003; table $other
  put $other 0x6000 0x2003; } >log.trace
holds 'a bridge that is called before it is plugged in' $w0:0x5000:0x1003 \
    $other:0x6000:0x2003
grep -q '^  - unplug: phb1$' log.yaml && grep -q '^  - hotplug: phb1$' log.yaml
ok 'it comes when it came'

{ table $w0; create $w1 $high 0x10000 0x1000000; put $w1 $high 0x10003; gone $w0; gone $w1
  table $w0; echo "${p}_ddw_reset buid=0x800000020000000 addr=0x0"
  put $w0 0x5000 0x1003; } >log.trace
holds 'the last window goes, which brings the default one back' $w0:0x5000:0x1003
grep -q 'reset-pe-dma-window' log.yaml && status=no
test $status = 0
ok 'nobody asked for it'
sim replay.yaml
test $status -eq 0
ok 'in a replay, too'

{ put $w0 0x5000 0x1003; echo '1@10.000006:vhost_dev_stop x'; put $w0 0x5000 0; } >log.trace
subscriber=vhost
holds 'a subscriber that leaves a log without a beginning'
grep -q '^0 phb0-dev/vhost register' out && grep -q '^0 phb0-dev/vhost unregister' out
ok 'was there'
subscriber=

# A guest with two bridges, a VIO table and a dynamic window, cut 30 times: at the head,
# the tail, both, or between two lines.
awk -v seed=1 'BEGIN {
    p = "1@10.000005:spapr_iommu"
    print p "_new_table liobn=0x71000002 table=0x7f fd=-1"
    for (b = 0; b < 2; b++)
        printf "%s_new_table liobn=0x80000%d00 table=0x7f fd=-1\n", p, b
    srand(seed)
    for (i = 0; i < 400; i++) {
        page = int(rand() * 4096)
        if (i % 100 == 50) {
            print p "_new_table liobn=0x80000001 table=0x7f fd=-1"
            print p "_ddw_create buid=0x800000020000000 addr=0x0, page size=0x10000," \
                " requested=0x10000000, start addr=0x800000000000000, liobn=0x80000001"
        } else if (i % 100 == 90)
            print p "_ddw_remove liobn=0x80000001"
        else if (i % 100 > 50 && i % 100 < 90 && i % 3 == 0)
            printf "%s_pci_put liobn=0x80000001 ioba=0x8000000%04x0000 tce=0x%x0003 ret=0\n",
                p, page, page % 512
        else if (i % 5 == 0)
            printf "%s_pci_stuff liobn=0x80000100 ioba=0x%x000 tcevalue=0x0 npages=%d ret=0\n",
                p, page + 64, page % 64 + 1
        else if (i % 7 == 0)
            printf "%s_put liobn=0x71000002 ioba=0x%x000 tce=0x%x003 ret=0\n", p, page, page
        else if (i % 31 == 0) {
            print p "_new_table liobn=0x80000000 table=0x7f fd=-1"
            if (i % 100 > 50 && i % 100 < 90)
                i += 90 - i % 100 # the dynamic window went
            print p "_new_table liobn=0x80000100 table=0x7f fd=-1"
        } else
            printf "%s_pci_indirect liobn=0x80000000 ioba=0x%x000 tcelist=0x400000" \
                " iobaN=0x3 tceN=0x%x003 ret=0\n", p, page, page + 3
    }
}' >whole.trace
bytes=$(wc -c <whole.trace) lines=$(wc -l <whole.trace)
awk -v seed=2 -v bytes="$bytes" -v lines="$lines" 'BEGIN {
    srand(seed)
    for (i = 0; i < 30; i++)
        print i % 4, int(rand() * bytes / 2), int(rand() * bytes / 2), int(rand() * lines)
}' >cuts
status=0
while read -r how a b line; do
    case $how in
    0) tail -c "+$a" whole.trace ;;
    1) head -c "$a" whole.trace ;;
    2) tail -c "+$a" whole.trace | head -c "$b" ;;
    3) head -n "$line" whole.trace; tail -n "$((line / 2))" whole.trace ;;
    esac >log.trace
    sim import --from qemu-log -o log.yaml log.trace
    test $status -eq 0 && sim -q log.yaml
    if test $status -ne 0; then
        echo "# cut $how $a $b $line"
        break
    fi
done <cuts
test $status -eq 0
ok 'a log that is cut anywhere becomes a scenario that holds'

tap_done
