/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How long memory could be reached that the guest had taken away: an account of the
 * whole machine, then one for each subscriber, and for each device that the IOMMU itself
 * translates, of lawful spans (the invalidation was on its way) and, by class, of those
 * of violations.
 *
 * A span is a run of adjacent pages over which something began and ended together.
 * Counts, sums and the longest span are exact; percentiles are exact up to SAMPLES_MAX
 * spans that took time, beyond that from an even thinning of them.
 */
#ifndef IOMMUSIM_CHECK_EXPOSURE_H
#define IOMMUSIM_CHECK_EXPOSURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "check/origin.h"
#include "notify/env.h"
#include "util/names.h"

struct exposure_stats;

struct span {
    uint64_t first, last; /* bus addresses */
    sim_time begin, end;
    struct origin origin; /* of the change that began it */
};

/* In place of a violation's class: the lawful ones. */
#define EXPOSURE_LAWFUL VIOLATION_COUNT

/* In place of a subject: the machine, whose spans are not traced. */
#define EXPOSURE_MACHINE ""

struct exposure_book {
    const struct env *env;
    struct exposure_account *first;
};

/* The account of that name, borrowed, made if there is none. */
struct exposure_account *exposure_account(struct exposure_book *b, const char *subject,
                                          enum violation_class class);
/*
 * A span has ended: added, and shown under -v. Adjacent pages should come ascending, one
 * after the other: only what follows the span added last to that account continues it.
 */
void exposure_book_add(const struct exposure_book *b, struct exposure_account *a,
                       const struct span *s);
/* The same of one that lasted from its origin until now. */
void exposure_book_since(const struct exposure_book *b, struct exposure_account *a,
                         uint64_t first, uint64_t last, const struct origin *origin);
/* The i-th account, in order of appearance; false past the end. */
bool exposure_book_get(const struct exposure_book *b, size_t i,
                       struct exposure_stats *out);
void exposure_book_fini(struct exposure_book *b);

#endif
