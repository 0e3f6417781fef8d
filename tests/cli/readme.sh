#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The examples of README.md are what the program prints. To refresh them:
# tools/update-readme.
echo 1..1
if output=$("$srcdir/tools/update-readme" --check 2>&1); then
    echo "ok 1 - the examples of README.md are what the program prints"
else
    printf '%s\n' "$output" | sed 's/^/# /'
    echo "not ok 1 - the examples of README.md are what the program prints"
fi
