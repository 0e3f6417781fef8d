/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A number that may vary: what a scenario writes where a time or a size is
 * expected. Plain data; sim/dist.h draws from it.
 */
#ifndef IOMMUSIM_UTIL_DIST_H
#define IOMMUSIM_UTIL_DIST_H

#include <stdbool.h>
#include <stdint.h>

enum dist_kind {
    DIST_CONSTANT,    /* a */
    DIST_UNIFORM,     /* whole numbers in [a, b], both included */
    DIST_EXPONENTIAL, /* mean a */
    DIST_NORMAL,      /* mean a, standard deviation b, truncated at 0 */
    DIST_LOGNORMAL,   /* median a, sigma `shape` */
    DIST_PARETO,      /* minimum a, alpha `shape` */
    DIST_EMPIRICAL,   /* rows */
};

struct dist_row {
    uint64_t value;
    double weight; /* >= 0, not normalised; the sum of all is > 0 */
};

/*
 * All zero is the constant 0. a, b and values are in the unit of the place: ns or bytes.
 */
struct dist {
    enum dist_kind kind;
    uint32_t n; /* rows */
    uint64_t a, b;
    double shape;                /* > 0 */
    const struct dist_row *rows; /* borrowed (scenarios: their arena) */
};

#define DIST_CONST(x) ((struct dist){ .kind = DIST_CONSTANT, .a = (x) })

static inline bool
dist_is_constant(const struct dist *d)
{
    return d->kind == DIST_CONSTANT;
}

#endif
