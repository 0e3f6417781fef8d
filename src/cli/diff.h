/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `iommusim diff`: two traces compared by meaning. */
#ifndef IOMMUSIM_CLI_DIFF_H
#define IOMMUSIM_CLI_DIFF_H

#include <stdio.h>

#include "trace/diff.h"

struct options;

/* The subcommand; returns the exit status. */
int cli_diff(const struct options *o);

/*
 * Print how d, which is not equal, differs: the first difference with its context,
 * then the counts. Each line begins with `prefix`; a and b name the traces.
 */
void cli_print_diff(FILE *out, const char *prefix, const struct trace_diff *d,
                    const char *a, const char *b);

#endif
