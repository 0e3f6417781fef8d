/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How long memory could be reached that the guest had taken away: an account for each
 * subscriber, and for each device that the IOMMU itself translates, of lawful spans
 * (the invalidation was on its way) and, by class, of those of violations.
 *
 * A span is a run of adjacent pages over which something began and ended together.
 * Counts, sums and the longest span are exact; percentiles are exact up to SAMPLES_MAX
 * spans that took time, beyond that from an even thinning of them.
 */
#ifndef IOMMUSIM_CHECK_EXPOSURE_H
#define IOMMUSIM_CHECK_EXPOSURE_H

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

struct exposure {
    uint64_t count, total_ns, bytes;
    uint64_t instants;               /* of count: spans that took no time */
    uint64_t byte_ns_hi, byte_ns_lo; /* a 128-bit sum */
    uint64_t *samples;               /* ns, of spans that took time */
    size_t n, cap;
    uint64_t every;    /* one sample in so many is kept; 0 until the first */
    struct span run;   /* the one added last: an adjacent one may continue it */
    struct span worst; /* the longest; of equal ones the first */
    struct budget *budget;
};

/* All zero but for the budget, which may be NULL, is an empty one. */
void exposure_add(struct exposure *e, const struct span *s);
void exposure_get(const struct exposure *e, struct exposure_stats *out);
void exposure_fini(struct exposure *e);

/* A span of so many bytes that ended as it began. */
static inline void
exposure_add_instant(struct exposure *e, uint64_t bytes)
{
    e->count++;
    e->instants++;
    e->bytes += bytes;
}

/* ---- the accounts ---- */

/* In place of a violation's class: the lawful ones. */
#define EXPOSURE_LAWFUL VIOLATION_COUNT

struct exposure_account {
    const char *subject; /* borrowed */
    enum violation_class class;
    struct exposure exposure;
    struct exposure_account *next; /* in order of appearance */
};

struct exposure_book {
    const struct env *env;
    struct exposure_account *first;
};

/* The account of that name, made if there is none. */
struct exposure_account *exposure_account(struct exposure_book *b, const char *subject,
                                          enum violation_class class);
/* A span has ended: added, and shown under -v. */
void exposure_book_add(const struct exposure_book *b, struct exposure_account *a,
                       const struct span *s);
void exposure_book_fini(struct exposure_book *b);

#endif
