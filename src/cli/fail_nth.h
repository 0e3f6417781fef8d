/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * --fail-nth: a scenario once for each point at which a registration, a host's map or
 * unmap, a message or a replay can fail, one of them failing a run; and a table of what
 * became of each.
 */
#ifndef IOMMUSIM_CLI_FAIL_NTH_H
#define IOMMUSIM_CLI_FAIL_NTH_H

#include <stdio.h>

#include "machine/machine.h"

/*
 * All runs of one configuration, whose trace is discarded; `title` heads the table.
 * An exit status: STATUS_DIFFER if a failure left something behind.
 */
int fail_nth_run(const struct machine_config *config, const char *title, FILE *out,
                 FILE *errors);

#endif
