/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Plans of invalidations: see intel_invalidate.h. */
#include "guest/intel_invalidate.h"

#include "guest/op.h"
#include "guest/state.h"
#include "iommu/vtd_reg_fmt.h"
#include "util/alloc.h"

enum { EVERYTHING_LG2 = 64, FIRST_CAPACITY = 8 };

void
intel_plan_begin(struct op *op)
{
    op->vtd.plan.n = 0;
    op->vtd.plan.at = 0;
}

void
intel_plan_add(struct op *op, struct intel_request r)
{
    struct intel_plan *p = &op->vtd.plan;

    if (p->n == p->capacity) {
        p->capacity = p->capacity == 0 ? FIRST_CAPACITY : 2 * p->capacity;
        p->list = xrealloc(p->list, p->capacity, sizeof(*p->list));
    }
    p->list[p->n++] = r;
}

static struct phase
next_request(struct op *op)
{
    struct intel_plan *p = &op->vtd.plan;

    return p->at == p->n ? p->then(op)
                         : intel_submit(op, &p->list[p->at++], next_request);
}

struct phase
intel_plan_run(struct op *op, struct phase (*then)(struct op *op))
{
    op->vtd.plan.then = then;
    return PHASE(next_request);
}

bool
intel_has_device_tlb(const struct op *op, uint32_t device)
{
    return op->g->functions[device].ats && (op->vtd.unit->ecap & VTD_ECAP_DT) != 0;
}

/* ---- single requests ---- */

static struct intel_request
whole_domain(uint16_t did)
{
    return (struct intel_request){ .gran = VTD_GRAN_DOMAIN, .did = did };
}

static struct intel_request
whole_pasid(uint16_t did, uint32_t pasid)
{
    return (struct intel_request){
        .kind = INTEL_INV_PASID_IOTLB, .gran = VTD_PIOTLB_ALL, .did = did, .pasid = pasid
    };
}

static struct intel_request
context_device(uint16_t did, uint16_t sid)
{
    return (struct intel_request){
        .kind = INTEL_INV_CONTEXT, .gran = VTD_GRAN_FINE, .did = did, .sid = sid
    };
}

static uint32_t
pasid_or_zero(uint32_t pasid)
{
    return pasid == IOMMU_NO_PASID ? 0 : pasid;
}

/* ---- what a domain translates ---- */

/* An aligned block of 2^am pages that covers a range. */
struct block {
    uint64_t first;
    unsigned am;
    bool ih;
};

static struct block
block_around(uint64_t first, uint64_t last, bool ih)
{
    uint64_t differ = (first ^ last) >> PAGE_LG2;
    unsigned am = differ == 0 ? 0 : 64U - (unsigned)__builtin_clzll(differ);

    return (struct block){ am >= 52 ? 0 : align_down(first, PAGE_LG2 + am), am, ih };
}

/* As many pages as the range has, wherever they lie. */
static struct block
block_of_count(uint64_t first, uint64_t last, bool ih)
{
    uint64_t more = (last - first) >> PAGE_LG2;
    unsigned am = more == 0 ? 0 : 64U - (unsigned)__builtin_clzll(more);

    return (struct block){ align_down(first, PAGE_LG2 + am), am, ih };
}

static unsigned
largest_am(const struct intel_unit *u)
{
    return u->cap >> 48 & 63;
}

/* Of one domain id; NULL: all of it. */
static inline void
add_second_stage(struct op *op, uint16_t did, const struct block *b)
{
    const struct intel_unit *u = op->vtd.unit;
    struct intel_request r = whole_domain(did);

    if (b != NULL && (u->cap & VTD_CAP_PSI) != 0 && b->am <= largest_am(u)) {
        r.gran = VTD_GRAN_FINE;
        r.addr = b->first;
        r.am = (uint8_t)b->am;
        r.ih = b->ih;
    }
    intel_plan_add(op, r);
}

