/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Both traces are read in step until they part. From the start on, what each
 * subscriber was told is counted; from the parting on, the rest is read for the counts
 * alone.
 */

#include "trace/diff.h"

#include "trace/read.h"
#include "trace/table.h"
#include "util/alloc.h"
#include "util/err.h"

#include <stdlib.h>
#include <string.h>

/* What one subject did, in A and B. */
struct tally {
    const char *subject; /* of words; NULL: free slot */
    uint64_t n[TRACE_EVENT_COUNT][2];
};

struct tallies {
    struct tally *slot; /* open addressing by pointer */
    size_t n, cap;      /* cap is a power of two, at least twice n */
};

struct side {
    struct trace_reader *reader;
    struct trace_diff_record at; /* line 0: ended */
};

struct work {
    struct trace_diff *d;
    const struct trace_diff_options *opts;
    struct side side[2];
    struct tallies tallies;
    struct trace_diff_record *ring; /* the last `context` equal records */
    size_t n_ring;                  /* ever put into it */
};

/* --- counts --- */

static struct tally *
tally_slot(const struct tallies *ts, const char *subject)
{
    size_t at = (size_t)((uintptr_t)subject * UINT64_C(0x9e3779b97f4a7c15) >> 32);

    at &= ts->cap - 1;
    while (ts->slot[at].subject != NULL && ts->slot[at].subject != subject) {
        at = (at + 1) & (ts->cap - 1);
    }
    return &ts->slot[at];
}

static void
grow_tallies(struct tallies *ts)
{
    struct tallies old = *ts;

    ts->cap = old.cap == 0 ? 16 : old.cap * 2;
    ts->slot = xcalloc(ts->cap, sizeof *ts->slot);
    for (size_t i = 0; i < old.cap; i++) {
        if (old.slot[i].subject != NULL) {
            *tally_slot(ts, old.slot[i].subject) = old.slot[i];
        }
    }
    free(old.slot);
}

static void
count(struct tallies *ts, const struct trace_rec *r, unsigned side)
{
    if (strchr(r->subject, '/') == NULL) {
        return;
    }
    if (ts->n * 2 >= ts->cap) {
        grow_tallies(ts);
    }
    struct tally *t = tally_slot(ts, r->subject);
    if (t->subject == NULL) {
        t->subject = r->subject;
        ts->n++;
    }
    t->n[r->event][side]++;
}

static int
compare_counts(const void *a, const void *b)
{
    const struct trace_diff_count *x = a, *y = b;
    int by_name = strcmp(x->subscriber, y->subscriber);

    if (by_name != 0) {
        return by_name;
    }
    return (x->event > y->event) - (x->event < y->event);
}

static void
list_counts(struct trace_diff *d, const struct tallies *ts)
{
    d->counts = xcalloc(ts->n * TRACE_EVENT_COUNT + 1, sizeof *d->counts);
    for (size_t i = 0; i < ts->cap; i++) {
        const struct tally *t = &ts->slot[i];
        for (unsigned ev = 0; t->subject != NULL && ev < TRACE_EVENT_COUNT; ev++) {
            if (t->n[ev][0] != 0 || t->n[ev][1] != 0) {
                d->counts[d->n_counts++] = (struct trace_diff_count){
                    t->subject, (enum trace_event)ev, { t->n[ev][0], t->n[ev][1] }
                };
            }
        }
    }
    qsort(d->counts, d->n_counts, sizeof *d->counts, compare_counts);
}

/* --- records --- */

/* Texts are kept words: equal if they are one pointer. */
static bool
records_equal(const struct trace_rec *a, const struct trace_rec *b, bool ignore_time)
{
    if (a->event != b->event || a->subject != b->subject || a->n != b->n ||
        (a->time != b->time && !ignore_time)) {
        return false;
    }
    for (unsigned i = 0; i < a->n; i++) {
        const struct trace_item *x = &a->item[i], *y = &b->item[i];
        bool text = trace_field_info(x->field)->type == TRACE_TEXT;
        if (x->field != y->field || (text ? x->v.s != y->v.s : x->v.u != y->v.u)) {
            return false;
        }
    }
    return true;
}

