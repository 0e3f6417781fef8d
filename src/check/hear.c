/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the checker hears of registrations and events: whether the core delivered what
 * was announced, and to nobody else. See internal.h.
 */
#include <stdlib.h>
#include <string.h>

#include "check/internal.h"

static struct check_sub *
sub_of(struct notifier *n)
{
    const struct subscriber_binding *b =
        (const void *)((const char *)n - offsetof(struct subscriber_binding, notifier));

    return b->s->mark;
}

static struct check_notifier *
notifier_find(const struct notifier *n)
{
    const struct check_region *cr = n->region != NULL ? n->region->mark : NULL;
    struct check_notifier *cn = cr != NULL ? cr->notifiers : NULL;

    while (cn != NULL && cn->n != n) {
        cn = cn->next;
    }
    return cn;
}

static void
registered(void *self, struct notifier *n)
{
    struct check *c = self;
    struct check_sub *cs = sub_of(n);

    if (cs == NULL) {
        return;
    }
    struct check_region *cr = n->region->mark;
    if (cr == NULL) {
        cr = xcalloc(1, sizeof(*cr));
        cr->next = c->regions;
        c->regions = cr;
        n->region->mark = cr;
    }
    struct check_notifier *cn = xcalloc(1, sizeof(*cn));
    cn->n = n;
    cn->sub = cs;
    cn->next = cr->notifiers;
    cr->notifiers = cn;
    n->mark = cn;
    failures_forget(cs); /* what failed before was no answer to an event */
    cs->attached = check_here(c);
    if (cs->s->ops->shadow == SHADOW_CACHE && cs->d->iommu->iommu->ops->windows == NULL) {
        /* nobody told it what changed while it was not registered; cf. has_windows */
        told_to_drop(cs, n->first + n->offset, n->last + n->offset);
    }
}

static void
unregistered(void *self, struct notifier *n)
{
    struct check *c = self;
    struct check_notifier *cn = n->mark;

    if (cn == NULL) {
        return;
    }
    n->mark = NULL;
    for (struct check_region *cr = c->regions; cr != NULL; cr = cr->next) {
        for (struct check_notifier **p = &cr->notifiers; *p != NULL; p = &(*p)->next) {
            if (*p == cn) {
                *p = cn->next;
                told_forget(cn->sub, n->first + n->offset, n->last + n->offset);
                free(cn);
                return;
            }
        }
    }
}

void
hear_no_more(struct check_sub *cs)
{
    for (struct subscriber_binding *b = cs->s->bindings; b != NULL; b = b->next) {
        unregistered(cs->c, &b->notifier);
    }
}

/* Whether the event is about the requests that cs serves. */
static bool
concerns(const struct check_sub *cs, const struct notify_event *ev)
{
    const uint32_t pasid = cs->d->pasid;

    if (ev->type != NOTIFY_DEVIOTLB_UNMAP || !ev->has_pasid) {
        return pasid == IOMMU_NO_PASID;
    }
    return pasid != IOMMU_NO_PASID &&
           (ev->pasid == pasid || ev->pasid == NOTIFY_EVERY_PASID);
}

/* What was wrong in [first, last] may be right now. */
static void
look_again(struct check_sub *cs, uint64_t first, uint64_t last)
{
    if (!reported_empty(&cs->wrong)) {
        compare(cs, align_down(first, PAGE_LG2), last | PAGE_MASK, NULL);
    }
}

/* cs may have let go of what it held in [first, last]. */
static void
has_dropped(struct check_sub *cs, uint64_t first, uint64_t last, bool gone)
{
    spans_let_go(cs, first, last, gone);
    look_again(cs, first, last);
}

static void
acted(void *self, struct subscriber *s, uint64_t first, uint64_t last)
{
    (void)self;
    if (s->mark != NULL) {
        has_dropped(s->mark, first, last, false);
    }
}

