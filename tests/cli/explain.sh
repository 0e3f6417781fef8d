#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# `iommusim explain`: every name that it lists has a page.
n=0

result() {
    n=$((n + 1))
    if test "$1" -eq 0; then
        echo "ok $n - $2"
    else
        echo "not ok $n - $2"
    fi
}

echo 1..16
for kind in classes quirks profiles steps faults exit; do
    failed=0
    names=$("$IOMMUSIM" explain --list $kind) || failed=1
    test -n "$names" || failed=1
    # Faults and statuses are listed as NUMBER NAME; both must lead to the page.
    for name in $names; do
        lines=$("$IOMMUSIM" explain "$name" | wc -l)
        if test "$lines" -lt 4; then
            echo "# no page: $name"
            failed=1
        fi
    done
    result $failed "every name of $kind has a page"
done

# An example is lines of a trace: the reader takes them, and the last violation is of the
# class, unless it is the hint of another.
failed=0
example=$(mktemp) || exit 99
trap 'rm -f "$example"' EXIT
for class in $("$IOMMUSIM" explain --list classes); do
    {
        echo '# iommusim-trace 1'
        "$IOMMUSIM" explain "$class" | sed -n '1,/^Example$/d; s/^    //p'
    } >"$example"
    if ! "$IOMMUSIM" diff "$example" "$example" ||
        ! grep -q -e "class=$class " -e "hint=$class\$" "$example"; then
        echo "# no trace of the class: $class"
        failed=1
    fi
done
result $failed 'the example of every class is a trace that shows it'

failed=0
for command in run check test diff import explain; do
    "$IOMMUSIM" $command --help | grep -q "^Usage: iommusim .*$command" || failed=1
    "$IOMMUSIM" $command --help | grep -q -e '-h, --help' || failed=1
done
result $failed 'every command has help'

test "$("$IOMMUSIM" explain --list classes | wc -l)" -eq 18
result $? 'there are 18 classes'
for part in 'What it means' 'Who is usually to blame' 'What to look at' Example; do
    "$IOMMUSIM" explain stale-mapping | grep -qx "$part"
    result $? "the page of a class has: $part"
done
"$IOMMUSIM" explain 0x06 | grep -q 'fault reason 0x6 of VT-d'
result $? 'a fault reason is found as the trace writes it'
"$IOMMUSIM" explain stale-maping 2>&1 |
    grep -qx "iommusim: nothing is called 'stale-maping'; did you mean 'stale-mapping'?"
result $? 'the nearest name is suggested'
"$IOMMUSIM" explain core.no-replay-on-register |
    grep -qx '    scenarios/museum/B05-late-subscriber.yaml'
result $? 'the page of a quirk names the scenario that shows it'
