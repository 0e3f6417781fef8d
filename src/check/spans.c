/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lawful exposure: from the moment that something mapped was taken away until a
 * subscriber no longer holds it, or until its record closes. What is held beyond that is
 * a violation's (reported.h).
 *
 * Nothing is kept of a record while it is open: when it closes, all that hold a shadow
 * of its device are charged with the whole span. Only one that let go of a page before
 * is charged as of that moment, and the page noted in its `dropped` with the number of
 * that drop; records remember how many there had been when they opened.
 *
 * Mostly a page is let go of as soon as it was taken away, and its record closes at the
 * same moment. So such a drop waits in `fresh`, to be noted only if time passes.
 */
#include "check/internal.h"

static uint64_t
later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* A mirror that joined after the change never held what was before; a cache may have. */
static void
charge_sub(struct check_sub *cs, uint64_t first, uint64_t last,
           const struct origin *origin, sim_time end)
{
    if (origin->time >= cs->joined || cs->s->ops->shadow == SHADOW_CACHE) {
        exposure_book_add(&cs->c->book, cs->lawful,
                          &(struct span){ .first = first,
                                          .last = last,
                                          .begin = later(origin->time, cs->joined),
                                          .end = end,
                                          .origin = *origin });
    }
}

/* Cut to what cs listens to at all; false: nothing of it. */
static bool
cut_to_range(const struct check_sub *cs, uint64_t *first, uint64_t *last)
{
    const struct subscriber_config *f = &cs->s->config;

    if (f->has_range) {
        *first = later(*first, f->range_first);
        *last = *last < f->range_last ? *last : f->range_last;
    }
    return *first <= *last;
}

/* The records that are open for cs, one set after the other: begin with { 0 }. */
struct open_sets {
    unsigned n;
    const struct view *view;
};

static const struct recordset *
open_next(const struct check_sub *cs, struct open_sets *at)
{
    const struct truth_device *d = cs->d;

    if (at->n++ == 0) {
        return is_device_tlb(cs) ? &d->tlb : &d->records;
    }
    if (is_device_tlb(cs) || d->state != TRUTH_VIEWS || (at->n > 2 && d->view != NULL)) {
        return NULL;
    }
    at->view = at->n > 2 ? at->view->next : d->view != NULL ? d->view : d->iommu->views;
    return at->view != NULL ? &at->view->records : NULL;
}

/* The usual case: the one set of records in which something may be open for cs. */
static const struct recordset *
only_open(const struct check_sub *cs)
{
    const struct truth_device *d = cs->d;

    if (is_device_tlb(cs)) {
        return &d->tlb;
    }
    if (d->view == NULL) {
        return d->state != TRUTH_VIEWS ? &d->records : NULL;
    }
    return recordset_empty(&d->records) ? &d->view->records : NULL;
}

/* The number of the drop that took addr away, or 0; cuts *end to where that holds. */
static uint64_t
dropped_at(const struct check_sub *cs, uint64_t addr, uint64_t *end)
{
    struct range_piece p;

    if (cs->dropped.entries == 0 || !rangemap_next_until(&cs->dropped, addr, *end, &p)) {
        return 0;
    }
    uint64_t cut = p.first > addr ? p.first - 1 : p.last;
    *end = cut < *end ? cut : *end;
    return p.first > addr ? 0 : p.target >> PAGE_LG2;
}

/* ---- a subscriber lets go ---- */

static bool
still_holds(const struct record *r, const struct range_piece *h, uint64_t addr)
{
    return h->perm != PERM_NONE &&
           h->target + (addr - h->first) == record_target(r, addr) &&
           (r->perm & ~(unsigned)h->perm) == 0;
}

/* The newest record of rs at addr, or 0; cuts *end to where that holds. */
static uint32_t
record_at(const struct recordset *rs, uint64_t addr, uint64_t *end)
{
    struct range_piece p;
    uint32_t newest;

    if (!recordset_next(rs, addr, &p, &newest)) {
        return 0;
    }
    uint64_t cut = p.first > addr ? p.first - 1 : p.last;
    *end = cut < *end ? cut : *end;
    return p.first > addr ? 0 : newest;
}