static void
delivered(void *self, struct notifier *n, const struct notify_event *ev)
{
    struct check_notifier *cn = n->mark;
    struct check_sub *cs = sub_of(n);
    uint64_t first = ev->iova + n->offset, last = first + ev->mask;

    (void)self;
    if (cs == NULL) {
        return;
    }
    bool due = cn != NULL && !cn->got && (ev->type & n->flags) != 0 &&
               ev->iova >= n->first && ev->iova + ev->mask <= n->last;
    if (!due) { /* outside its flags or window, twice, or after it left */
        anomaly_add(cs, VIOLATION_UNDUE_EVENT, BLAME_CORE, first, last);
    }
    if (cn != NULL) {
        cn->got = true;
        cn->undue = !due;
        cn->ev = *ev;
    }
    if (concerns(cs, ev)) {
        const bool gone = told_delivered(cs, ev, first, last, due);
        if (ev->type == NOTIFY_MAP) {
            look_again(cs, first, last);
        } else if (cs->s->ops->shadow != SHADOW_NONE) {
            has_dropped(cs, first, last, gone);
        }
    }
}

static bool
well_formed(const struct notify_event *ev, const struct notifier *only)
{
    if ((ev->type == NOTIFY_MAP) == (ev->perm == PERM_NONE)) {
        return false;
    }
    if (only != NULL && ev->type != NOTIFY_MAP && ev->iova == only->first &&
        ev->mask == only->last - only->first) {
        return true; /* a whole window need not be a power of two */
    }
    return ev->mask == UINT64_MAX ||
           (is_pow2(ev->mask + 1) && (ev->iova & ev->mask) == 0);
}

/* The last address of ev: one that passes the end of the address space ends there. */
static uint64_t
last_of(const struct notify_event *ev)
{
    return ev->mask > UINT64_MAX - ev->iova ? UINT64_MAX : ev->iova + ev->mask;
}

/* Whether what was delivered, a part of what was announced, says the same. */
static bool
is_as_announced(const struct notify_event *got, const struct notify_event *ev)
{
    return got->target.v == ev->target.v + (got->iova - ev->iova) &&
           got->perm == ev->perm;
}

/* Whether n was given exactly its part of what was announced. */
static void
audit(struct check_notifier *cn, const struct notify_event *ev, bool addressed)
{
    struct check_sub *cs = cn->sub;
    const struct notifier *n = cn->n;
    const uint64_t last = last_of(ev);
    const uint64_t a = ev->iova > n->first ? ev->iova : n->first;
    const uint64_t z = last < n->last ? last : n->last;
    const bool concerned = addressed && ranges_overlap(ev->iova, last, n->first, n->last);
    const bool due = concerned && (ev->type & n->flags) != 0;
    const bool got = cn->got;

    cn->got = false;
    if (got && cn->undue) {
        return; /* noted on delivery */
    }
    if (due && !got) {
        struct notify_event part = *ev;
        part.target.v += a - ev->iova;
        told_lost(cs, &part, a + n->offset, z + n->offset);
    } else if (got && due && cn->ev.iova == a && cn->ev.mask == z - a &&
               cn->ev.type == ev->type) {
        if (ev->type == NOTIFY_MAP && !is_as_announced(&cn->ev, ev)) {
            struct notify_event part = *ev;
            part.target.v += a - ev->iova;
            told_otherwise(cs, &part, a + n->offset, z + n->offset);
        }
    } else if (got) {
        anomaly_add(cs, VIOLATION_UNDUE_EVENT, BLAME_CORE, cn->ev.iova + n->offset,
                    cn->ev.iova + cn->ev.mask + n->offset);
    } else if (concerned && !due && ev->type == NOTIFY_UNMAP && !is_device_tlb(cs)) {
        told_to_drop(cs, a + n->offset, z + n->offset); /* had it asked for UNMAP */
    }
}

static __attribute__((noinline)) void
look_into(struct check_notifier *cn, const struct notify_event *ev, bool addressed,
          bool sound)
{
    const bool got = cn->got;

    audit(cn, ev, addressed);
    if (!sound && got) {
        anomaly_add(cn->sub, VIOLATION_MALFORMED_EVENT, BLAME_IOMMU,
                    ev->iova + cn->n->offset, ev->iova + ev->mask + cn->n->offset);
    }
}

