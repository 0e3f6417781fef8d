# SPDX-License-Identifier: GPL-3.0-or-later
# For scripts that print TAP; to be read with `.` by a script that ends with `tap_done`.
# They work in a folder of their own, $dir, with the output of the program last run in
# `out` and `err` and its exit status in $status.
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 99
scenarios=$top_srcdir/scenarios
tap_n=0

# sim ARGUMENT...: run the program.
sim() {
    "$IOMMUSIM" "$@" >out 2>err
    status=$?
}

# ok NAME: reports whether the command before it succeeded.
ok() {
    tap_status=$?
    tap_n=$((tap_n + 1))
    if test $tap_status -eq 0; then
        echo "ok $tap_n - $1"
    else
        echo "not ok $tap_n - $1"
        echo "# status $status"
        sed 's/^/# out: /' out | tail -n 25
        sed 's/^/# err: /' err | tail -n 25
    fi
}

# is STATUS FILE NAME: the last run ended with STATUS, and FILE holds standard input.
is() {
    test $status -eq "$1" && diff - "$2" >&2
    ok "$3"
}

# has FILE LINE: one line of FILE is LINE, whole.
has() {
    grep -qxF -e "$2" "$1"
}

tap_done() {
    echo "1..$tap_n"
}
