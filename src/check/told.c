/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What each subscriber was told, kept as the difference from what it holds: empty
 * as long as everybody does their part. See internal.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check/internal.h"

/* The event that vfio and its kind answer with an error, by errno. */
static enum violation_class
failure_class(int error)
{
    switch (error) {
    case EINVAL: /* page size, aperture, reserved range */
    case ENOSPC: /* entry limit */
    case EFAULT: /* not memory */
    case ENOENT:
    case ENXIO:
    case ERANGE: /* beyond what its device reaches */
        return VIOLATION_UNREPRESENTABLE;
    default:
        return VIOLATION_SWALLOWED_ERROR;
    }
}

void
anomaly_add(struct check_sub *cs, enum violation_class class, enum blame blame,
            uint64_t first, uint64_t last)
{
    cs->c->odd = true;
    if (cs->n_anomalies > 0) {
        struct anomaly *a = &cs->anomalies[cs->n_anomalies - 1];
        if (a->class == class && a->blame == blame && a->last + 1 == first &&
            class != VIOLATION_OVERBROAD_UNMAP && a->origin.line == cs->c->here.line) {
            a->last = last;
            return;
        }
    }
    if (cs->n_anomalies == cs->cap_anomalies) {
        cs->cap_anomalies = cs->cap_anomalies == 0 ? 8 : 2 * cs->cap_anomalies;
        cs->anomalies =
            xrealloc(cs->anomalies, cs->cap_anomalies, sizeof(*cs->anomalies));
    }
    cs->anomalies[cs->n_anomalies++] = (struct anomaly){
        .class = class,
        .blame = blame,
        .first = first,
        .last = last,
        .origin = check_here(cs->c),
        .missing = class == VIOLATION_MISORDERED_CHANGE ? "UNMAP"
                   : class == VIOLATION_OVERBROAD_UNMAP ? "MAP"
                                                        : NULL,
    };
}

const struct anomaly *
anomaly_find(const struct check_sub *cs, uint64_t first, uint64_t last)
{
    for (size_t i = cs->n_anomalies; i > 0; i--) {
        const struct anomaly *a = &cs->anomalies[i - 1];
        if (ranges_overlap(first, last, a->first, a->last)) {
            return a;
        }
    }
    return NULL;
}

/* An observer's window may begin or end inside a page: all of it counts. */
static void
forget(struct rangemap *m, uint64_t first, uint64_t last)
{
    if (m->entries != 0) {
        rangemap_remove(m, align_down(first, PAGE_LG2), last | PAGE_MASK);
    }
}

static void
set(struct rangemap *m, uint64_t first, uint64_t last, uint64_t target, enum perm perm)
{
    const uint64_t page = align_down(first, PAGE_LG2);

    rangemap_remove(m, page, last | PAGE_MASK);
    rangemap_insert(m, page, last | PAGE_MASK,
                    align_down(target - (first - page), PAGE_LG2), perm);
}

/* Whether the shadow holds [first, last] -> target, as far as it can express it. */
static inline bool
holds(const struct check_sub *cs, uint64_t first, uint64_t last, uint64_t target,
      enum perm perm)
{
    struct range_piece p;

    for (uint64_t at = first;; at = p.last + 1) {
        if (!cs->s->ops->lookup(cs->s, at, &p) ||
            p.target + (at - p.first) != target + (at - first) ||
            (p.perm != perm && p.perm != perm_as_held(cs, target + (at - first), perm))) {
            return false;
        }
        if (p.last >= last) {
            return true;
        }
    }
}

static bool
holds_nothing(const struct check_sub *cs, uint64_t first, uint64_t last)
{
    struct range_piece p;

    return !cs->s->ops->next(cs->s, first, &p) || p.first > last;
}

/* It was told to drop [first, last] earlier and did not. */
static bool
was_told_to_drop(const struct check_sub *cs, uint64_t first, uint64_t last)
{
    struct range_piece p;

    return cs->told.entries != 0 && rangemap_next(&cs->told, first, &p) &&
           p.first <= last && p.perm == PERM_NONE;
}

/* The core gave it the same just now, when it was none of its business. */
static bool
heard_before(const struct check_sub *cs, uint64_t first, uint64_t last)
{
    for (size_t i = cs->n_anomalies; i > 0; i--) {
        const struct anomaly *a = &cs->anomalies[i - 1];
        if (a->class == VIOLATION_UNDUE_EVENT && a->first <= first && a->last >= last) {
            return true;
        }
    }
    return false;
}