static bool
is_first_with_pasid(const struct intel_domain *d, size_t tag)
{
    for (size_t i = 0; i < tag; i++) {
        if (pasid_or_zero(d->tags[i].pasid) == pasid_or_zero(d->tags[tag].pasid)) {
            return false;
        }
    }
    return true;
}

/* Of each PASID that d is attached to; a page-selective request needs no CAP.PSI here. */
static void
add_first_stage(struct op *op, const struct intel_domain *d, const struct block *b)
{
    for (size_t i = 0; i < d->n_tags; i++) {
        struct intel_request r = whole_pasid(d->did, pasid_or_zero(d->tags[i].pasid));

        if (!is_first_with_pasid(d, i)) {
            continue;
        }
        if (b != NULL && b->am <= largest_am(op->vtd.unit)) {
            r.gran = VTD_PIOTLB_PAGE;
            r.addr = b->first;
            r.am = (uint8_t)b->am;
            r.ih = b->ih;
        }
        intel_plan_add(op, r);
    }
}

static void
add_device_tlb(struct op *op, uint32_t device, uint32_t pasid, const struct block *b)
{
    if (!intel_has_device_tlb(op, device)) {
        return;
    }
    struct intel_request r = {
        .kind = pasid == IOMMU_NO_PASID ? INTEL_INV_DEV_IOTLB : INTEL_INV_PASID_DEV_IOTLB,
        .sid = op->g->sc->devices[device].sid,
        .pasid = pasid_or_zero(pasid),
        .addr = b != NULL ? b->first : 0,
        .lg2 = (uint8_t)(b != NULL ? PAGE_LG2 + b->am : EVERYTHING_LG2),
    };

    intel_plan_add(op, r);
}

static inline void
add_device_tlbs(struct op *op, const struct intel_domain *d, const struct block *b)
{
    for (size_t i = 0; i < d->n_tags; i++) {
        add_device_tlb(op, d->tags[i].device, d->tags[i].pasid, b);
    }
}

/*
 * Domains nested in d. Their entries combine both stages: no range of the second stage
 * says which of a device's addresses are meant.
 */
static void
add_nested(struct op *op, const struct intel_domain *d, const struct block *b,
           bool device_tlbs)
{
    const struct guest *g = op->g;

    for (size_t i = 0; i < g->sc->guest.n_domains; i++) {
        const struct intel_domain *n = g->domains[i];

        if (n->parent != d || n->n_tags == 0) {
            continue;
        }
        if (device_tlbs) {
            add_device_tlbs(op, n, NULL);
        } else {
            add_second_stage(op, n->did, b);
        }
    }
}

static inline void
plan_iotlb(struct op *op, const struct intel_domain *d, const struct block *b)
{
    intel_plan_begin(op);
    if (intel_domain_by_pasid(d)) {
        add_first_stage(op, d, b);
    } else {
        add_second_stage(op, d->did, b);
    }
    if (d->has_nested) {
        add_nested(op, d, b, false);
    }
}

static void
plan_block(struct op *op, const struct intel_domain *d, const struct block *b)
{
    plan_iotlb(op, d, b);
    add_device_tlbs(op, d, b);
    if (d->has_nested) {
        add_nested(op, d, b, true);
    }
}

void
intel_plan_range(struct op *op, const struct intel_domain *d, uint64_t first,
                 uint64_t last, bool ih)
{
    struct block b = env_quirk(op->g->env, QUIRK_GUEST_PSI_MASK_FROM_COUNT)
                         ? block_of_count(first, last, ih)
                         : block_around(first, last, ih);

    plan_block(op, d, &b);
}

void
intel_plan_new_range(struct op *op, const struct intel_domain *d, uint64_t first,
                     uint64_t last)
{
    struct block b = block_around(first, last, false);

    plan_iotlb(op, d, &b);
}

void
intel_plan_domain(struct op *op, const struct intel_domain *d)
{
    plan_block(op, d, NULL);
}

void
intel_plan_global(struct op *op, const struct intel_domain *d)
{
    intel_plan_begin(op);
    intel_plan_add(op, (struct intel_request){ .gran = VTD_GRAN_GLOBAL });
    if (d != NULL) {
        add_device_tlbs(op, d, NULL);
    }
    if (d != NULL && d->has_nested) {
        add_nested(op, d, NULL, true);
    }
}

