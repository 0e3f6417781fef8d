/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside machine/: what the writers of step lines share. See step_line.c. */
#ifndef IOMMUSIM_MACHINE_STEP_LINE_H
#define IOMMUSIM_MACHINE_STEP_LINE_H

#include <stddef.h>
#include <stdint.h>

#include "machine/internal.h"
#include "scenario/entry_layout.h"
#include "scenario/scenario.h"
#include "trace/trace.h"

struct running;

struct line {
    struct machine *m;
    const struct running *r;
    struct trace_rec rec;
    char text[2][48]; /* numbers as text */
    char *list;       /* a list as text, of any length; NULL: none */
    size_t len, cap;  /* of list */
};

/* Go on with the list's text. Lists are whole, so that a trace can be run again. */
void line_add(struct line *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Values separated by commas; the list. */
const char *line_numbers(struct line *l, const uint64_t *v, size_t n);

/* Put into the record what an entry step stored: its fields, or its words. */
void line_entry(struct line *l, const struct step_entry *s);
/* Put into the record the options of a subscriber that are not the usual ones. */
void line_subscriber(struct line *l, const struct scenario_subscriber *sub);
/* Go on with a descriptor: TYPE:GRANULARITY:key=value:switch... */
void line_descriptor(struct line *l, const struct qi_descriptor *d);

#endif