/* An UNMAP there could not be carried out: see cuts(). */
static bool
could_not_drop(const struct check_sub *cs, uint64_t first, uint64_t last)
{
    const struct anomaly *a = anomaly_find(cs, first, last);

    return a != NULL && a->class == VIOLATION_SWALLOWED_ERROR && a->blame == BLAME_IOMMU;
}

static void
mirror_mapped(struct check_sub *cs, const struct notify_event *ev, uint64_t first,
              uint64_t last, bool due)
{
    if (holds(cs, first, last, ev->target.v, ev->perm) && cs->failed == 0) {
        forget(&cs->told, first, last);
        return;
    }
    if (cs->failed == EEXIST && !was_told_to_drop(cs, first, last)) {
        /* Nothing was wrong with the shadow: no UNMAP came before this MAP. */
        bool again = holds(cs, first, last, ev->target.v, ev->perm);
        if (!due || could_not_drop(cs, first, last) ||
            (again && ev->cause == CAUSE_REPLAY)) {
            return; /* whoever asks for a replay is told again of what it knows */
        }
        anomaly_add(cs, again ? VIOLATION_DUPLICATE_MAP : VIOLATION_MISORDERED_CHANGE,
                    again && heard_before(cs, first, last) ? BLAME_CORE : BLAME_IOMMU,
                    first, last);
        return;
    }
    if (cs->failed != 0 && cs->failed != EEXIST) {
        anomaly_add(cs, failure_class(cs->failed), BLAME_SUBSCRIBER, first, last);
    }
    cs->strays = cs->strays || cs->failed == 0;
    set(&cs->told, first, last, ev->target.v, ev->perm);
}

/* An observer holds nothing: what it was told is all there is to compare with. */
static void
observer_mapped(struct check_sub *cs, const struct notify_event *ev, uint64_t first,
                uint64_t last, bool due)
{
    struct range_piece p;

    if (rangemap_next_until(&cs->told, first, last, &p)) {
        bool again = p.perm == ev->perm && p.target + (first - p.first) == ev->target.v;
        /* Without UNMAP it cannot know better; a replay tells again. */
        if ((cs->s->config.flags & NOTIFY_UNMAP) && due &&
            !(again && ev->cause == CAUSE_REPLAY)) {
            anomaly_add(cs, again ? VIOLATION_DUPLICATE_MAP : VIOLATION_MISORDERED_CHANGE,
                        again && heard_before(cs, first, last) ? BLAME_CORE : BLAME_IOMMU,
                        first, last);
        }
    }
    set(&cs->told, first, last, ev->target.v, ev->perm);
}

/* Whether it was too much will be seen: what it takes away may be announced again. */
static void
observer_unmapped(struct check_sub *cs, uint64_t first, uint64_t last, bool due)
{
    struct range_piece p;

    for (uint64_t at = first;
         cs->told.entries != 0 && rangemap_next_until(&cs->told, at, last, &p);
         at = p.last + 1) {
        const uint64_t a = p.first > at ? p.first : at;
        anomaly_add(cs, VIOLATION_OVERBROAD_UNMAP, due ? BLAME_IOMMU : BLAME_CORE, a,
                    p.last < last ? p.last : last);
        cs->anomalies[cs->n_anomalies - 1].target = p.target + (a - p.first);
        cs->anomalies[cs->n_anomalies - 1].perm = p.perm;
        if (p.last >= last) {
            break;
        }
    }
    forget(&cs->told, first, last);
}

/* Whether [first, last] begins or ends within what one MAP named, held as it was told. */
static bool
cuts(const struct check_sub *cs, uint64_t first, uint64_t last)
{
    const struct subscriber *s = cs->s;
    struct range_piece p;

    if (cs->told.entries != 0 && rangemap_next_until(&cs->told, first, last, &p)) {
        return false;
    }
    if (s->ops->lookup(s, first, &p) && (p.first < first || !p.head)) {
        return true;
    }
    if (s->ops->lookup(s, last, &p) && p.last > last) {
        return true;
    }
    return last != UINT64_MAX && s->ops->lookup(s, last + 1, &p) && !p.head;
}