/* Whether n was due an event and given it, and that was all of ev as it is. */
static bool
got_just_this(const struct check_notifier *cn, const struct notify_event *ev)
{
    return cn->got && !cn->undue && cn->ev.iova == ev->iova && cn->ev.mask == ev->mask &&
           cn->ev.type == ev->type && is_as_announced(&cn->ev, ev);
}

static void
announced(void *self, struct notify_region *r, unsigned index,
          const struct notify_event *ev, struct notifier *only)
{
    const struct check_region *cr = r->mark;
    const uint64_t last = last_of(ev);
    const bool sound = well_formed(ev, only);
    const bool plain = sound && last - ev->iova == ev->mask;

    (void)self;
    if (cr == NULL) {
        return;
    }
    for (struct check_notifier *cn = cr->notifiers, *next; cn != NULL; cn = next) {
        next = cn->next;
        if (!cn->got && !ranges_overlap(ev->iova, last, cn->n->first, cn->n->last)) {
            continue; /* of no concern to it, and it was left alone */
        }
        const bool addressed = only != NULL ? cn->n == only : cn->n->index == index;
        if (plain && addressed && got_just_this(cn, ev)) {
            cn->got = false; /* as it should be, nearly always */
        } else {
            look_into(cn, ev, addressed, sound);
        }
    }
}

static void
replay_begin(void *self, struct notifier *n, bool offered)
{
    struct check_notifier *cn = notifier_find(n);

    (void)self;
    if (cn == NULL) {
        return;
    }
    cn->replayed = true;
    if (!offered && cn->sub->s->ops->shadow == SHADOW_MIRROR) {
        told_nothing(cn->sub, n->first + n->offset, n->last + n->offset, BLAME_CORE);
    }
}

static void
replay_end(void *self, struct notifier *n)
{
    struct check_notifier *cn = notifier_find(n);

    (void)self;
    if (cn != NULL) {
        truth_refresh(cn->sub->d->iommu);
        compare_sub(cn->sub, n->first + n->offset, n->last + n->offset,
                    &(struct comparison){ .origin = &cn->sub->attached });
        anomalies_settle_quiet(cn->sub->c);
    }
}

void
note_unasked(struct check_sub *cs)
{
    if (cs->s->ops->shadow != SHADOW_MIRROR) {
        return;
    }
    for (struct subscriber_binding *b = cs->s->bindings; b != NULL; b = b->next) {
        struct check_notifier *cn = b->notifier.mark;
        if (cn != NULL && !cn->replayed) {
            cn->replayed = true;
            told_nothing(cs, b->section.first, b->section.last, BLAME_SUBSCRIBER);
        }
    }
}

static void
refused(void *self, struct subscriber *s)
{
    (void)self;
    if (s->mark != NULL) {
        told_forget(s->mark, 0, UINT64_MAX);
    }
}

static void
failed(void *self, struct subscriber *s, const char *op, uint64_t first, uint64_t last,
       int error)
{
    struct check_sub *cs = s->mark;

    (void)self;
    (void)op;
    if (cs != NULL) {
        memmove(cs->failures + 1, cs->failures, sizeof(cs->failures[0]) * (FAILURES - 1));
        cs->failures[0] =
            (struct failure){ .error = error, .first = first, .last = last };
    }
}

static void
filled(void *self, struct subscriber *s, const struct range_piece *answer,
       const struct range_piece *kept)
{
    (void)self;
    if (s->mark != NULL) {
        told_answered(s->mark, answer, kept);
    }
}

static void
ought_to_drop(void *self, struct subscriber *s, uint64_t first, uint64_t last)
{
    (void)self;
    if (s->mark != NULL) {
        told_to_drop(s->mark, first, last);
    }
}

void
check_hear(struct check *c)
{
    struct observer *o = &c->env->observer;

    o->announced = announced;
    o->delivered = delivered;
    o->acted = acted;
    o->registered = registered;
    o->unregistered = unregistered;
    o->replay_begin = replay_begin;
    o->replay_end = replay_end;
    o->refused = refused;
    o->failed = failed;
    o->filled = filled;
    o->ought_to_drop = ought_to_drop;
}
