/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Variates from GSL, brought to whole numbers: see dist.h. Which GSL function
 * draws is part of the promise that a seed gives the same trace everywhere.
 */
#include "sim/dist.h"

#include <gsl/gsl_randist.h>
#include <math.h>

#include "sim/stream.h"

/* Nearest, halves away from zero, within [0, UINT64_MAX / 2]; NaN is 0. */
static uint64_t
to_whole(double x)
{
    if (!(x > 0)) {
        return 0;
    }
    return x < 0x1p63 ? (uint64_t)llround(x) : UINT64_MAX / 2;
}

static uint64_t
draw_word(struct sim_stream *s)
{
    uint64_t high = gsl_rng_get(&s->rng);

    return high << 32 | gsl_rng_get(&s->rng);
}

uint64_t
sim_uniform(struct sim_stream *s, uint64_t n)
{
    if (n <= UINT32_MAX) {
        return gsl_rng_uniform_int(&s->rng, (unsigned long)n);
    }
    uint64_t excess = -n % n; /* 2^64 mod n: so many words would favour the low values */
    uint64_t word;

    do {
        word = draw_word(s);
    } while (word < excess);
    return word % n;
}

static uint64_t
draw_between(struct sim_stream *s, uint64_t first, uint64_t last)
{
    uint64_t n = last - first + 1;

    return n == 0 ? draw_word(s) : first + sim_uniform(s, n);
}

/* The normal distribution on condition that it is not negative; mean >= 0. */
static double
draw_normal(const gsl_rng *rng, double mean, double sd)
{
    double x;

    do {
        x = mean + gsl_ran_gaussian_ziggurat(rng, sd);
    } while (x < 0);
    return x;
}

/*
 * Weights are summed from the left both times, so the search ends inside the
 * table but for rounding; then the last row that can come takes it.
 */
static uint64_t
draw_empirical(const gsl_rng *rng, const struct dist *d)
{
    double total = 0, sum = 0;
    uint64_t value = 0;

    for (uint32_t i = 0; i < d->n; i++) {
        total += d->rows[i].weight;
    }
    double x = gsl_rng_uniform(rng) * total;

    for (uint32_t i = 0; i < d->n; i++) {
        if (d->rows[i].weight > 0) {
            value = d->rows[i].value;
            sum += d->rows[i].weight;
            if (x < sum) {
                break;
            }
        }
    }
    return value;
}

uint64_t
sim_draw(struct sim_stream *s, const struct dist *d)
{
    switch (d->kind) {
    case DIST_CONSTANT:
        return d->a;
    case DIST_UNIFORM:
        return draw_between(s, d->a, d->b);
    case DIST_EXPONENTIAL:
        return to_whole(gsl_ran_exponential(&s->rng, (double)d->a));
    case DIST_NORMAL:
        return to_whole(draw_normal(&s->rng, (double)d->a, (double)d->b));
    case DIST_LOGNORMAL:
        return to_whole((double)d->a * gsl_ran_lognormal(&s->rng, 0, d->shape));
    case DIST_PARETO:
        return to_whole(gsl_ran_pareto(&s->rng, d->shape, (double)d->a));
    case DIST_EMPIRICAL:
        return draw_empirical(&s->rng, d);
    }
    __builtin_unreachable();
}