/* Whether it holds nothing there now. */
static bool
unmapped(struct check_sub *cs, uint64_t first, uint64_t last, bool due)
{
    cs->unmaps[cs->n_unmaps++ % UNMAP_NOTES] =
        (struct unmap_note){ .first = first, .last = last, .origin = check_here(cs->c) };
    if (cs->s->ops->shadow == SHADOW_NONE) {
        observer_unmapped(cs, first, last, due);
        return true;
    }
    if (holds_nothing(cs, first, last)) {
        forget(&cs->told, first, last);
        return true;
    }
    if (cs->s->ops->shadow == SHADOW_MIRROR && cuts(cs, first, last)) {
        /* No host is bound to take half a mapping away. */
        anomaly_add(cs, VIOLATION_SWALLOWED_ERROR, BLAME_IOMMU, first, last);
        return false;
    }
    if (cs->failed != 0) {
        anomaly_add(cs, VIOLATION_SWALLOWED_ERROR, BLAME_SUBSCRIBER, first, last);
    }
    set(&cs->told, first, last, 0, PERM_NONE);
    return false;
}

void
failures_forget(struct check_sub *cs)
{
    memset(cs->failures, 0, sizeof(cs->failures));
}

/* The errno of what failed last in [first, last]; elsewhere nobody asked for it. */
static int
failed_in(const struct check_sub *cs, uint64_t first, uint64_t last)
{
    for (size_t i = 0; i < FAILURES; i++) {
        const struct failure *f = &cs->failures[i];
        if (f->error != 0 && ranges_overlap(first, last, f->first, f->last)) {
            return f->error;
        }
    }
    return 0;
}

bool
told_delivered(struct check_sub *cs, const struct notify_event *ev, uint64_t first,
               uint64_t last, bool due)
{
    bool gone = false;

    forget(&cs->due, first, last);
    cs->failed = failed_in(cs, first, last);
    failures_forget(cs);
    if (ev->type != NOTIFY_MAP) {
        gone = unmapped(cs, first, last, due);
    } else if (cs->s->ops->shadow == SHADOW_MIRROR) {
        mirror_mapped(cs, ev, first, last, due);
    } else if (cs->s->ops->shadow == SHADOW_NONE) {
        observer_mapped(cs, ev, first, last, due);
    }
    return gone;
}

void
told_answered(struct check_sub *cs, const struct range_piece *answer,
              const struct range_piece *kept)
{
    const uint64_t first = answer->first, last = answer->last;

    if (kept->first < first) {
        set(&cs->told, kept->first, first - 1, 0, PERM_NONE);
    }
    if (kept->last > last) {
        set(&cs->told, last + 1, kept->last, 0, PERM_NONE);
    }
    if (holds(cs, first, last, answer->target, answer->perm)) {
        forget(&cs->told, first, last);
    } else {
        set(&cs->told, first, last, answer->target, answer->perm);
    }
}

static void
ought_to_hear(struct check_sub *cs, const struct notify_event *ev, uint64_t first,
              uint64_t last)
{
    if (ev->type == NOTIFY_MAP) {
        set(&cs->due, first, last, ev->target.v, ev->perm);
    } else {
        set(&cs->due, first, last, 0, PERM_NONE);
    }
}

void
told_lost(struct check_sub *cs, const struct notify_event *ev, uint64_t first,
          uint64_t last)
{
    anomaly_add(cs, VIOLATION_LOST_EVENT, BLAME_CORE, first, last);
    cs->anomalies[cs->n_anomalies - 1].missing = ev->type == NOTIFY_MAP ? "MAP"
                                                 : ev->type == NOTIFY_UNMAP
                                                     ? "UNMAP"
                                                     : "DEVIOTLB_UNMAP";
    ought_to_hear(cs, ev, first, last);
}

void
told_otherwise(struct check_sub *cs, const struct notify_event *ev, uint64_t first,
               uint64_t last)
{
    anomaly_add(cs, VIOLATION_UNDUE_EVENT, BLAME_CORE, first, last);
    ought_to_hear(cs, ev, first, last);
}

void
told_to_drop(struct check_sub *cs, uint64_t first, uint64_t last)
{
    if (cs->s->ops->shadow != SHADOW_NONE && !holds_nothing(cs, first, last)) {
        set(&cs->told, first, last, 0, PERM_NONE);
    }
}

void
told_nothing(struct check_sub *cs, uint64_t first, uint64_t last, enum blame who)
{
    struct rangemap *m = who == BLAME_CORE ? &cs->due : &cs->told;
    struct range_piece p;

    for (uint64_t at = first;; at = p.last + 1) {
        truth_at(cs->d, at, last, &p);
        uint64_t end = p.last < last ? p.last : last;
        if (p.perm != PERM_NONE) {
            set(m, at, end, p.target + (at - p.first), p.perm);
        }
        if (end == last) {
            return;
        }
    }
}

void
told_forget(struct check_sub *cs, uint64_t first, uint64_t last)
{
    forget(&cs->told, first, last);
    forget(&cs->due, first, last);
}
