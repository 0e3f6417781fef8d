/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How errors look to users. */
#ifndef IOMMUSIM_CLI_MESSAGE_H
#define IOMMUSIM_CLI_MESSAGE_H

#include <stdio.h>

struct err;

/* FILE:LINE:COL: error: TEXT, as much of the place as is known; else iommusim: TEXT. */
void cli_print_error(FILE *out, const struct err *e);

#endif
