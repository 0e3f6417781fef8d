/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Records open as truth changes and close as invalidations complete; what closed is
 * compared. See internal.h.
 */
#include <stdlib.h>

#include "check/internal.h"

/* ---- records ---- */

/*
 * The record at addr that matters most: the newest that took something away, else
 * the newest; NULL if none is open. *end is cut to where that holds.
 */
static const struct record *
culprit_at(const struct recordset *rs, uint64_t addr, uint64_t *end)
{
    struct range_piece p;
    uint32_t newest;

    if (!recordset_next(rs, addr, &p, &newest)) {
        return NULL;
    }
    uint64_t cut = p.first > addr ? p.first - 1 : p.last;
    *end = cut < *end ? cut : *end;
    if (p.first > addr) {
        return NULL;
    }
    for (uint32_t i = newest; i != 0; i = recordset_at(rs, i)->older) {
        if (recordset_at(rs, i)->perm != PERM_NONE) {
            return recordset_at(rs, i);
        }
    }
    return recordset_at(rs, newest);
}

/*
 * Report r over [first, last], but for pages that have been and were not right since.
 * `reused`: a store made them present again, the next one may do so with their
 * neighbours.
 */
static void
accuse(struct check *c, struct recordset *rs, const struct truth_device *d,
       uint64_t first, uint64_t last, const struct record *r,
       const struct range_piece *now, bool reused)
{
    struct range_piece known;
    bool more;

    for (uint64_t at = first;; at = known.last + 1) {
        more = reported_next(&rs->accused, at, last, &known) != NULL;
        if (!more || known.first > at) {
            uint64_t end = more ? known.first - 1 : last;
            verdict_add(
                c, &(struct verdict_run){
                       .subject = d->id,
                       .has_pasid = d->pasid != IOMMU_NO_PASID,
                       .pasid = d->pasid,
                       .class = VIOLATION_GUEST_MISSING_INVALIDATION,
                       .blame = BLAME_GUEST,
                       .first = at,
                       .last = end,
                       .have = { .first = r->base, .target = r->target, .perm = r->perm },
                       .want = *now,
                       .has_values = true,
                       .waits = reused,
                       .origin = r->origin,
                       .need = r->need });
            reported_add(
                &rs->accused, at, end,
                &(struct report_note){ .subject = d->id,
                                       .class = VIOLATION_GUEST_MISSING_INVALIDATION,
                                       .origin = r->origin });
        }
        if (!more || known.last >= last) {
            return;
        }
    }
}

void
report_open(struct check *c, struct recordset *rs, const struct truth_device *d,
            uint64_t first, uint64_t last, bool reused)
{
    struct range_piece now;
    uint64_t end;

    for (uint64_t at = first;; at = end + 1) {
        end = last;
        const struct record *r = culprit_at(rs, at, &end);
        if (r != NULL && rs == &d->tlb && r->need != VTD_NEED_DEVICE_TLB) {
            r = NULL; /* reported with what it waits for */
        }
        if (r != NULL) {
            truth_at(d, at, end, &now);
            end = now.last < end ? now.last : end;
            bool taken = r->perm != PERM_NONE, present = now.perm != PERM_NONE;
            if (reused ? taken && present : taken || present) {
                accuse(c, rs, d, at, end, r, &now, reused);
            }
        }
        if (end == last) {
            break;
        }
    }
    verdict_flush(c);
}

