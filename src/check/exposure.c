/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See exposure.h. The percentiles are GSL's. */
#include "check/exposure.h"

#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>
#include <stdlib.h>

#include "check/check.h"
#include "util/alloc.h"

enum {
    SAMPLES_MAX = 1 << 20,
};

static void
keep(struct exposure *e, uint64_t ns)
{
    if (e->n == SAMPLES_MAX) {
        for (size_t i = 0; i < SAMPLES_MAX / 2; i++) {
            e->samples[i] = e->samples[2 * i];
        }
        e->n = SAMPLES_MAX / 2;
        e->every *= 2;
    }
    if (e->n == e->cap) {
        e->cap = e->cap == 0 ? 64 : 2 * e->cap;
        e->samples = xrealloc(e->samples, e->cap, sizeof(*e->samples));
    }
    e->samples[e->n++] = ns;
}

void
exposure_add(struct exposure *e, uint64_t ns, uint64_t bytes)
{
    unsigned __int128 product = (unsigned __int128)ns * bytes;
    unsigned __int128 sum =
        (((unsigned __int128)e->byte_ns_hi << 64) | e->byte_ns_lo) + product;

    e->byte_ns_hi = (uint64_t)(sum >> 64);
    e->byte_ns_lo = (uint64_t)sum;
    e->total_ns += ns;
    e->bytes += bytes;
    e->max_ns = ns > e->max_ns ? ns : e->max_ns;
    if (e->every == 0) {
        e->every = 1;
    }
    if (e->count++ % e->every == 0) {
        keep(e, ns);
    }
}

static uint64_t
percentile(const double *sorted, size_t n, double f)
{
    return (uint64_t)(gsl_stats_quantile_from_sorted_data(sorted, 1, n, f) + 0.5);
}

void
exposure_get(struct exposure *e, struct exposure_stats *out)
{
    unsigned __int128 byte_ns = ((unsigned __int128)e->byte_ns_hi << 64) | e->byte_ns_lo;

    *out = (struct exposure_stats){
        .count = e->count,
        .total_ns = e->total_ns,
        .max_ns = e->max_ns,
        .bytes = e->bytes,
        .byte_seconds = (uint64_t)(byte_ns / 1000000000),
    };
    if (e->max_ns == 0) {
        return; /* all are 0 */
    }
    double *sorted = xcalloc(e->n, sizeof(*sorted));
    for (size_t i = 0; i < e->n; i++) {
        sorted[i] = (double)e->samples[i];
    }
    gsl_sort(sorted, 1, e->n);
    out->p50_ns = percentile(sorted, e->n, 0.50);
    out->p90_ns = percentile(sorted, e->n, 0.90);
    out->p99_ns = percentile(sorted, e->n, 0.99);
    free(sorted);
}

void
exposure_fini(struct exposure *e)
{
    free(e->samples);
}
