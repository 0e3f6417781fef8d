/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Records open as truth changes and close as invalidations complete; what closed is
 * compared. See internal.h.
 */
#include <stdlib.h>

#include "check/internal.h"

/* ---- records ---- */

const struct truth_device *
view_device(const struct view *v)
{
    const struct truth_device *d = v->iommu->devices;

    while (d != NULL && !truth_sees(d, v)) {
        d = d->next;
    }
    return d;
}

/* A page that was revoked is present again before anybody was told. */
static void
report_reuse(struct check *c, struct recordset *rs, const struct truth_device *d,
             uint64_t first, uint64_t last)
{
    struct range_piece p, t = { 0 };
    uint32_t newest;

    if (d == NULL) {
        return; /* nobody looks through it */
    }
    truth_at(d, first, first, &t);

    for (uint64_t at = first; recordset_next(rs, at, &p, &newest) && p.first <= last;
         at = p.last + 1) {
        for (uint32_t i = newest; i != 0; i = recordset_at(rs, i)->older) {
            struct record *r = recordset_at(rs, i);
            if (r->perm == PERM_NONE || r->reported) {
                continue;
            }
            r->reported = true;
            verdict_add(c, &(struct verdict_run){
                               .subject = d->id,
                               .class = VIOLATION_GUEST_MISSING_INVALIDATION,
                               .blame = BLAME_GUEST,
                               .first = p.first < first ? first : p.first,
                               .last = p.last > last ? last : p.last,
                               .have = { .first = r->base, .target = r->target,
                                         .perm = r->perm },
                               .want = t,
                               .has_values = true,
                               .origin = r->origin });
        }
        if (p.last >= last) {
            break;
        }
    }
    verdict_flush(c);
}

static void
closed_add(struct check *c, const struct closed_range *add)
{
    if (c->n_closed > 0) {
        struct closed_range *r = &c->closed[c->n_closed - 1];
        if (r->view == add->view && r->device == add->device && r->last + 1 == add->first &&
            r->exposed == add->exposed && r->origin.line == add->origin.line &&
            r->origin.file == add->origin.file && r->origin.time == add->origin.time) {
            r->last = add->last;
            return;
        }
    }
    if (c->n_closed == c->cap_closed) {
        c->cap_closed = c->cap_closed == 0 ? 16 : 2 * c->cap_closed;
        c->closed = xrealloc(c->closed, c->cap_closed, sizeof(*c->closed));
    }
    c->closed[c->n_closed++] = *add;
}

void
compare_sub(struct check_sub *cs, uint64_t first, uint64_t last,
            const struct comparison *why)
{
    compare(cs, first, last, why);
    verdict_flush(cs->c);
    if (cs->n_anomalies != 0) {
        anomalies_settle(cs, first, last);
        verdict_flush(cs->c);
    }
}

static void
compare_closed(struct check *c)
{
    for (size_t i = 0; i < c->n_closed; i++) {
        const struct closed_range r = c->closed[i];
        const struct comparison why = { .changed = true, .origin = r.origin };
        c->notes[c->n_notes++ % CLOSED_NOTES] = r;
        if (r.exposed) {
            exposure_add(&c->exposure, sim_now(c->env->sim) - r.origin.time,
                         r.last - r.first + 1);
        }
        for (struct check_sub *cs = c->subs; cs != NULL; cs = cs->next) {
            if (r.view != NULL ? truth_sees(cs->d, r.view) : cs->d == r.device) {
                compare_sub(cs, r.first, r.last, &why);
            }
        }
    }
    c->n_closed = 0;
}

void
check_truth_changed(void *self, const struct truth_change *ch)
{
    struct check *c = self;
    struct origin here = check_here(c);

    struct recordset *rs =
        ch->view != NULL ? &ch->view->records : &ch->device->records;

    if (ch->old_perm == PERM_NONE && ch->now_present && !recordset_empty(rs)) {
        report_reuse(c, rs, ch->view != NULL ? view_device(ch->view) : ch->device, ch->first,
                     ch->last);
    }
    if (ch->need == 0) {
        closed_add(c, &(struct closed_range){ .view = ch->view,
                                              .device = ch->device,
                                              .first = ch->first,
                                              .last = ch->last,
                                              .origin = here });
        compare_closed(c);
        return;
    }
    recordset_open(rs, ch->first, ch->last,
                   &(struct record){ .base = ch->first,
                                     .target = ch->old_target,
                                     .perm = ch->old_perm,
                                     .need = ch->need,
                                     .did = ch->did,
                                     .seq = c->seq,
                                     .origin = here });
}