/* What cs let go of, or may have. */
struct drop {
    uint64_t number; /* records that had opened before had counted fewer drops */
    sim_time time;
    bool whole; /* it holds nothing of all that */
};

/*
 * cs holds h at [at, end] after drop d. If that is nothing of what had been taken away,
 * charge what was not when an earlier drop took it; false if there was no such thing.
 */
static bool
let_go(struct check_sub *cs, const struct recordset *rs, uint32_t newest, uint64_t at,
       uint64_t end, const struct range_piece *h, uint64_t earlier, const struct drop *d)
{
    bool charged = false;

    for (uint32_t i = newest; i != 0; i = recordset_at(rs, i)->older) {
        const struct record *r = recordset_at(rs, i);
        if (r->revokes && r->drops < d->number && still_holds(r, h, at)) {
            return false;
        }
    }
    for (uint32_t i = newest; i != 0; i = recordset_at(rs, i)->older) {
        const struct record *r = recordset_at(rs, i);
        if (r->revokes && r->drops < d->number &&
            (earlier <= r->drops || earlier == d->number)) {
            charge_sub(cs, at, end, &r->origin, d->time);
            charged = true;
        }
    }
    return charged;
}

static void
drop_from(struct check_sub *cs, const struct recordset *rs, uint64_t first, uint64_t last,
          const struct drop *d)
{
    uint64_t end;

    for (uint64_t at = first;; at = end + 1) {
        end = last;
        const uint32_t newest = record_at(rs, at, &end);
        if (newest != 0) {
            struct range_piece h = { .first = at, .last = end };
            if (!d->whole) {
                held_at(cs, at, end, &h);
                end = h.last < end ? h.last : end;
            }
            const uint64_t earlier = dropped_at(cs, at, &end);
            if (let_go(cs, rs, newest, at, end, &h, earlier, d)) {
                rangemap_remove(&cs->dropped, at, end);
                rangemap_insert(&cs->dropped, at, end, d->number << PAGE_LG2, PERM_NONE);
                cs->c->noted = true;
            }
        }
        if (end == last) {
            return;
        }
    }
}

static __attribute__((noinline)) void
note_drop(struct check_sub *cs, uint64_t first, uint64_t last, const struct drop *d)
{
    struct open_sets sets = { 0 };
    const struct recordset *rs;

    while ((rs = open_next(cs, &sets)) != NULL) {
        if (!recordset_empty(rs)) {
            drop_from(cs, rs, first, last, d);
        }
    }
}

static void
fresh_end(struct check_sub *cs)
{
    if (cs->fresh.number != 0) {
        cs->fresh.number = 0;
        cs->c->fresh--;
    }
}

static void
fresh_begin(struct check_sub *cs, uint64_t first, uint64_t last, uint64_t number)
{
    struct fresh_drop *f = &cs->fresh;
    const sim_time now = sim_now(cs->c->env->sim);

    if (f->number != 0 && f->last + 1 == first && cs->c->newest < f->number) {
        f->last = last; /* nor has anything been taken away since */
        return;
    }
    if (f->number != 0) {
        note_drop(cs, f->first, f->last,
                  &(struct drop){ .number = f->number, .time = f->time, .whole = true });
    } else {
        cs->c->fresh++;
    }
    *f = (struct fresh_drop){
        .number = number, .first = first, .last = last, .time = now
    };
}

static __attribute__((noinline)) bool
any_aged(const struct check_sub *cs, sim_time now)
{
    struct open_sets sets = { 0 };
    const struct recordset *rs;

    while ((rs = open_next(cs, &sets)) != NULL) {
        if (recordset_aged(rs, now)) {
            return true;
        }
    }
    return false;
}

void
spans_let_go(struct check_sub *cs, uint64_t first, uint64_t last, bool gone)
{
    const sim_time now = sim_now(cs->c->env->sim);
    const struct recordset *alone = only_open(cs);

    if (alone != NULL && recordset_empty(alone)) {
        return;
    }
    const bool aged = alone != NULL ? recordset_aged(alone, now) : any_aged(cs, now);
    const uint64_t number = ++cs->c->drops;
    first = align_down(first, PAGE_LG2);
    last |= PAGE_MASK;
    if (!aged && gone) {
        fresh_begin(cs, first, last, number);
    } else {
        note_drop(cs, first, last, &(struct drop){ .number = number, .time = now });
    }
}

