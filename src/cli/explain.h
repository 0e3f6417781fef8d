/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `iommusim explain`: pages on what users meet by name. */
#ifndef IOMMUSIM_CLI_EXPLAIN_H
#define IOMMUSIM_CLI_EXPLAIN_H

struct options;

/* The subcommand; returns the exit status. */
int cli_explain(const struct options *o);

#endif
