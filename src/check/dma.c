/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Judging a device's accesses: did one go where no allowed translation leads, or
 * was one refused that every allowed translation permits?
 */
#include "check/internal.h"

struct access_verdict {
    bool reached;   /* some allowed translation leads to where it went */
    bool refusable; /* some allowed translation refuses it */
};

static void
weigh(struct access_verdict *v, const struct check_dma *a, uint64_t target,
      enum perm perm)
{
    if ((perm & a->access) == 0) {
        v->refusable = true;
    } else if (a->ok && target == a->gpa) {
        v->reached = true;
    }
}

static void
weigh_records(struct access_verdict *v, const struct check_dma *a,
              const struct recordset *rs, const struct check_sub *cs)
{
    bool mirror = cs != NULL && cs->s->ops->shadow == SHADOW_MIRROR;
    struct range_piece p;
    uint32_t newest;

    if (!recordset_next(rs, a->iova, &p, &newest) || p.first > a->iova) {
        return;
    }
    v->refusable |= mirror; /* between the UNMAP and the MAP of a change */
    for (uint32_t i = newest; i != 0; i = recordset_at(rs, i)->older) {
        const struct record *r = recordset_at(rs, i);
        uint64_t target = record_target(r, a->iova);
        v->reached |= r->anything;
        v->refusable |= r->anything;
        weigh(v, a, target, perm_as_held(cs, target, r->perm));
    }
}

/* Whether r is about what d sees at addr. */
static bool
is_about(const struct closed_range *r, const struct truth_device *d, uint64_t addr)
{
    bool its =
        r->iommu == d->iommu || r->device == d || (r->view != NULL && r->view == d->view);

    for (const struct view *v = d->iommu->views; !its && d->view == NULL && v != NULL;
         v = v->next) {
        its = v == r->view;
    }
    return its && addr >= r->first && addr <= r->last;
}

/*
 * The change last completed at addr that cs is concerned with, or NULL. A device TLB
 * takes its own note of a change before the one that others take of the same.
 */
static const struct closed_range *
note_of(const struct check *c, const struct truth_device *d, const struct check_sub *cs,
        uint64_t addr)
{
    unsigned n = c->n_notes < CLOSED_NOTES ? c->n_notes : CLOSED_NOTES;
    const struct closed_range *found = NULL;

    if (cs != NULL && cs->s->ops->shadow == SHADOW_MIRROR &&
        c->n_notes - cs->joined_notes < n) {
        n = c->n_notes - cs->joined_notes; /* it never knew what was before */
    }

    for (unsigned i = 1; i <= n; i++) {
        const struct closed_range *r = &c->notes[(c->n_notes - i) % CLOSED_NOTES];
        if ((r->tlb && !is_device_tlb(cs)) || !is_about(r, d, addr)) {
            continue;
        }
        if (r->tlb || !is_device_tlb(cs)) {
            bool same = found == NULL || (found->origin.time == r->origin.time &&
                                          found->origin.line == r->origin.line);
            return same ? r : found;
        }
        found = found != NULL ? found : r;
    }
    return found;
}

static void
weigh_all(struct access_verdict *v, const struct check_dma *a,
          const struct truth_device *d, const struct check_sub *cs)
{
    struct range_piece p;

    weigh_records(v, a, &d->records, cs);
    if (is_device_tlb(cs)) {
        weigh_records(v, a, &d->tlb, cs);
    }
    if (truth_left_at(d, a->iova, a->iova, &p)) {
        uint64_t target = p.target + (a->iova - p.first);
        weigh(v, a, target, perm_as_held(cs, target, p.perm));
    }
    if (d->view != NULL) {
        weigh_records(v, a, &d->view->records, cs);
    } else if (d->state == TRUTH_VIEWS) {
        for (const struct view *w = d->iommu->views; w != NULL; w = w->next) {
            weigh_records(v, a, &w->records, cs);
        }
    }
}

/*
 * Whether an access to addr is wrong in a way (`class`) that was not reported yet, or
 * that was right in between.
 */
static bool
is_news(struct truth_device *d, uint64_t addr, bool wrong, enum violation_class class)
{
    uint64_t first = align_down(addr, PAGE_LG2), last = first + PAGE_MASK;
    uint64_t tag = (uint64_t) class << PAGE_LG2;
    struct range_piece known;
    bool any = d->wrong_dma.entries != 0 && rangemap_lookup(&d->wrong_dma, addr, &known);

    if (any && (!wrong || known.target != tag)) {
        rangemap_remove(&d->wrong_dma, first, last);
        any = false;
    }
    if (wrong && !any) {
        rangemap_insert(&d->wrong_dma, first, last, tag, PERM_NONE);
    }
    return wrong && !any;
}

/*
 * Whether the access went where another device's requests led under the same DID: the
 * guest gave the DID away before that was invalidated.
 */
