/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See exposure.h. The percentiles are GSL's. */
#include "check/exposure.h"

#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>
#include <stdlib.h>
#include <string.h>

#include "check/check.h"
#include "trace/trace.h"
#include "util/alloc.h"
#include "util/err.h"

enum {
    SAMPLES_MAX = 1 << 16,
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
        size_t cap = e->cap == 0 ? 64 : 2 * e->cap;
        e->samples = xrealloc(e->samples, cap, sizeof(*e->samples));
        budget_spend(e->budget, (cap - e->cap) * sizeof(*e->samples));
        e->cap = cap;
    }
    e->samples[e->n++] = ns;
}

/* Whether s is more of what was added last. */
static bool
continues_run(const struct exposure *e, const struct span *s)
{
    const struct span *r = &e->run;

    return e->count > e->instants && r->last + 1 == s->first && r->begin == s->begin &&
           r->end == s->end && origin_same(&r->origin, &s->origin);
}

void
exposure_add(struct exposure *e, const struct span *s)
{
    const uint64_t ns = s->end - s->begin, bytes = s->last - s->first + 1;

    if (ns == 0) {
        exposure_add_instant(e, bytes);
        return;
    }
    unsigned __int128 sum = (((unsigned __int128)e->byte_ns_hi << 64) | e->byte_ns_lo) +
                            (unsigned __int128)ns * bytes;
    e->byte_ns_hi = (uint64_t)(sum >> 64);
    e->byte_ns_lo = (uint64_t)sum;
    e->bytes += bytes;
    if (continues_run(e, s)) {
        if (e->worst.last == e->run.last && e->worst.begin == s->begin &&
            origin_same(&e->worst.origin, &s->origin)) {
            e->worst.last = s->last;
        }
        e->run.last = s->last;
        return;
    }
    e->run = *s;
    if (ns > e->worst.end - e->worst.begin) {
        e->worst = *s;
    }
    e->total_ns += ns;
    if (e->every == 0) {
        e->every = 1;
    }
    if ((e->count++ - e->instants) % e->every == 0) {
        keep(e, ns);
    }
}

/* The n samples and, in their proportion, the instants: sorted, *total of them. */
static double *
sorted_samples(const struct exposure *e, size_t *total)
{
    uint64_t instants = e->every > 1 ? e->instants / e->every : e->instants;
    uint64_t step = 1;

    while (instants / step + e->n / step > 2 * (uint64_t)SAMPLES_MAX) {
        step *= 2;
    }
    const size_t zeros = (size_t)(instants / step);
    const size_t n = (e->n + step - 1) / step;
    double *sorted = xcalloc(zeros + n, sizeof(*sorted));

    for (size_t i = 0; i < n; i++) {
        sorted[zeros + i] = (double)e->samples[i * step];
    }
    gsl_sort(sorted + zeros, 1, n);
    *total = zeros + n;
    return sorted;
}

static uint64_t
percentile(const double *sorted, size_t n, double f)
{
    return (uint64_t)(gsl_stats_quantile_from_sorted_data(sorted, 1, n, f) + 0.5);
}

void
exposure_get(const struct exposure *e, struct exposure_stats *out)
{
    const unsigned __int128 byte_ns =
        ((unsigned __int128)e->byte_ns_hi << 64) | e->byte_ns_lo;

    *out = (struct exposure_stats){
        .count = e->count,
        .total_ns = e->total_ns,
        .max_ns = e->worst.end - e->worst.begin,
        .bytes = e->bytes,
        .byte_ns = e->byte_ns_hi != 0 ? UINT64_MAX : e->byte_ns_lo,
        .byte_seconds = (uint64_t)(byte_ns / 1000000000),
        .worst_first = e->worst.first,
        .worst_last = e->worst.last,
        .worst_origin = e->worst.origin,
    };
    if (e->n == 0) {
        return; /* all are 0 */
    }
    size_t n;
    double *sorted = sorted_samples(e, &n);
    out->p50_ns = percentile(sorted, n, 0.50);
    out->p90_ns = percentile(sorted, n, 0.90);
    out->p99_ns = percentile(sorted, n, 0.99);
    free(sorted);
}

void
exposure_fini(struct exposure *e)
{
    budget_return(e->budget, e->cap * sizeof(*e->samples));
    free(e->samples);
}

/* ---- the accounts ---- */

struct exposure_account *
exposure_account(struct exposure_book *b, const char *subject, enum violation_class class)
{
    struct exposure_account **end = &b->first;

    for (; *end != NULL; end = &(*end)->next) {
        if ((*end)->class == class && strcmp((*end)->subject, subject) == 0) {
            return *end;
        }
    }
    struct exposure_account *a = xcalloc(1, sizeof(*a));
    a->subject = subject;
    a->class = class;
    a->exposure.budget = b->env->budget;
    *end = a;
    return a;
}

static void
trace_span(const struct exposure_book *b, const struct exposure_account *a,
           const struct span *s)
{
    struct trace_rec r;
    char at[SOURCE_PLACE];

    if (!trace_wants(b->env->trace, TE_EXPOSURE)) {
        return;
    }
    trace_begin(&r, sim_now(b->env->sim), a->subject, TE_EXPOSURE);
    if (a->class != EXPOSURE_LAWFUL) {
        trace_text(&r, TF_CLASS, violation_name(a->class));
    }
    trace_u64(&r, TF_IOVA, s->first);
    trace_u64(&r, TF_SIZE, s->last - s->first + 1);
    trace_u64(&r, TF_SINCE, s->begin);
    trace_u64(&r, TF_SPAN, s->end - s->begin);
    if (s->origin.file != NULL) {
        trace_text(&r, TF_AT, source_place(at, s->origin.file, s->origin.line));
    }
    trace_emit(b->env->trace, &r);
}

void
exposure_book_add(const struct exposure_book *b, struct exposure_account *a,
                  const struct span *s)
{
    exposure_add(&a->exposure, s);
    if (s->end != s->begin) {
        trace_span(b, a, s);
    }
}

void
exposure_book_fini(struct exposure_book *b)
{
    while (b->first != NULL) {
        struct exposure_account *a = b->first;
        b->first = a->next;
        exposure_fini(&a->exposure);
        free(a);
    }
}
