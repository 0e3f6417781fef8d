#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What must hold of the source tree itself.
n=0
holds() {
    n=$((n + 1))
    description=$1
    shift
    if output=$("$@" 2>&1); then
        echo "ok $n - $description"
    else
        printf '%s\n' "$output" | sed 's/^/# /'
        echo "not ok $n - $description"
    fi
}

echo 1..6
holds "folders include only what lies below them" "$srcdir/tools/check-includes"
holds "the source lists name every file" "$srcdir/tools/update-sources" --check
holds "docs/coverage.md is up to date" "$srcdir/tools/coverage-table" --check
holds "the manual page lists every trace line" "$srcdir/tools/update-manual" --check
holds "each quirk has one place and a scenario" "$srcdir/tools/check-quirks"
holds "the museum's tables are up to date" "$srcdir/tools/museum-table" --check