/* ---- closing ---- */

struct closer {
    struct check *c;
    struct view *view;
    struct truth_device *device;
    const struct pending_inval *inval; /* NULL: a hypercall returned */
};

static unsigned
record_done(void *self, const struct record *r, uint64_t first, uint64_t last)
{
    const struct closer *k = self;

    if (k->inval == NULL) {
        return r->need & ~(unsigned)RECORD_NEED_HCALL;
    }
    return record_remains(r, &k->inval->inv, k->inval->seq, first, last,
                          k->device != NULL ? k->device->sid : 0);
}

static void
record_closed(void *self, const struct record *r, uint64_t first, uint64_t last)
{
    const struct closer *k = self;

    closed_add(k->c, &(struct closed_range){ .view = k->view,
                                             .device = k->device,
                                             .first = first,
                                             .last = last,
                                             .exposed = r->perm != PERM_NONE,
                                             .origin = r->origin });
}

static void
close_records(struct closer *k, uint64_t first, uint64_t last)
{
    struct recordset *rs = k->view != NULL ? &k->view->records : &k->device->records;

    if (!recordset_empty(rs)) {
        recordset_close(rs, first, last, record_done, record_closed, k);
    }
}

void
check_invalidated(void *self, struct iommu *m, const struct invalidation *inv)
{
    struct check *c = self;

    if (c->n_pending == c->cap_pending) {
        c->cap_pending = c->cap_pending == 0 ? 16 : 2 * c->cap_pending;
        c->pending = xrealloc(c->pending, c->cap_pending, sizeof(*c->pending));
    }
    c->pending[c->n_pending++] =
        (struct pending_inval){ .iommu = m, .inv = *inv, .seq = ++c->seq };
}

static void
apply(struct check *c, struct truth_iommu *ti, const struct pending_inval *p)
{
    const struct invalidation *inv = &p->inv;
    uint64_t first = 0, last = UINT64_MAX;

    if (inv->scope == INVAL_PAGE) {
        first = inv->first;
        last = inv->last;
    }
    if (inv->kind == INVAL_IOTLB && inv->scope != INVAL_GLOBAL) {
        for (struct view *v = NULL; (v = view_next_by_did(ti, inv->did, v)) != NULL;) {
            close_records(&(struct closer){ .c = c, .view = v, .inval = p }, first, last);
        }
    } else if (inv->kind == INVAL_IOTLB) {
        for (struct view *v = ti->views; v != NULL; v = v->next) {
            close_records(&(struct closer){ .c = c, .view = v, .inval = p }, first, last);
        }
    }
    for (struct truth_device *d = ti->devices; d != NULL; d = d->next) {
        close_records(&(struct closer){ .c = c, .device = d, .inval = p }, first, last);
    }
}

void
check_completed(void *self, struct iommu *m)
{
    struct check *c = self;
    struct truth_iommu *ti = truth_find(c->truth, m);
    size_t kept = 0;

    for (size_t i = 0; i < c->n_pending; i++) {
        if (c->pending[i].iommu != m) {
            c->pending[kept++] = c->pending[i];
        } else if (ti != NULL) {
            apply(c, ti, &c->pending[i]);
        }
    }
    c->n_pending = kept;
    compare_closed(c);
}

void
check_hcall_returned(void *self, struct iommu *m, uint64_t liobn, uint64_t first, uint64_t last)
{
    struct check *c = self;
    struct truth_iommu *ti = truth_find(c->truth, m);

    for (struct view *v = ti != NULL ? ti->views : NULL; v != NULL; v = v->next) {
        if (v->window.liobn == liobn) {
            close_records(&(struct closer){ .c = c, .view = v }, first, last);
        }
    }
    compare_closed(c);
}
