/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See records.h. */
#include "check/records.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "notify/observer.h"

void
recordset_init(struct recordset *rs, struct budget *budget, struct exposure_book *book)
{
    memset(rs, 0, sizeof(*rs));
    rangemap_init(&rs->map, RANGEMAP_CONSTANT, budget);
    reported_init(&rs->accused, budget, book);
}

void
recordset_fini(struct recordset *rs)
{
    budget_return(rs->map.budget, rs->cap * sizeof(*rs->pool));
    rangemap_fini(&rs->map);
    reported_settle(&rs->accused, 0, UINT64_MAX);
    reported_fini(&rs->accused);
    free(rs->pool);
}

static inline uint32_t
take(struct recordset *rs, const struct record *r, uint32_t older)
{
    uint32_t i = rs->free;

    if (i != 0) {
        rs->free = rs->pool[i].older;
    } else {
        if (rs->n + 1 >= rs->cap) {
            uint32_t cap = rs->cap == 0 ? 16 : 2 * rs->cap;
            rs->pool = xrealloc(rs->pool, cap, sizeof(*rs->pool));
            budget_spend(rs->map.budget, (cap - rs->cap) * sizeof(*rs->pool));
            rs->cap = cap;
        }
        i = ++rs->n;
    }
    rs->pool[i] = *r;
    rs->pool[i].refs = 0;
    rs->pool[i].older = older;
    if (older != 0) {
        rs->pool[older].refs++;
    }
    return i;
}

static inline void
drop(struct recordset *rs, uint32_t i, uint64_t refs)
{
    while (i != 0) {
        struct record *r = &rs->pool[i];
        assert(r->refs >= refs);
        r->refs -= refs;
        if (r->refs != 0) {
            return;
        }
        uint32_t older = r->older;
        if (rs->newest == i) {
            rs->newest = 0;
        }
        r->older = rs->free;
        rs->free = i;
        i = older;
        refs = 1;
    }
}

static uint64_t
pages(uint64_t first, uint64_t last)
{
    return ((last - first) >> PAGE_LG2) + 1;
}

static void
point(struct recordset *rs, uint64_t first, uint64_t last, uint32_t i)
{
    rangemap_insert(&rs->map, first, last, (uint64_t)i << PAGE_LG2, PERM_NONE);
    rs->pool[i].refs += pages(first, last);
}

/* Whether the newest record can simply grow over [first, ...], as r does. */
static bool
continues(const struct recordset *rs, uint64_t first, const struct record *r)
{
    if (rs->newest == 0 || rs->newest_last + 1 != first) {
        return false;
    }
    const struct record *n = &rs->pool[rs->newest];
    return n->older == 0 && n->perm == r->perm && n->anything == r->anything &&
           n->need == r->need && n->did == r->did && n->pasid == r->pasid &&
           n->input_first == r->input_first && n->input_last == r->input_last &&
           n->seq == r->seq && n->drops == r->drops && n->revokes == r->revokes &&
           origin_same(&n->origin, &r->origin) &&
           (r->perm == PERM_NONE || record_target(n, first) == record_target(r, first));
}

/* Over pages that no record covers yet. */
static inline void
open_fresh(struct recordset *rs, uint64_t first, uint64_t last, const struct record *r)
{
    if (!continues(rs, first, r)) {
        rs->newest = take(rs, r, 0);
        rs->pool[rs->newest].target = record_target(r, first);
        rs->pool[rs->newest].base = first;
    }
    rs->newest_last = last;
    point(rs, first, last, rs->newest);
}

void
recordset_open(struct recordset *rs, uint64_t first, uint64_t last,
               const struct record *r)
{
    struct range_piece p;
    uint64_t from = first;

    if (recordset_empty(rs)) {
        rs->oldest = r->origin.time;
        open_fresh(rs, first, last, r);
        return;
    }
    rs->oldest = r->origin.time < rs->oldest ? r->origin.time : rs->oldest;
    while (rangemap_next_until(&rs->map, from, last, &p)) {
        uint64_t a = p.first < from ? from : p.first, b = p.last < last ? p.last : last;
        uint32_t older = (uint32_t)(p.target >> PAGE_LG2);
        if (a > from) {
            open_fresh(rs, from, a - 1, r);
        }
        uint32_t i = take(rs, r, older);
        rangemap_remove(&rs->map, a, b);
        point(rs, a, b, i);
        drop(rs, older, pages(a, b));
        if (b == last) {
            return;
        }
        from = b + 1;
    }
    open_fresh(rs, from, last, r);
}