static inline void
closed_add(struct check *c, const struct closed_range *add)
{
    if (c->n_closed > 0) {
        struct closed_range *r = &c->closed[c->n_closed - 1];
        if (r->view == add->view && r->device == add->device && r->tlb == add->tlb &&
            r->misorder == add->misorder && r->last + 1 == add->first &&
            r->revokes == add->revokes && r->drops == add->drops &&
            origin_same(&r->origin, &add->origin)) {
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
note_closed(struct check *c, const struct closed_range *r)
{
    c->notes[c->n_notes++ % CLOSED_NOTES] = *r;
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

/* Compare cs over n closed ranges of one view or device, in one go. */
static inline void
compare_ranges(struct check_sub *cs, const struct closed_range *r, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        compare(cs, r[i].first, r[i].last,
                &(struct comparison){
                    .changed = true, .misorder = r[i].misorder, .origin = &r[i].origin });
    }
    verdict_flush(cs->c);
    if (cs->n_anomalies != 0) {
        for (size_t i = 0; i < n; i++) {
            anomalies_settle(cs, r[i].first, r[i].last);
        }
        verdict_flush(cs->c);
    }
}

/* Charge whoever could reach, by d, what n records that closed had taken away. */
static inline void
charge(struct check *c, struct truth_device *d, const struct closed_range *r, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!r[i].revokes) {
            continue;
        }
        for (struct check_sub *cs = d->subs; cs != NULL; cs = cs->beside) {
            if (cs->s->ops->shadow != SHADOW_NONE && is_device_tlb(cs) == r->tlb &&
                cs->s->attached) {
                spans_closed(cs, &r[i]);
            }
        }
        if (d->holders == 0 && !r->tlb) {
            spans_closed_device(c, d, &r[i]);
        }
    }
}

/* What subscribers had let go of before is not needed any more. */
static inline void
forget(const struct truth_device *d, const struct closed_range *r, size_t n)
{
    for (struct check_sub *cs = d->subs; cs != NULL; cs = cs->beside) {
        for (size_t i = 0; i < n && spans_remember(cs); i++) {
            spans_forget(cs, r[i].first, r[i].last);
        }
    }
}

static void
compare_device(const struct truth_device *d, const struct closed_range *r, size_t n)
{
    for (struct check_sub *cs = d->subs; cs != NULL; cs = cs->beside) {
        if (!r->tlb || is_device_tlb(cs)) {
            compare_ranges(cs, r, n);
        }
    }
}

static void
settle_device(struct check *c, struct truth_device *d, const struct closed_range *r,
              size_t n)
{
    charge(c, d, r, n);
    forget(d, r, n);
}

/* n ranges of one view or device took something away, or somebody had let go before. */
static __attribute__((noinline)) void
settle_ranges(struct check *c, const struct closed_range *r, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (r[i].revokes) {
            exposure_book_since(&c->book, c->total, r[i].first, r[i].last, &r[i].origin);
        }
    }
    if (r->view == NULL) {
        settle_device(c, r->device, r, n);
        return;
    }
    for (struct truth_device *d = NULL; (d = view_next_device(r->view, d)) != NULL;) {
        settle_device(c, d, r, n);
    }
}

/* The end of those of the same view or device as the first. */
static inline size_t
end_of_group(const struct check *c, size_t i)
{
    const struct closed_range *r = &c->closed[i];

    for (i++; i < c->n_closed && c->closed[i].view == r->view &&
              c->closed[i].device == r->device && c->closed[i].tlb == r->tlb;
         i++) {
    }
    return i;
}

static void
compare_closed(struct check *c)
{
    for (size_t i = 0, end; i < c->n_closed; i = end) {
        const struct closed_range *r = &c->closed[i];
        bool settles = c->noted || c->fresh != 0;
        end = end_of_group(c, i);
        for (size_t k = i; k < end; k++) {
            note_closed(c, &c->closed[k]);
            settles |= c->closed[k].revokes;
        }
        if (settles) {
            settle_ranges(c, r, end - i);
        }
        if (r->view == NULL) {
            compare_device(r->device, r, end - i);
            continue;
        }
        for (const struct truth_device *d = NULL;
             (d = view_next_device(r->view, d)) != NULL;) {
            compare_device(d, r, end - i);
        }
    }
    c->n_closed = 0;
}

/*
 * The newest record at addr if it was opened by this very step, with nothing executed
 * since: an entry of several words is being changed, and no moment saw it half done.
 */
static struct record *
change_under_way(const struct check *c, const struct recordset *rs, uint64_t addr)
{
    const struct origin here = check_here(c);
    struct range_piece p;
    uint32_t newest;

    if (!recordset_next(rs, addr, &p, &newest) || p.first > addr) {
        return NULL;
    }
    struct record *r = recordset_at(rs, newest);
    return r->seq == c->seq && origin_same(&r->origin, &here) ? r : NULL;
}

