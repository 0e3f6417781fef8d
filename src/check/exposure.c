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

struct exposure_account {
    const char *subject;
    enum violation_class class;
    struct exposure_account *next;
    struct budget *budget;
    uint64_t count, total_ns, bytes;
    uint64_t instants;               /* of count: spans that took no time */
    uint64_t byte_ns_hi, byte_ns_lo; /* a 128-bit sum */
    uint64_t *samples;               /* ns, of spans that took time */
    size_t n, cap;
    uint64_t every;    /* one sample in so many is kept; 0 until the first */
    struct span run;   /* the one added last: an adjacent one may continue it */
    struct span worst; /* the longest; of equal ones the first */
};

static void
keep(struct exposure_account *a, uint64_t ns)
{
    if (a->n == SAMPLES_MAX) {
        for (size_t i = 0; i < SAMPLES_MAX / 2; i++) {
            a->samples[i] = a->samples[2 * i];
        }
        a->n = SAMPLES_MAX / 2;
        a->every *= 2;
    }
    if (a->n == a->cap) {
        size_t cap = a->cap == 0 ? 64 : 2 * a->cap;
        a->samples = xrealloc(a->samples, cap, sizeof(*a->samples));
        budget_spend(a->budget, (cap - a->cap) * sizeof(*a->samples));
        a->cap = cap;
    }
    a->samples[a->n++] = ns;
}

static inline void
add_instant(struct exposure_account *a, uint64_t bytes)
{
    a->count++;
    a->instants++;
    a->bytes += bytes;
}

/* Whether s is more of what was added last. */
static bool
continues_run(const struct exposure_account *a, const struct span *s)
{
    const struct span *r = &a->run;

    return a->count > a->instants && r->last + 1 == s->first && r->begin == s->begin &&
           r->end == s->end && origin_same(&r->origin, &s->origin);
}

/* One that took time. */
static void
add_span(struct exposure_account *a, const struct span *s)
{
    const uint64_t ns = s->end - s->begin, bytes = s->last - s->first + 1;

    unsigned __int128 sum = (((unsigned __int128)a->byte_ns_hi << 64) | a->byte_ns_lo) +
                            (unsigned __int128)ns * bytes;
    a->byte_ns_hi = (uint64_t)(sum >> 64);
    a->byte_ns_lo = (uint64_t)sum;
    a->bytes += bytes;
    if (continues_run(a, s)) {
        if (a->worst.last == a->run.last && a->worst.begin == s->begin &&
            origin_same(&a->worst.origin, &s->origin)) {
            a->worst.last = s->last;
        }
        a->run.last = s->last;
        return;
    }
    a->run = *s;
    if (ns > a->worst.end - a->worst.begin) {
        a->worst = *s;
    }
    a->total_ns += ns;
    if (a->every == 0) {
        a->every = 1;
    }
    if ((a->count++ - a->instants) % a->every == 0) {
        keep(a, ns);
    }
}

/* The n samples and, in their proportion, the instants: sorted, *total of them. */
static double *
sorted_samples(const struct exposure_account *a, size_t *total)
{
    uint64_t instants = a->every > 1 ? a->instants / a->every : a->instants;
    uint64_t step = 1;

    while (instants / step + a->n / step > 2 * (uint64_t)SAMPLES_MAX) {
        step *= 2;
    }
    const size_t zeros = (size_t)(instants / step);
    const size_t n = (a->n + step - 1) / step;
    double *sorted = xcalloc(zeros + n, sizeof(*sorted));

    for (size_t i = 0; i < n; i++) {
        sorted[zeros + i] = (double)a->samples[i * step];
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

static void
get_stats(const struct exposure_account *a, struct exposure_stats *out)
{
    const unsigned __int128 byte_ns =
        ((unsigned __int128)a->byte_ns_hi << 64) | a->byte_ns_lo;

    *out = (struct exposure_stats){
        .count = a->count,
        .total_ns = a->total_ns,
        .max_ns = a->worst.end - a->worst.begin,
        .bytes = a->bytes,
        .byte_ns = a->byte_ns_hi != 0 ? UINT64_MAX : a->byte_ns_lo,
        .byte_seconds = (uint64_t)(byte_ns / 1000000000),
        .worst_first = a->worst.first,
        .worst_last = a->worst.last,
        .worst_origin = a->worst.origin,
        .subject = a->subject,
        .lawful = a->class == EXPOSURE_LAWFUL,
        .class = a->class,
    };
    if (a->n == 0) {
        return; /* all are 0 */
    }
    size_t n;
    double *sorted = sorted_samples(a, &n);
    out->p50_ns = percentile(sorted, n, 0.50);
    out->p90_ns = percentile(sorted, n, 0.90);
    out->p99_ns = percentile(sorted, n, 0.99);
    free(sorted);
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
    a->budget = b->env->budget;
    *end = a;
    return a;
}

static void
trace_span(const struct exposure_book *b, const struct exposure_account *a,
           const struct span *s)
{
    struct trace_rec r;
    char at[SOURCE_PLACE];

    if (a->subject[0] == '\0' || !trace_wants(b->env->trace, TE_EXPOSURE)) {
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

/* Kept out of exposure_book_since, which mostly only counts. */
__attribute__((noinline)) void
exposure_book_add(const struct exposure_book *b, struct exposure_account *a,
                  const struct span *s)
{
    if (s->end == s->begin) {
        add_instant(a, s->last - s->first + 1);
        return;
    }
    add_span(a, s);
    trace_span(b, a, s);
}

void
exposure_book_since(const struct exposure_book *b, struct exposure_account *a,
                    uint64_t first, uint64_t last, const struct origin *origin)
{
    const sim_time now = sim_now(b->env->sim);

    if (origin->time == now) {
        add_instant(a, last - first + 1);
        return;
    }
    exposure_book_add(b, a,
                      &(struct span){ .first = first,
                                      .last = last,
                                      .begin = origin->time,
                                      .end = now,
                                      .origin = *origin });
}

bool
exposure_book_get(const struct exposure_book *b, size_t i, struct exposure_stats *out)
{
    const struct exposure_account *a = b->first;

    for (; a != NULL && i > 0; i--) {
        a = a->next;
    }
    if (a != NULL) {
        get_stats(a, out);
    }
    return a != NULL;
}

void
exposure_book_fini(struct exposure_book *b)
{
    while (b->first != NULL) {
        struct exposure_account *a = b->first;
        b->first = a->next;
        budget_return(a->budget, a->cap * sizeof(*a->samples));
        free(a->samples);
        free(a);
    }
}
