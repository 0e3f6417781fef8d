/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Inside machine/: what expect_step.c and expect_end.c share, which hold steps and the
 * run against what the scenario expects.
 */
#ifndef IOMMUSIM_MACHINE_EXPECT_H
#define IOMMUSIM_MACHINE_EXPECT_H

#include <stdint.h>

#include "machine/internal.h"
#include "scenario/scenario.h"

enum { EXPECT_TEXT = 256 }; /* bytes of a list as text */

/*
 * Where an expectation stands: in the scenario, or in the recording that made the step.
 */
struct expect_place {
    const char *file;
    uint32_t line;
};

struct expect_place expect_place(const struct machine *m, struct src_pos pos);

/*
 * `what` at that place should have been `want`: a line for people and one of the trace.
 */
void expect_failed(struct machine *m, struct expect_place place, const char *what,
                   const char *want, const char *got);
/* The same of numbers; format: "x" or "d". */
void expect_number_failed(struct machine *m, struct expect_place at, const char *what,
                          const char *format, uint64_t want, uint64_t got);

/* One word more of a list, after a comma; what does not fit is cut off. */
void expect_append(char text[static EXPECT_TEXT], const char *word);

/* The dirty log is those runs. */
void expect_dirty(struct machine *m, struct expect_place place,
                  const struct expect_dirty *x);

#endif
