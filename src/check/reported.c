/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See reported.h. */
#include "check/reported.h"

#include <stdlib.h>

#include "check/exposure.h"

void
reported_init(struct reported *r, struct budget *budget, struct exposure_book *book)
{
    rangemap_init(&r->map, RANGEMAP_CONSTANT, budget);
    r->book = book;
    r->notes = NULL;
    r->n = r->cap = 0;
}

void
reported_fini(struct reported *r)
{
    rangemap_fini(&r->map);
    free(r->notes);
}

static bool
same_note(const struct report_note *a, const struct report_note *b)
{
    return a->subject == b->subject && a->class == b->class &&
           origin_same(&a->origin, &b->origin);
}

void
reported_add(struct reported *r, uint64_t first, uint64_t last,
             const struct report_note *note)
{
    if (reported_empty(r)) {
        r->n = 0;
    }
    if (r->n == 0 || !same_note(&r->notes[r->n - 1], note)) {
        if (r->n == r->cap) {
            r->cap = r->cap == 0 ? 8 : 2 * r->cap;
            r->notes = xrealloc(r->notes, r->cap, sizeof(*r->notes));
        }
        r->notes[r->n++] = *note;
    }
    rangemap_insert(&r->map, first, last, (uint64_t)(r->n - 1) << PAGE_LG2, PERM_NONE);
}

const struct report_note *
reported_next(const struct reported *r, uint64_t from, uint64_t last,
              struct range_piece *out)
{
    if (reported_empty(r) || !rangemap_next_until(&r->map, from, last, out)) {
        return NULL;
    }
    return &r->notes[out->target >> PAGE_LG2];
}

static void
book(const struct reported *r, const struct report_note *note, uint64_t first,
     uint64_t last)
{
    struct exposure_book *b = r->book;

    if (b != NULL) {
        exposure_book_since(b, exposure_account(b, note->subject, note->class), first,
                            last, &note->origin);
    }
}

void
reported_settle(struct reported *r, uint64_t first, uint64_t last)
{
    const struct report_note *note;
    struct range_piece p;

    for (uint64_t at = first; (note = reported_next(r, at, last, &p)) != NULL;
         at = p.last + 1) {
        book(r, note, p.first < first ? first : p.first, p.last < last ? p.last : last);
        if (p.last >= last) {
            break;
        }
    }
    if (!reported_empty(r)) {
        rangemap_remove(&r->map, first, last);
    }
}
