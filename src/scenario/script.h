/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Steps one a line, `[+T|@T] ACTION key=value ...`, read from a file as a stream;
 * memory does not grow with its length. The actor lines of a trace are read by
 * the same words.
 */
#ifndef IOMMUSIM_SCENARIO_SCRIPT_H
#define IOMMUSIM_SCENARIO_SCRIPT_H

#include <stdbool.h>

#include "scenario/scenario.h"
#include "util/err.h"

struct script_reader;

/*
 * Open the file of a `replay` step whose `from` is REPLAY_SCRIPT or
 * REPLAY_IOMMUSIM. `sc` is borrowed for the reader's life. NULL and *e if it
 * cannot be opened.
 */
struct script_reader *script_open(const struct scenario *sc,
                                  const struct step_replay *replay, struct err *e);
void script_close(struct script_reader *r); /* NULL is fine */

enum script_next { SCRIPT_STEP, SCRIPT_END, SCRIPT_ERROR };

/*
 * The next step; *out and all it points to are valid until the next call. On
 * SCRIPT_ERROR *e says what is wrong with which line, and reading is over. From a
 * trace, each step has the time of its line as STEP_AT; results, and lines of
 * other parties than actors, are passed over; a `dma` line is its device's.
 */
enum script_next script_next(struct script_reader *r, const struct step **out,
                             struct err *e);

#endif