bool
recordset_next(const struct recordset *rs, uint64_t from, struct range_piece *out,
               uint32_t *newest)
{
    if (rs->map.pages == 0 || !rangemap_next(&rs->map, from, out)) {
        return false;
    }
    *newest = (uint32_t)(out->target >> PAGE_LG2);
    return true;
}

struct record *
recordset_at(const struct recordset *rs, uint32_t index)
{
    return &rs->pool[index];
}

struct closing {
    record_done_fn *done;
    record_closed_fn *closed;
    void *self;
    uint64_t first, last;
};

/*
 * The chain `i` with what is done taken out: a new chain if anything changed,
 * else `i` itself.
 */
static uint32_t
filter(struct recordset *rs, uint32_t i, const struct closing *c)
{
    const uint32_t next = rs->pool[i].older, older = next != 0 ? filter(rs, next, c) : 0;
    const struct record *r = &rs->pool[i];
    unsigned need = c->done(c->self, r, c->first, c->last);
    if (need == 0) {
        c->closed(c->self, r, c->first, c->last);
        return older;
    }
    if (need == r->need && older == r->older) {
        return i;
    }
    struct record less = *r;
    less.need = need;
    return take(rs, &less, older);
}

void
recordset_close(struct recordset *rs, uint64_t first, uint64_t last, record_done_fn *done,
                record_closed_fn *closed, void *self)
{
    struct range_piece p;
    uint64_t from = first;

    while (rangemap_next_until(&rs->map, from, last, &p)) {
        struct closing c = {
            .done = done,
            .closed = closed,
            .self = self,
            .first = p.first < from ? from : p.first,
            .last = p.last < last ? p.last : last,
        };
        uint32_t was = (uint32_t)(p.target >> PAGE_LG2);
        uint32_t now = filter(rs, was, &c);
        if (now != was) {
            rangemap_remove(&rs->map, c.first, c.last);
            if (now != 0) {
                point(rs, c.first, c.last, now);
            } else if (!reported_empty(&rs->accused)) {
                reported_settle(&rs->accused, c.first, c.last);
            }
            drop(rs, was, pages(c.first, c.last));
        }
        if (c.last == last) {
            return;
        }
        from = c.last + 1;
    }
}

void
recordset_clear(struct recordset *rs)
{
    rangemap_clear(&rs->map);
    reported_settle(&rs->accused, 0, UINT64_MAX);
    rs->n = rs->free = rs->newest = 0;
}

/* ---- what an invalidation answers: VTD_NEED_ bits ---- */

static unsigned
context_answers(const struct record *r, const struct invalidation *inv, uint16_t sid)
{
    switch (inv->scope) {
    case INVAL_GLOBAL:
        return VTD_NEED_CONTEXT;
    case INVAL_DOMAIN:
        return (inv->did == r->did ? VTD_NEED_CONTEXT_DEVICE : 0U) |
               (inv->did == 0 ? VTD_NEED_CONTEXT_ABSENT : 0U) | VTD_NEED_CONTEXT_SOURCE;
    case INVAL_DEVICE:
        if (((inv->sid ^ sid) & ~inv->sid_mask) != 0) {
            return 0;
        }
        return (inv->did == r->did ? VTD_NEED_CONTEXT_DEVICE : 0U) |
               (inv->did == 0 ? VTD_NEED_CONTEXT_ABSENT : 0U) | VTD_NEED_CONTEXT_SOURCE;
    case INVAL_PAGE:
    case INVAL_PASID:
        break;
    }
    return 0;
}

static unsigned
pasid_cache_answers(const struct record *r, const struct invalidation *inv)
{
    unsigned absent =
        inv->did == r->did || inv->did == 0 ? (unsigned)VTD_NEED_PASID_ABSENT : 0U;

    switch (inv->scope) {
    case INVAL_GLOBAL:
        return VTD_NEED_PASID;
    case INVAL_DOMAIN:
        return absent |
               (inv->did == r->did ? VTD_NEED_PASID_CACHE | VTD_NEED_PASID_DOMAIN : 0U);
    case INVAL_PASID:
        return inv->pasid != r->pasid
                   ? 0U
                   : absent | (inv->did == r->did ? (unsigned)VTD_NEED_PASID_CACHE : 0U);
    case INVAL_PAGE:
    case INVAL_DEVICE:
        break;
    }
    return 0;
}

