/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a run comes to, for people: printed once after each run. */
#ifndef IOMMUSIM_CLI_SUMMARY_H
#define IOMMUSIM_CLI_SUMMARY_H

#include <stdio.h>

#include "machine/machine.h"

/* `run` is NULL for the plain run of a scenario. */
void summary_print(FILE *out, const char *scenario, const char *run,
                   const struct machine_result *r, enum machine_end end);

/* The verdict and why it is so only: for a quiet run that did not hold. */
void summary_print_failures(FILE *out, const char *scenario, const char *run,
                            const struct machine_result *r, enum machine_end end);

#endif