static void
open_record(struct check *c, struct recordset *rs, const struct truth_change *ch,
            unsigned need)
{
    c->newest = c->drops;
    recordset_open(
        rs, ch->first, ch->last,
        &(struct record){ .base = ch->first,
                          .target = ch->old_target,
                          .perm = ch->old_perm,
                          .anything = ch->anything,
                          .revokes = ch->revokes,
                          .need = need,
                          .did = ch->did,
                          .pasid = ch->pasid,
                          .input_first = ch->input_first,
                          .input_last = ch->input_last,
                          .seq = c->seq,
                          .drops = c->drops,
                          .origin = ch->origin != NULL ? *ch->origin : check_here(c) });
}

/* Whether the newest record allows anything as it is, everywhere, and asks for as much.
 */
static bool
allows_anything(const struct check *c, const struct recordset *rs,
                const struct truth_change *ch, unsigned need)
{
    struct range_piece p;
    uint32_t newest;

    if (!recordset_next(rs, ch->first, &p, &newest) || p.first > ch->first) {
        return false;
    }
    const struct record *r = recordset_at(rs, newest);
    return r->anything && r->seq == c->seq && (need & ~r->need) == 0;
}

/*
 * A record of the change goes to rs, unless it was made in the same moment as the
 * change that the newest there is about.
 */
static inline void
record_change(struct check *c, struct recordset *rs, const struct truth_device *d,
              const struct truth_change *ch, unsigned need)
{
    if (ch->old_perm == PERM_NONE && ch->now_present && !ch->anything && d != NULL &&
        !recordset_empty(rs)) {
        report_open(c, rs, d, ch->first, ch->last, true);
    }
    if (ch->anything && allows_anything(c, rs, ch, need)) {
        return;
    }
    if (need == 0) {
        return;
    }
    struct record *begun = ch->in_place ? change_under_way(c, rs, ch->first) : NULL;
    if (begun != NULL) {
        begun->revokes |= ch->revokes;
    } else {
        open_record(c, rs, ch, need);
    }
}

/*
 * Whether a device TLB of d holds something of [first, last]: one that asks as other
 * devices do has learnt through a pass-through entry, too, which allows no ATS.
 */
static bool
tlb_holds(const struct truth_device *d, uint64_t first, uint64_t last)
{
    struct range_piece p;

    for (const struct check_sub *cs = d->subs; cs != NULL; cs = cs->beside) {
        if (is_device_tlb(cs) && cs->s->ops->next(cs->s, first, &p) && p.first <= last) {
            return true;
        }
    }
    return false;
}

/* The same for the device TLBs that may keep what was. */
static void
record_in_tlbs(struct check *c, const struct truth_change *ch)
{
    const unsigned need =
        (ch->need & VTD_NEED_DEVICE_TLB) != 0 ? ch->need : (unsigned)VTD_NEED_NONE;

    if (!c->device_tlbs) {
        return;
    }
    if (ch->view == NULL) {
        if (ch->device->device_tlbs != 0) {
            const bool kept = ch->ats || tlb_holds(ch->device, ch->first, ch->last);
            record_change(c, &ch->device->tlb, ch->device, ch, kept ? need : 0);
        }
        return;
    }
    if (ch->view->window.tces != NULL) {
        return;
    }
    for (struct truth_device *d = ch->view->devices; d != NULL; d = d->beside) {
        if (d->device_tlbs != 0) {
            record_change(c, &d->tlb, d, ch, d->entries.ats ? need : 0);
        }
    }
}