/* ---- a record closes ---- */

/* Whether addr is among what was let go of at once; cuts *end to where that holds. */
static bool
is_fresh(const struct check_sub *cs, uint64_t addr, uint64_t *end)
{
    const struct fresh_drop *f = &cs->fresh;

    if (f->number == 0 || f->last < addr || f->first > *end) {
        return false;
    }
    uint64_t cut = f->first > addr ? f->first - 1 : f->last;
    *end = cut < *end ? cut : *end;
    return f->first <= addr;
}

/* Time has passed since r opened. */
static __attribute__((noinline)) void
closed_late(struct check_sub *cs, const struct closed_range *r, uint64_t first,
            uint64_t last)
{
    const sim_time now = sim_now(cs->c->env->sim);
    uint64_t end;

    for (uint64_t at = first;; at = end + 1) {
        end = last;
        const bool fresh = is_fresh(cs, at, &end) && cs->fresh.number > r->drops;
        if (dropped_at(cs, at, &end) <= r->drops) {
            charge_sub(cs, at, end, &r->origin, fresh ? cs->fresh.time : now);
        }
        if (end == last) {
            return;
        }
    }
}

void
spans_closed(struct check_sub *cs, const struct closed_range *r)
{
    uint64_t first = r->first, last = r->last;

    if (cs->s->refused || !cut_to_range(cs, &first, &last)) {
        return;
    }
    if (r->origin.time == sim_now(cs->c->env->sim)) {
        exposure_book_since(&cs->c->book, cs->lawful, first, last, &r->origin);
    } else {
        closed_late(cs, r, first, last);
    }
}

void
spans_closed_device(struct check *c, struct truth_device *d, const struct closed_range *r)
{
    if (d->lawful == NULL) {
        d->lawful = exposure_account(&c->book, d->id, EXPOSURE_LAWFUL);
    }
    exposure_book_since(&c->book, d->lawful, r->first, r->last, &r->origin);
}

/* Whether nothing is open for cs in [first, last]. */
static __attribute__((noinline)) bool
nothing_open(const struct check_sub *cs, uint64_t first, uint64_t last)
{
    struct open_sets sets = { 0 };
    const struct recordset *rs;
    struct range_piece p;

    while ((rs = open_next(cs, &sets)) != NULL) {
        if (!recordset_empty(rs) && rangemap_next_until(&rs->map, first, last, &p)) {
            return false;
        }
    }
    return true;
}

void
spans_forget(struct check_sub *cs, uint64_t first, uint64_t last)
{
    const struct recordset *alone = only_open(cs);
    const bool none = alone != NULL && recordset_empty(alone);

    if (cs->fresh.number != 0 &&
        (none || nothing_open(cs, cs->fresh.first, cs->fresh.last))) {
        fresh_end(cs);
    }
    if (cs->dropped.entries != 0 && (none || nothing_open(cs, first, last))) {
        rangemap_remove(&cs->dropped, first, last);
    }
}

void
spans_left(struct check_sub *cs)
{
    struct open_sets sets = { 0 };
    const struct recordset *rs;
    struct range_piece p;
    uint32_t newest;

    while ((rs = open_next(cs, &sets)) != NULL) {
        for (uint64_t at = 0; recordset_next(rs, at, &p, &newest); at = p.last + 1) {
            for (uint32_t i = newest; i != 0; i = recordset_at(rs, i)->older) {
                const struct record *r = recordset_at(rs, i);
                if (r->revokes) {
                    spans_closed(cs, &(struct closed_range){ .first = p.first,
                                                             .last = p.last,
                                                             .drops = r->drops,
                                                             .origin = r->origin });
                }
            }
            if (p.last == UINT64_MAX) {
                break;
            }
        }
    }
    fresh_end(cs);
}
