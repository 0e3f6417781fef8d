#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Random scenarios: nothing is reported of a sound guest, all and nothing else of a
# careless one, and with a quirk whoever it makes misbehave is blamed. A longer run, about
# 100 seeds in 10 s, and of the quirks 10 in 10 s:
#   tests/verdicts/fuzz --iommusim src/iommusim --first 1000 --count 1000
#   tests/verdicts/fuzz --iommusim src/iommusim --blame --first 1000 --count 50
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 6))' 2>/dev/null; then
    echo '1..0 # SKIP no python3'
    exit 0
fi
n=0

# holds NAME OPTION...: fuzz with these options finds no difference.
holds() {
    name=$1
    shift
    n=$((n + 1))
    if "$top_srcdir/tests/verdicts/fuzz" --iommusim "$IOMMUSIM" "$@" >"$dir/out" 2>&1; then
        echo "ok $n - $name"
    else
        sed 's/^/# /' "$dir/out"
        echo "not ok $n - $name"
    fi
}

holds 'sound guests' --guest sound --first 400 --count 15
holds 'careless guests' --guest careless --first 85 --count 15
holds 'events withheld' --guest sound --first 20 --count 8 --quirk core.newest-only
holds 'events left out' --guest sound --first 20 --count 8 --quirk vtd.no-notifications
holds 'blame' --blame --first 5 --count 3

"$top_srcdir/tests/verdicts/generate" --seed 7 -o "$dir/a.yaml" &&
    "$top_srcdir/tests/verdicts/generate" --seed 7 -o "$dir/b.yaml" && cmp "$dir/a.yaml" "$dir/b.yaml"
status=$?
n=$((n + 1))
test $status -eq 0 || printf 'not '
echo "ok $n - a seed makes one scenario"

# An oracle that sees nothing wrong is no use: without its look at records it must differ.
sed 's/if record.pending(True)/if False/; s/r.pending(device_tlb)/False/' \
    "$top_srcdir/tests/verdicts/oracle" >"$dir/oracle"
cp "$top_srcdir/tests/verdicts/generate" "$top_srcdir/tests/verdicts/fuzz" "$dir"
n=$((n + 1))
if "$dir/fuzz" --iommusim "$IOMMUSIM" --guest careless --first 85 --count 15 >"$dir/out" 2>&1; then
    printf 'not '
fi
echo "ok $n - a difference is seen"
echo "1..$n"
