#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The command line: help, version, and usage errors with what was probably meant.
n=0

# check NAME STATUS LINE ARGUMENT...: LINE is a line of the output, whole.
check() {
    name=$1 want_status=$2 line=$3
    shift 3
    n=$((n + 1))
    got=$("$IOMMUSIM" "$@" 2>&1 </dev/null)
    status=$?
    if test $status -eq "$want_status" && printf '%s\n' "$got" | grep -qxF -e "$line"; then
        echo "ok $n - $name"
    else
        echo "not ok $n - $name"
        printf '%s\n' "status $status" "$got" | sed 's/^/# /'
    fi
}

echo 1..27
check 'no operand' 2 'iommusim: missing operand: iommusim [run] [options] SCENARIO...'
check 'help' 0 'Usage: iommusim [run] [options] SCENARIO...' --help
check 'help of a command' 0 'Usage: iommusim diff [options] A B' diff --help
check 'help of a command, the option first' 0 'Usage: iommusim diff [options] A B' --help diff
check 'version' 0 "iommusim $(sed -n 's/^AC_INIT(\[iommusim\], \[\([^]]*\)\].*/\1/p' "$srcdir/configure.ac")" \
    --version
check 'misspelt command' 2 "iommusim: unknown command 'chek'; did you mean 'check'?" chek x
check 'misspelt option' 2 "iommusim: unknown option '--sbscriber'; did you mean '--subscriber'?" \
    --sbscriber x a.yaml
check 'unknown letter' 2 "iommusim: unknown option '-x'" -x a.yaml
check 'option of another command' 2 "iommusim: option '--jobs' is not one of 'run'" -j 2 a.yaml
check 'option without its value' 2 "iommusim: option '--seed' needs a value: N" --seed
check 'option with a value too many' 2 "iommusim: option '--quiet' takes no value" \
    --quiet=1 a.yaml
check 'bad seed' 2 "Try 'iommusim --help'." --seed 1x a.yaml
check 'unknown format' 2 "iommusim: unknown format 'json'; did you mean 'jsonl'?" \
    --format json a.yaml
check 'unknown profile' 2 "iommusim: unknown profile 'qemu-7.1'; did you mean 'qemu-7.2'?" \
    --profile qemu-7.1 a.yaml
check 'unknown quirk' 2 "iommusim: unknown quirk 'papr.lone-mop'; did you mean 'papr.lone-map'?" \
    --quirk -papr.lone-mop a.yaml
check 'bad watch' 2 "iommusim: bad value 'nic0' for --watch: expected DEVICE:IOVA" \
    --watch nic0 a.yaml
check 'bad number of jobs' 2 "iommusim: bad value '0' for --jobs: expected 1 to 256" \
    test -j 0 a
check 'two operands too many' 2 'iommusim: extra operand: iommusim diff [options] A B' \
    diff a b c
check 'capture without its kind' 2 \
    'iommusim: missing --from: iommusim import --from KIND FILE [-o OUT]' import x
check 'a value far from all' 2 "iommusim: unknown format 'xml'; expected text or jsonl" \
    --format xml a.yaml
check 'a quirk far from all' 2 "iommusim: unknown quirk 'foo'; see 'iommusim explain --list quirks'" \
    --quirk foo a.yaml
check 'bad address to watch' 2 "iommusim: bad IOVA '010' for --watch: a leading zero is not allowed; drop it, or write 0x for hex" \
    --watch nic0:010 a.yaml
check 'list of nothing' 2 \
    "iommusim: option '--list' needs a value: classes, quirks, profiles, steps, faults or exit" \
    explain --list
check 'a trace where there is none' 2 \
    'iommusim: --fail-nth writes no trace: it goes without -o, --split, --subscriber, --watch and --stop-on' \
    --fail-nth -o x a.yaml
scenario=$srcdir/scenarios/replay-on-hotplug.yaml
check 'unknown subscriber' 2 "iommusim: there is no subscriber 'nic0/vfoi'; did you mean 'nic0/vfio'?" \
    --subscriber nic0/vfoi "$scenario"
check 'unknown device to watch' 2 "iommusim: there is no device 'nico'; did you mean 'nic0'?" \
    --watch nico:0x1000 "$scenario"
check 'a subscriber that one of two has' 0 \
    '0 nic0/vfio MAP iova=0x1000 size=0x1000 gpa=0x20000 perm=rw cause=replay' \
    --subscriber nic0/vfio "$scenario" "$srcdir/scenarios/workload-driver.yaml"
