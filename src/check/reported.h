/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pages of which a violation was reported and which have not been right since: what is
 * among them is not reported again, and when it goes, the time that it was wrong is
 * booked.
 */
#ifndef IOMMUSIM_CHECK_REPORTED_H
#define IOMMUSIM_CHECK_REPORTED_H

#include <stdbool.h>
#include <stdint.h>

#include "check/origin.h"
#include "util/names.h"
#include "util/rangemap.h"

struct exposure_book;

struct report_note {
    const char *subject; /* borrowed */
    enum violation_class class;
    struct origin origin;
    const char *missing; /* or NULL */
};

struct reported {
    struct rangemap map;        /* CONSTANT: target >> 12 is an index into notes */
    struct exposure_book *book; /* borrowed; NULL: nothing is booked */
    struct report_note *notes;  /* of what is in the map, and of some that was */
    size_t n, cap;
};

void reported_init(struct reported *r, struct budget *budget, struct exposure_book *book);
/* Nothing is booked of what is still there. */
void reported_fini(struct reported *r);

static inline bool
reported_empty(const struct reported *r)
{
    return r->map.entries == 0;
}

/* Over pages of which nothing is known. */
void reported_add(struct reported *r, uint64_t first, uint64_t last,
                  const struct report_note *note);
/* What is known of the first such page in [from, last], or NULL; *out spans the pages. */
const struct report_note *reported_next(const struct reported *r, uint64_t from,
                                        uint64_t last, struct range_piece *out);
/* [first, last] is right again, or wrong in another way, or the end has come. */
void reported_settle(struct reported *r, uint64_t first, uint64_t last);

#endif