void
check_truth_changed(void *self, const struct truth_change *ch)
{
    struct check *c = self;
    struct recordset *rs = ch->view != NULL ? &ch->view->records : &ch->device->records;
    const struct truth_device *d =
        ch->view != NULL ? view_next_device(ch->view, NULL) : ch->device;

    if (ch->unlinked) {
        record_change(c, &ch->view->unlinked, NULL, ch,
                      ch->need & ~(unsigned)VTD_NEED_DEVICE_TLB);
        return;
    }
    record_in_tlbs(c, ch);
    record_change(c, rs, d, ch, ch->need & ~(unsigned)VTD_NEED_DEVICE_TLB);
    if (ch->need == 0) {
        closed_add(c, &(struct closed_range){ .view = ch->view,
                                              .device = ch->device,
                                              .first = ch->first,
                                              .last = ch->last,
                                              .origin = check_here(c) });
        compare_closed(c);
    }
}

/* ---- closing ---- */

struct block {
    uint64_t first, last; /* addresses, inclusive */
};

static const struct block everywhere = { 0, UINT64_MAX };

struct closer {
    struct check *c;
    struct view *view;
    struct truth_device *device;
    bool tlb;                          /* device: its device TLBs' records */
    const struct pending_inval *inval; /* NULL: a hypercall returned */
};

static unsigned
record_done(void *self, const struct record *r, uint64_t first, uint64_t last)
{
    const struct closer *k = self;

    if (k->inval == NULL) {
        return r->need & ~(unsigned)RECORD_NEED_HCALL;
    }
    struct record_requester who = { .pasid = IOMMU_NO_PASID };
    if (k->device != NULL) {
        who.sid = k->device->sid;
        who.pasid = k->device->pasid;
    }
    return record_remains(r, &k->inval->inv, k->inval->seq, first, last, &who);
}

static void
record_closed(void *self, const struct record *r, uint64_t first, uint64_t last)
{
    struct closer *k = self;

    closed_add(k->c,
               &(struct closed_range){ .view = k->view,
                                       .device = k->device,
                                       .tlb = k->tlb,
                                       .first = first,
                                       .last = last,
                                       .revokes = r->revokes,
                                       .drops = r->drops,
                                       .misorder = (r->need & RECORD_TLB_EARLY) != 0,
                                       .origin = r->origin });
}

/* Those of rs, which are of the view or device that k names. */
static void
close_records(struct closer *k, struct recordset *rs, uint64_t first, uint64_t last)
{
    recordset_close(rs, first, last, record_done, record_closed, k);
}

static unsigned
nothing_remains(void *self, const struct record *r, uint64_t first, uint64_t last)
{
    (void)self;
    (void)r;
    (void)first;
    (void)last;
    return 0;
}

static void
void_set(struct closer *k, struct recordset *rs)
{
    if (!recordset_empty(rs)) {
        recordset_close(rs, 0, UINT64_MAX, nothing_remains, record_closed, k);
    }
}

void
void_records(struct check *c, struct truth_iommu *ti)
{
    for (struct view *v = ti->views; v != NULL; v = v->next) {
        void_set(&(struct closer){ .c = c, .view = v }, &v->records);
    }
    for (struct truth_device *d = ti->devices; d != NULL; d = d->next) {
        void_set(&(struct closer){ .c = c, .device = d }, &d->records);
        void_set(&(struct closer){ .c = c, .device = d, .tlb = true }, &d->tlb);
    }
    for (size_t i = 0, end; i < c->n_closed; i = end) {
        end = end_of_group(c, i);
        settle_ranges(c, &c->closed[i], end - i);
    }
    c->n_closed = 0;
}

void
check_invalidated(void *self, struct iommu *m, const struct invalidation *inv)
{
    struct check *c = self;

    verdict_say(c);
    if (c->n_pending == c->cap_pending) {
        c->cap_pending = c->cap_pending == 0 ? 16 : 2 * c->cap_pending;
        c->pending = xrealloc(c->pending, c->cap_pending, sizeof(*c->pending));
    }
    c->pending[c->n_pending++] =
        (struct pending_inval){ .iommu = m, .inv = *inv, .seq = ++c->seq };
}

/*
 * An invalidation of IOTLB pages concerns all that a first stage maps, whatever the
 * address: it names addresses of the second.
 */
static bool
concerns_all(const struct invalidation *inv, const struct view *v)
{
    return inv->kind == INVAL_IOTLB && v != NULL && v->stages.table.first_stage;
}

