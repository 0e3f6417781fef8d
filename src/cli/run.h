/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `iommusim run` and `iommusim check`. */
#ifndef IOMMUSIM_CLI_RUN_H
#define IOMMUSIM_CLI_RUN_H

struct options;

/* The subcommands; they return the exit status. */
int cli_run(const struct options *o);
int cli_check(const struct options *o);

#endif
