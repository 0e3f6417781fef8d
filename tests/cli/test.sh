#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# `iommusim test`: plan, order, golden traces, --update and exit status.
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 99
n=0

# check NAME STATUS OUTPUT -- ARGUMENT...: standard output without '#' lines, and status.
check() {
    name=$1 want_status=$2 want=$3
    shift 4
    n=$((n + 1))
    "$IOMMUSIM" test "$@" >out 2>errors
    status=$?
    got=$(grep -v '^#' out)
    if test $status -eq "$want_status" && test "$got" = "$want"; then
        echo "ok $n - $name"
    else
        echo "not ok $n - $name"
        cat out errors | sed 's/^/# /'
    fi
}

# said NAME LINE: the last run printed this line.
said() {
    n=$((n + 1))
    if grep -qxF -e "$2" out; then
        echo "ok $n - $1"
    else
        echo "not ok $n - $1"
        sed 's/^/# /' out
    fi
}

mkdir -p set/more empty
for name in set/b set/a set/more/c; do
    cat >$name.yaml <<END
iommusim: 1
name: $name
machine: {ram: 16MiB}
timeline: [check]
END
done
echo 'machine: {ram: 1MiB}' >set/part.inc
cp set/a.yaml set/note.txt

echo 1..10
check 'scenarios are found and reported in order' 0 '1..3
ok 1 - set/a.yaml
ok 2 - set/b.yaml
ok 3 - set/more/c.yaml' -- -j 3 set
"$IOMMUSIM" -o set/a.trace set/a.yaml >/dev/null 2>&1
check 'a golden trace that is met' 0 '1..1
ok 1 - set/a.yaml' -- set/a.yaml
echo '9 guest check' >>set/a.trace
check 'a golden trace that is not met' 1 '1..1
not ok 1 - set/a.yaml' -- set/a.yaml
said 'the difference is shown' '# + (the trace ends here)'
check 'update rewrites it' 0 '1..1
ok 1 - set/a.yaml' -- --update set/a.yaml
said 'update says which' '# updated set/a.trace'
check 'and then it is met' 0 '1..1
ok 1 - set/a.yaml' -- set/a.yaml
echo 'timeline: [chek]' >>set/b.yaml
check 'a bad scenario is a failed test' 1 '1..3
ok 1 - set/a.yaml
not ok 2 - set/b.yaml
ok 3 - set/more/c.yaml' -- set
check 'no scenario is status 2' 2 '' -- empty
check 'a missing path is status 2' 2 '' -- none