static bool
is_of_former_domain(const struct truth_device *d, const struct check_dma *a)
{
    for (const struct truth_device *o = d->iommu->devices; o != NULL; o = o->next) {
        struct range_piece p;
        uint32_t newest;
        if (o == d || recordset_empty(&o->records) ||
            !recordset_next(&o->records, a->iova, &p, &newest) || p.first > a->iova) {
            continue;
        }
        for (uint32_t i = newest; i != 0; i = recordset_at(&o->records, i)->older) {
            const struct record *r = recordset_at(&o->records, i);
            if (r->did == d->entries.did && (r->perm & a->access) != 0 &&
                record_target(r, a->iova) == a->gpa) {
                return true;
            }
        }
    }
    return false;
}

/* Who is to blame for it, and what they left out. */
static void
blame(struct verdict_run *r, const struct check_dma *a, const struct truth_device *d,
      const struct check_sub *cs, const struct closed_range *note)
{
    const struct record *unlinked;

    if (cs != NULL && !a->orphan) {
        verdict_explain(cs, r, note != NULL);
    }
    if (r->blame == (cs != NULL ? BLAME_GUEST : BLAME_IOMMU) &&
        truth_is_ambiguous(d, a->iova, &unlinked)) {
        r->blame = BLAME_GUEST;
        if (unlinked != NULL) {
            r->origin = unlinked->origin;
            r->need = unlinked->need;
        }
    } else if (note != NULL && note->misorder) {
        r->blame = BLAME_GUEST;
        r->need = VTD_NEED_DEVICE_TLB;
    } else if (a->ok && cs == NULL && d->entries.led && is_of_former_domain(d, a)) {
        r->blame = BLAME_GUEST;
    }
    if (r->blame == BLAME_GUEST) {
        r->missing = NULL;
    }
}

void
check_dma(struct check *c, const struct check_dma *a)
{
    struct truth_device *d = truth_pasid(a->device, a->pasid);
    struct check_sub *cs = a->subscriber != NULL ? a->subscriber->mark : NULL;
    enum shadow_kind kind = cs != NULL ? cs->s->ops->shadow : SHADOW_NONE;
    struct access_verdict v = { .refusable = kind == SHADOW_CACHE };
    struct range_piece t;

    if (cs != NULL && cs->settled != 0) {
        return; /* before the switch or after it */
    }
    truth_at(d, a->iova, a->iova, &t);
    if (d->state == TRUTH_IDENTITY && kind != SHADOW_MIRROR) { /* not only RAM */
        t = (struct range_piece){ .last = UINT64_MAX, .perm = PERM_RW };
    }
    uint64_t target = t.target + (a->iova - t.first);
    t.perm = perm_as_held(cs, target, t.perm);
    weigh(&v, a, target, t.perm);
    if (t.perm != PERM_NONE && !mem_is_ram(c->env->mem, GPA(target))) {
        v.refusable = true; /* nothing there that could answer */
    }
    if (d->state == TRUTH_IDENTITY && d->entries.led && vtd_is_interrupt(a->iova)) {
        v.refusable = true;
    }
    if (a->ok && (a->gpa & FORMER_PAGE) == 0 &&
        mem_range_of(c->env->mem, GPA(a->gpa)) == NULL) {
        v.reached = true; /* and nothing there to be reached */
    }
    weigh_all(&v, a, d, cs);
    if (a->orphan) { /* what it was given is gone, and nothing else is for it */
        v = (struct access_verdict){ .refusable = true };
        t.perm = PERM_NONE;
    }
    enum violation_class class = a->ok ? VIOLATION_DMA_BREACH : VIOLATION_DMA_LOST;
    const bool wrong = a->ok ? !v.reached : !v.refusable;
    const char *subject = cs != NULL ? cs->s->config.name : d->id;
    if (wrong) {
        const struct origin here = check_here(c);
        exposure_book_since(&c->book, exposure_account(&c->book, subject, class), a->iova,
                            a->iova + (a->len - 1), &here);
    }
    if (!is_news(d, a->iova, wrong, class)) {
        return;
    }
    const struct closed_range *note = note_of(c, d, cs, a->iova);
    struct verdict_run r = {
        .subject = subject,
        .has_pasid = cs == NULL && d->pasid != IOMMU_NO_PASID,
        .pasid = d->pasid,
        .class = class,
        .blame = BLAME_IOMMU,
        .first = a->iova,
        .last = a->iova + (a->len - 1),
        .have = { .first = a->iova,
                  .target = a->gpa,
                  .perm = a->ok ? a->access : PERM_NONE },
        .want = t,
        .has_values = true,
        .origin = note != NULL ? note->origin : check_here(c),
    };
    blame(&r, a, d, cs, note);
    verdict_add(c, &r);
    verdict_flush(c);
}