/* Pages whose entries are in one table: cached entries that lead to it go with any. */
enum { TABLE_LG2 = 21 };

/* Of an entry that led to tables: dropped with the pages in [first, last] invalidated. */
static unsigned
forgotten(void *self, const struct record *r, uint64_t first, uint64_t last)
{
    const struct closer *k = self;
    const struct pending_inval *p = k->inval;
    const struct record_requester who = { .pasid = IOMMU_NO_PASID };

    if (p->inv.scope == INVAL_PAGE) {
        first = first > p->inv.first ? first : p->inv.first;
        last = last < p->inv.last ? last : p->inv.last;
    }
    return record_remains(r, &p->inv, p->seq, first, last, &who);
}

static void
let_pass(void *self, const struct record *r, uint64_t first, uint64_t last)
{
    (void)self;
    (void)r;
    (void)first;
    (void)last;
}

static void
apply_to_view(struct check *c, struct view *v, const struct pending_inval *p,
              const struct block *b)
{
    if (!recordset_empty(&v->unlinked)) {
        recordset_close(&v->unlinked, align_down(b->first, TABLE_LG2),
                        b->last | ((UINT64_C(1) << TABLE_LG2) - 1), forgotten, let_pass,
                        &(struct closer){ .c = c, .view = v, .inval = p });
    }
    if (!recordset_empty(&v->records)) {
        const struct block *at = concerns_all(&p->inv, v) ? &everywhere : b;
        close_records(&(struct closer){ .c = c, .view = v, .inval = p }, &v->records,
                      at->first, at->last);
    }
}

/* `tlb`: to the records of its device TLB, else to its own. */
static inline void
apply_to_device(struct check *c, struct truth_device *d, bool tlb,
                const struct pending_inval *p, const struct block *b)
{
    struct recordset *rs = tlb ? &d->tlb : &d->records;

    if (!recordset_empty(rs)) {
        const struct block *at = concerns_all(&p->inv, d->view) ? &everywhere : b;
        close_records(&(struct closer){ .c = c, .device = d, .tlb = tlb, .inval = p }, rs,
                      at->first, at->last);
    }
}

static void
apply(struct check *c, struct truth_iommu *ti, const struct pending_inval *p)
{
    const struct invalidation *inv = &p->inv;
    const bool iotlb = inv->kind == INVAL_IOTLB || inv->kind == INVAL_PASID_IOTLB;
    const bool pages = inv->scope == INVAL_PAGE || inv->kind == INVAL_DEV_IOTLB;
    const struct block b = pages ? (struct block){ inv->first, inv->last } : everywhere;

    /* Device TLBs first: their records know more of why theirs are wrong. */
    for (struct truth_device *d = c->device_tlbs ? ti->devices : NULL; d != NULL;
         d = d->next) {
        apply_to_device(c, d, true, p, &b);
    }
    if (iotlb && inv->scope != INVAL_GLOBAL) {
        for (struct view *v = NULL; (v = view_next_by_did(ti, inv->did, v)) != NULL;) {
            apply_to_view(c, v, p, &b);
        }
    } else if (iotlb) {
        for (struct view *v = ti->views; v != NULL; v = v->next) {
            apply_to_view(c, v, p, &b);
        }
    }
    for (struct truth_device *d = ti->devices; d != NULL; d = d->next) {
        apply_to_device(c, d, false, p, &b);
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
    anomalies_settle_quiet(c);
}

void
check_hcall_returned(void *self, struct iommu *m, uint64_t liobn, uint64_t first,
                     uint64_t last)
{
    struct check *c = self;
    struct truth_iommu *ti = truth_find(c->truth, m);

    for (struct view *v = ti != NULL ? ti->views : NULL; v != NULL; v = v->next) {
        if (v->window.liobn == liobn && !recordset_empty(&v->records)) {
            close_records(&(struct closer){ .c = c, .view = v }, &v->records, first,
                          last);
        }
    }
    compare_closed(c);
    anomalies_settle_quiet(c);
}
