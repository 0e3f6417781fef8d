#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# `iommusim diff`: what it prints and its exit status.
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 99
n=0

# check NAME STATUS OUTPUT -- ARGUMENT...: run diff; standard output and status must match.
check() {
    name=$1 want_status=$2 want=$3
    shift 4
    n=$((n + 1))
    got=$("$IOMMUSIM" diff "$@" 2>errors)
    status=$?
    if test $status -eq "$want_status" && test "$got" = "$want"; then
        echo "ok $n - $name"
    else
        echo "not ok $n - $name"
        printf '%s\n' "status $status" "$got" | cat - errors | sed 's/^/# /'
    fi
}

cat >a.trace <<'END'
# iommusim-trace 1
# seed 1
0 guest map device=nic0 iova=0x1000 size=0x1000 gpa=0x20000 perm=rw
0 nic0/vfio MAP iova=0x1000 size=0x1000 gpa=0x20000 perm=rw cause=map
5 nic0/vfio UNMAP iova=0x1000 size=0x1000 cause=unmap
END
cat >a.jsonl <<'END'
{"time":0,"subject":"guest","event":"map","device":"nic0","iova":"0x1000","size":"0x1000","gpa":"0x20000","perm":"rw"}
{"time":0,"subject":"nic0/vfio","event":"MAP","iova":"0x1000","size":"0x1000","gpa":"0x20000","perm":"rw","cause":"map"}
{"time":5,"subject":"nic0/vfio","event":"UNMAP","iova":"0x1000","size":"0x1000","cause":"unmap"}
END
sed 's/^5 /6 /' a.trace >later.trace
sed '$d' a.trace >short.trace
sed 's/iova/iovo/' a.trace >bad.trace
printf '0 guest check' >cut.trace

echo 1..9
check 'a trace equals itself' 0 '' -- a.trace a.trace
check 'text equals JSON lines' 0 '' -- a.trace a.jsonl
check 'times count' 1 'first difference at a.trace:5 and later.trace:5
  0 guest map device=nic0 iova=0x1000 size=0x1000 gpa=0x20000 perm=rw
  0 nic0/vfio MAP iova=0x1000 size=0x1000 gpa=0x20000 perm=rw cause=map
- 5 nic0/vfio UNMAP iova=0x1000 size=0x1000 cause=unmap
+ 6 nic0/vfio UNMAP iova=0x1000 size=0x1000 cause=unmap
subscriber               event                     A          B
nic0/vfio                MAP                       1          1
nic0/vfio                UNMAP                     1          1' -- a.trace later.trace
check 'times may be ignored' 0 '' -- --ignore time a.trace later.trace
check 'a shorter trace differs' 1 'first difference at a.trace:5 and the end of short.trace
  0 nic0/vfio MAP iova=0x1000 size=0x1000 gpa=0x20000 perm=rw cause=map
- 5 nic0/vfio UNMAP iova=0x1000 size=0x1000 cause=unmap
+ (the trace ends here)
subscriber               event                     A          B
nic0/vfio                MAP                       1          1
nic0/vfio                UNMAP                     1          0  *' -- -C1 a.trace short.trace
check 'a malformed line is status 2' 2 '' -- a.trace bad.trace
check 'a trace that is cut off is status 2' 2 '' -- a.trace cut.trace
check 'a missing file is status 2' 2 '' -- a.trace none.trace
n=$((n + 1))
if "$IOMMUSIM" diff bad.trace a.trace 2>&1 |
    grep -qx "bad.trace:3:25: error: event 'map' has no key 'iovo'"; then
    echo "ok $n - a malformed line is named with its place"
else
    echo "not ok $n - a malformed line is named with its place"
fi
