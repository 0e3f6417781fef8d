#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Every scenario under bad-input/ is refused with exactly the messages beside it.
cd "$srcdir/tests/bad-input" || exit 99
got=$(mktemp) || exit 99
trap 'rm -f "$got"' EXIT
n=0

# report STATUS NAME: what just ran wrote $got and ended with $status.
report() {
    n=$((n + 1))
    if test "$1" -eq 0; then
        echo "ok $n - $2"
    else
        echo "not ok $n - $2"
    fi
}

for scenario in *.yaml; do
    name=${scenario%.yaml}
    "$IOMMUSIM" check "$scenario" >/dev/null 2>"$got"
    status=$?
    if test $status -ne 2; then
        echo "# exit status $status"
        report 1 "$name"
    else
        diff "$name.expected" "$got" >&2
        report $? "$name"
    fi
done

"$IOMMUSIM" check no-such-file.yaml >/dev/null 2>"$got"
test $? -eq 2 && echo "no-such-file.yaml: error: cannot read: No such file or directory" |
    diff - "$got" >&2
report $? "a missing file"

"$IOMMUSIM" check . >/dev/null 2>"$got"
test $? -eq 2 && echo ".: error: cannot read: Is a directory" | diff - "$got" >&2
report $? "a directory"

printf 'iommusim: 2\n' | "$IOMMUSIM" check - >/dev/null 2>"$got"
test $? -eq 2 && diff - "$got" >&2 <<'END'
<stdin>:1:11: error: bad value '2' for 'iommusim': this program reads format version 1
    1 | iommusim: 2
      |           ^
END
report $? "standard input"

echo "1..$n"