/* ---- entries that attach ---- */

/* A driver that has the wrong alias in mind flushes function 0 of the slot. */
static uint16_t
sid_to_flush(const struct op *op)
{
    uint16_t sid = op->g->sc->devices[op->vtd.device].sid;

    return env_quirk(op->g->env, QUIRK_GUEST_CTXFLUSH_WRONG_SID) ? (uint16_t)(sid & ~7U)
                                                                 : sid;
}

void
intel_plan_unbind(struct op *op, struct intel_binding was)
{
    const struct intel_work *w = &op->vtd;
    uint32_t pasid = pasid_or_zero(w->pasid);

    intel_plan_begin(op);
    if (!w->unit->scalable) {
        intel_plan_add(op, context_device(was.did, sid_to_flush(op)));
        intel_plan_add(op, whole_domain(was.did));
    } else {
        intel_plan_add(op, (struct intel_request){ .kind = INTEL_INV_PASID_CACHE,
                                                   .gran = VTD_PC_PASID,
                                                   .did = was.did,
                                                   .pasid = pasid });
        intel_plan_add(op, was.by_pasid ? whole_pasid(was.did, pasid)
                                        : whole_domain(was.did));
    }
    add_device_tlb(op, w->device, w->pasid, NULL);
}

/* A unit that caches absent entries does so under domain id 0. */
static void
add_new_context(struct op *op)
{
    const struct intel_work *w = &op->vtd;

    if (w->new_root_entry) {
        intel_plan_add(op, (struct intel_request){ .kind = INTEL_INV_CONTEXT,
                                                   .gran = VTD_GRAN_GLOBAL });
    } else if (w->new_context) {
        intel_plan_add(op, context_device(0, op->g->sc->devices[w->device].sid));
    }
}

void
intel_plan_bind(struct op *op, struct intel_binding is)
{
    const struct intel_work *w = &op->vtd;
    uint32_t pasid = pasid_or_zero(w->pasid);

    intel_plan_begin(op);
    add_new_context(op);
    if (!w->unit->scalable) {
        intel_plan_add(op, whole_domain(is.did));
        return;
    }
    intel_plan_add(op, (struct intel_request){ .kind = INTEL_INV_PASID_CACHE,
                                               .gran = VTD_PC_PASID,
                                               .did = is.did,
                                               .pasid = pasid });
    intel_plan_add(op, whole_pasid(is.did, pasid));
}

/* What is cached of the domains that the device is attached to. */
static void
add_tags(struct op *op, const struct intel_domain *d)
{
    for (size_t i = 0; d != NULL && i < d->n_tags; i++) {
        const uint32_t pasid = pasid_or_zero(d->tags[i].pasid);

        if (d->unit != op->vtd.unit || d->tags[i].device != op->vtd.device) {
            continue;
        }
        if (d->unit->scalable) {
            intel_plan_add(op, (struct intel_request){ .kind = INTEL_INV_PASID_CACHE,
                                                       .gran = VTD_PC_PASID,
                                                       .did = d->did,
                                                       .pasid = pasid });
        }
        intel_plan_add(op, d->unit->scalable && intel_domain_by_pasid(d)
                               ? whole_pasid(d->did, pasid)
                               : whole_domain(d->did));
    }
}

void
intel_plan_context(struct op *op)
{
    const struct guest *g = op->g;
    const uint32_t device = op->vtd.device;
    const struct intel_domain *d = g->attached[device];

    intel_plan_begin(op);
    intel_plan_add(op, context_device(d != NULL && !op->vtd.unit->scalable ? d->did : 0,
                                      g->sc->devices[device].sid));
    for (size_t i = 0; i < g->sc->guest.n_domains + g->sc->n_devices; i++) {
        add_tags(op, g->domains[i]);
    }
    add_tags(op, &op->vtd.unit->identity);
}
