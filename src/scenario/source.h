/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The bytes of a scenario and of the files it includes, checked to be text:
 * UTF-8 without control characters.
 */
#ifndef IOMMUSIM_SCENARIO_SOURCE_H
#define IOMMUSIM_SCENARIO_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Read a whole file ("-" is standard input). NULL, or what went wrong as a
 * phrase. The caller frees *text.
 */
const char *source_read(const char *path, char **text, size_t *len);

/*
 * The offset of the first byte that cannot be in a scenario, or len. *problem
 * says why.
 */
size_t source_check(const char *text, size_t len, const char **problem);

#endif