static bool
advance(struct work *w, unsigned side, struct err *e)
{
    struct side *s = &w->side[side];

    switch (trace_reader_next(s->reader, &s->at.rec, e)) {
    case TRACE_READ_RECORD:
        s->at.line = trace_reader_line(s->reader);
        count(&w->tallies, &s->at.rec, side);
        return true;
    case TRACE_READ_END:
        s->at.line = 0;
        return true;
    case TRACE_READ_ERROR:
        break;
    }
    return false;
}

static void
remember(struct work *w)
{
    if (w->opts->context > 0) {
        w->ring[w->n_ring++ % w->opts->context] = w->side[0].at;
    }
}

/* Read on in step to the first difference or both ends. */
static bool
find_first(struct work *w, struct err *e)
{
    const struct side *a = &w->side[0], *b = &w->side[1];

    for (;;) {
        if (!advance(w, 0, e) || !advance(w, 1, e)) {
            return false;
        }
        if (a->at.line == 0 || b->at.line == 0) {
            w->d->equal = a->at.line == b->at.line;
            return true;
        }
        if (!records_equal(&a->at.rec, &b->at.rec, w->opts->ignore_time)) {
            return true;
        }
        remember(w);
    }
}

/* The ring in order. */
static void
list_before(struct work *w)
{
    size_t size = w->opts->context;
    size_t n = w->n_ring < size ? w->n_ring : size;

    w->d->before = xcalloc(n + 1, sizeof *w->d->before);
    for (size_t i = 0; i < n; i++) {
        w->d->before[i] = w->ring[(w->n_ring - n + i) % size];
    }
    w->d->n_before = n;
}

/* Keep the first of what is left as context, count the others. */
static bool
read_rest(struct work *w, unsigned side, struct err *e)
{
    struct trace_diff *d = w->d;
    struct side *s = &w->side[side];

    d->first[side] = s->at;
    d->after[side] = xcalloc((size_t)w->opts->context + 1, sizeof *d->after[side]);
    while (s->at.line != 0) {
        if (!advance(w, side, e)) {
            return false;
        }
        if (s->at.line != 0 && d->n_after[side] < w->opts->context) {
            d->after[side][d->n_after[side]++] = s->at;
        }
    }
    return true;
}

static bool
compare(struct work *w, struct err *e)
{
    if (!find_first(w, e)) {
        return false;
    }
    if (w->d->equal) {
        return true;
    }
    list_before(w);
    if (!read_rest(w, 0, e) || !read_rest(w, 1, e)) {
        return false;
    }
    list_counts(w->d, &w->tallies);
    return true;
}

bool
trace_diff_files(struct trace_diff *d, const char *a, const char *b,
                 const struct trace_diff_options *opts, struct err *e)
{
    struct work w = { .d = d, .opts = opts };
    bool ok = false;

    *d = (struct trace_diff){ 0 };
    trace_words_init(&d->words);
    w.ring = xcalloc((size_t)opts->context + 1, sizeof *w.ring);
    w.side[0].reader = trace_reader_open(a, &d->words, e);
    if (w.side[0].reader != NULL) {
        w.side[1].reader = trace_reader_open(b, &d->words, e);
    }
    if (w.side[1].reader != NULL) {
        ok = compare(&w, e);
    }
    trace_reader_close(w.side[1].reader);
    trace_reader_close(w.side[0].reader);
    free(w.tallies.slot);
    free(w.ring);
    if (!ok) {
        trace_diff_fini(d);
    }
    return ok;
}

void
trace_diff_fini(struct trace_diff *d)
{
    free(d->before);
    free(d->after[0]);
    free(d->after[1]);
    free(d->counts);
    trace_words_fini(&d->words);
}