/* Wider ones of the IOTLB drop first-stage and nested translations of the domain too. */
static unsigned
iotlb_answers(const struct record *r, const struct invalidation *inv, uint64_t first,
              uint64_t last)
{
    const unsigned nonleaf =
        inv->leaf_only ? 0U : VTD_NEED_IOTLB_NONLEAF | VTD_NEED_PIOTLB_NONLEAF;

    switch (inv->scope) {
    case INVAL_GLOBAL:
        return VTD_NEED_IOTLB;
    case INVAL_DOMAIN:
        return inv->did == r->did ? VTD_NEED_IOTLB & ~VTD_NEED_IOTLB_GLOBAL : 0U;
    case INVAL_PAGE:
        if (inv->did != r->did) {
            return 0;
        }
        if (r->input_last != 0) {
            first = r->input_first;
            last = r->input_last;
        }
        if (first < inv->first || last > inv->last) {
            return VTD_NEED_PIOTLB_PAGE | (nonleaf & VTD_NEED_PIOTLB_NONLEAF);
        }
        return VTD_NEED_IOTLB_PAGE | VTD_NEED_PIOTLB_PAGE | nonleaf;
    case INVAL_DEVICE:
    case INVAL_PASID:
        break;
    }
    return 0;
}

static unsigned
pasid_iotlb_answers(const struct record *r, const struct invalidation *inv,
                    uint64_t first, uint64_t last)
{
    if (inv->did != r->did || inv->pasid != r->pasid) {
        return 0;
    }
    if (inv->scope == INVAL_PASID) {
        return VTD_NEED_PIOTLB;
    }
    if (first < inv->first || last > inv->last) {
        return 0;
    }
    return VTD_NEED_PIOTLB_PAGE | (inv->leaf_only ? 0U : VTD_NEED_PIOTLB_NONLEAF);
}

static bool
reaches_device_tlb(const struct invalidation *inv, uint64_t first, uint64_t last,
                   const struct record_requester *who)
{
    if (((inv->sid ^ who->sid) & ~inv->sid_mask) != 0 || first < inv->first ||
        last > inv->last) {
        return false;
    }
    if (!inv->has_pasid) {
        return who->pasid == IOMMU_NO_PASID;
    }
    return who->pasid != IOMMU_NO_PASID &&
           (inv->pasid == who->pasid || inv->pasid == NOTIFY_EVERY_PASID);
}

unsigned
record_remains(const struct record *r, const struct invalidation *inv, uint64_t seq,
               uint64_t first, uint64_t last, const struct record_requester *who)
{
    const unsigned need = r->need;
    unsigned left = need;

    if (seq <= r->seq) {
        return need;
    }
    switch (inv->kind) {
    case INVAL_CONTEXT:
        left &= ~context_answers(r, inv, who->sid);
        break;
    case INVAL_PASID_CACHE:
        if ((need & VTD_NEED_CONTEXT) == 0) {
            left &= ~pasid_cache_answers(r, inv);
        }
        break;
    case INVAL_IOTLB:
        if ((need & (VTD_NEED_CONTEXT | VTD_NEED_PASID)) == 0) {
            left &= ~iotlb_answers(r, inv, first, last);
        }
        break;
    case INVAL_PASID_IOTLB:
        if ((need & (VTD_NEED_CONTEXT | VTD_NEED_PASID)) == 0) {
            left &= ~pasid_iotlb_answers(r, inv, first, last);
        }
        break;
    case INVAL_DEV_IOTLB:
        if ((need & VTD_NEED_DEVICE_TLB) != 0 &&
            reaches_device_tlb(inv, first, last, who)) {
            left &= ~(unsigned)VTD_NEED_DEVICE_TLB;
            left |= left != 0 ? (unsigned)RECORD_TLB_EARLY : 0U;
        }
        break;
    case INVAL_IEC:
        break;
    }
    return left == RECORD_TLB_EARLY ? 0U : left;
}
