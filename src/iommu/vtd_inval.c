/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See vtd_inval.h. */
#include "iommu/vtd_inval.h"

#include "iommu/vtd_caches.h"
#include "iommu/vtd_notify.h"
#include "notify/notify.h"

static const enum inval_scope iotlb_scope[] = {
    [VTD_GRAN_GLOBAL] = INVAL_GLOBAL,
    [VTD_GRAN_DOMAIN] = INVAL_DOMAIN,
    [VTD_GRAN_FINE] = INVAL_PAGE,
};

static const enum inval_scope context_scope[] = {
    [VTD_GRAN_GLOBAL] = INVAL_GLOBAL,
    [VTD_GRAN_DOMAIN] = INVAL_DOMAIN,
    [VTD_GRAN_FINE] = INVAL_DEVICE,
};

static const char *
scope_name(enum inval_scope scope)
{
    switch (scope) {
    case INVAL_GLOBAL:
        return "global";
    case INVAL_DOMAIN:
        return "domain";
    case INVAL_PAGE:
        return "page";
    case INVAL_DEVICE:
        return "device";
    case INVAL_PASID:
        return "pasid";
    }
    return NULL;
}

/* What was asked for is `inv`; what comes of it, `taken`. */
static void
carry_out_as(struct vtd *v, const struct invalidation *inv,
             const struct invalidation *taken)
{
    vtd_caches_invalidate(v, taken);
    vtd_notify_invalidated(v, taken);
    observe(v->base.env, invalidated, &v->base, inv);
}

static void
carry_out(struct vtd *v, const struct invalidation *inv)
{
    carry_out_as(v, inv, inv);
}

/* ---- IOTLB ---- */

static void
trace_iotlb(const struct vtd *v, const struct invalidation *inv, unsigned am)
{
    struct trace_rec r;

    if (!vtd_wants(v, TE_INVALIDATE)) {
        return;
    }
    vtd_trace_begin(v, &r, TE_INVALIDATE);
    trace_text(&r, TF_KIND, "iotlb");
    trace_text(&r, TF_GRANULARITY, scope_name(inv->scope));
    if (inv->scope != INVAL_GLOBAL) {
        trace_u64(&r, TF_DID, inv->did);
    }
    if (inv->scope == INVAL_PAGE) {
        trace_u64(&r, TF_IOVA, inv->first);
        trace_u64(&r, TF_SIZE, inv->last - inv->first + 1);
        trace_u64(&r, TF_AM, am);
        trace_u64(&r, TF_IH, inv->leaf_only);
    }
    trace_emit(v->base.env->trace, &r);
}

/* The block that the high word of a descriptor, or IVA, names. */
static void
name_pages(struct invalidation *inv, uint64_t pages)
{
    const unsigned am = vtd_desc_am(pages);

    inv->addr = vtd_desc_addr(pages);
    inv->first = align_down(inv->addr, PAGE_LG2 + am);
    inv->last = inv->first + ((PAGE_BYTES << am) - 1);
    inv->leaf_only = (pages & VTD_DESC_IOTLB_IH) != 0;
}

/* What is under way now, and may use what was cached, has to be done first. */
static void
drain(struct vtd *v, unsigned accesses)
{
    if (!v->cfg.drain || env_quirk(v->base.env, QUIRK_VTD_NO_DRAIN)) {
        return;
    }
    for (unsigned write = 0; write < 2; write++) {
        if ((accesses & (write ? PERM_W : PERM_R)) != 0 &&
            v->in_flight[write] > v->drained) {
            v->drained = v->in_flight[write];
        }
    }
}

void
vtd_inval_iotlb(struct vtd *v, enum vtd_gran g, uint16_t did, uint64_t pages,
                unsigned drained)
{
    struct invalidation inv = { .kind = INVAL_IOTLB,
                                .scope = iotlb_scope[g],
                                .did = did };

    if (inv.scope == INVAL_PAGE) {
        name_pages(&inv, pages);
    }
    trace_iotlb(v, &inv, vtd_desc_am(pages));
    drain(v, drained);
    if (inv.scope != INVAL_DOMAIN || !env_quirk(v->base.env, QUIRK_VTD_DSI_IGNORED)) {
        vtd_caches_invalidate(v, &inv);
        vtd_notify_invalidated(v, &inv);
    }
    observe(v->base.env, invalidated, &v->base, &inv);
}

/* ---- context cache ---- */

static void
trace_context(const struct vtd *v, const struct invalidation *inv)
{
    struct trace_rec r;

    if (!vtd_wants(v, TE_INVALIDATE)) {
        return;
    }
    vtd_trace_begin(v, &r, TE_INVALIDATE);
    trace_text(&r, TF_KIND, "context");
    trace_text(&r, TF_GRANULARITY, scope_name(inv->scope));
    if (inv->scope != INVAL_GLOBAL) {
        trace_u64(&r, TF_DID, inv->did);
    }
    if (inv->scope == INVAL_DEVICE) {
        trace_u64(&r, TF_SID, inv->sid);
        if (inv->sid_mask != 0) {
            trace_u64(&r, TF_MASK, inv->sid_mask);
        }
    }
    trace_emit(v->base.env->trace, &r);
}

enum vtd_gran
vtd_inval_context(struct vtd *v, enum vtd_gran g, uint16_t did, uint16_t sid, unsigned fm)
{
    if (g == VTD_GRAN_DOMAIN && env_quirk(v->base.env, QUIRK_VTD_CONTEXT_DOMAIN_GLOBAL)) {
        g = VTD_GRAN_GLOBAL;
    }
    struct invalidation inv = { .kind = INVAL_CONTEXT,
                                .scope = context_scope[g],
                                .did = did };

    if (inv.scope == INVAL_DEVICE) {
        inv.sid = sid;
        inv.sid_mask = vtd_fm_mask(fm);
    }
    trace_context(v, &inv);
    struct invalidation taken = inv;
    if (inv.scope == INVAL_DEVICE &&
        env_quirk(v->base.env, QUIRK_VTD_CTX_MASK_NOT_INVERTED)) {
        taken.sid_mask = (uint16_t)~inv.sid_mask;
    }
    carry_out_as(v, &inv, &taken);
    return g;
}

/* ---- what names a PASID ---- */

static void
trace_pasid(const struct vtd *v, const char *kind, const struct invalidation *inv,
            uint64_t pages)
{
    struct trace_rec r;

    if (!vtd_wants(v, TE_INVALIDATE)) {
        return;
    }
    vtd_trace_begin(v, &r, TE_INVALIDATE);
    trace_text(&r, TF_KIND, kind);
    trace_text(&r, TF_GRANULARITY, scope_name(inv->scope));
    if (inv->scope != INVAL_GLOBAL) {
        trace_u64(&r, TF_DID, inv->did);
    }
    if (inv->has_pasid) {
        trace_u64(&r, TF_PASID, inv->pasid);
    }
    if (inv->scope == INVAL_PAGE) {
        trace_u64(&r, TF_IOVA, inv->first);
        trace_u64(&r, TF_SIZE, inv->last - inv->first + 1);
        trace_u64(&r, TF_AM, vtd_desc_am(pages));
        trace_u64(&r, TF_IH, inv->leaf_only);
    }
    trace_emit(v->base.env->trace, &r);
}

static struct invalidation
pasid_cache_named(uint64_t lo)
{
    const unsigned g = vtd_desc_gran(lo);
    struct invalidation inv = { .kind = INVAL_PASID_CACHE, .scope = INVAL_GLOBAL };

    if (g != VTD_PC_GLOBAL) {
        inv.scope = g == VTD_PC_PASID ? INVAL_PASID : INVAL_DOMAIN;
        inv.did = vtd_desc_did(lo);
    }
    if (g == VTD_PC_PASID) {
        inv.has_pasid = true;
        inv.pasid = vtd_desc_pasid(lo);
    }
    return inv;
}

static struct invalidation
pasid_iotlb_named(uint64_t lo, uint64_t pages)
{
    struct invalidation inv = {
        .kind = INVAL_PASID_IOTLB,
        .scope = INVAL_PASID,
        .did = vtd_desc_did(lo),
        .has_pasid = true,
        .pasid = vtd_desc_pasid(lo),
    };

    if (vtd_desc_gran(lo) == VTD_PIOTLB_PAGE) {
        inv.scope = INVAL_PAGE;
        name_pages(&inv, pages);
    }
    return inv;
}

void
vtd_inval_pasid_cache(struct vtd *v, uint64_t lo)
{
    const struct invalidation inv = pasid_cache_named(lo);

    trace_pasid(v, "pasid", &inv, 0);
    carry_out(v, &inv);
}

void
vtd_inval_pasid_iotlb(struct vtd *v, uint64_t lo, uint64_t pages)
{
    const struct invalidation inv = pasid_iotlb_named(lo, pages);

    trace_pasid(v, "pasid-iotlb", &inv, pages);
    drain(v, PERM_RW);
    carry_out(v, &inv);
}

void
vtd_inval_ignored(struct vtd *v, enum vtd_desc_type type, uint64_t lo, uint64_t pages)
{
    if (vtd_desc_am(pages) > v->cfg.mamv) {
        return; /* a unit that read it would have refused it */
    }
    const struct invalidation inv = type == VTD_DESC_PASID_CACHE
                                        ? pasid_cache_named(lo)
                                        : pasid_iotlb_named(lo, pages);

    observe(v->base.env, invalidated, &v->base, &inv);
}

/* ---- device TLBs ---- */

static void
trace_dev_iotlb(const struct vtd *v, const struct invalidation *inv)
{
    const bool all = inv->has_pasid && inv->pasid == NOTIFY_EVERY_PASID;
    struct trace_rec r;

    if (!vtd_wants(v, TE_INVALIDATE)) {
        return;
    }
    vtd_trace_begin(v, &r, TE_INVALIDATE);
    trace_text(&r, TF_KIND, "dev-iotlb");
    trace_text(&r, TF_GRANULARITY, all ? "global" : inv->has_pasid ? "pasid" : "device");
    trace_u64(&r, TF_SID, inv->sid);
    if (inv->has_pasid && !all) {
        trace_u64(&r, TF_PASID, inv->pasid);
    }
    trace_u64(&r, TF_IOVA, inv->first);
    trace_u64(&r, TF_SIZE, inv->last - inv->first + 1);
    trace_emit(v->base.env->trace, &r);
}

static void
invalidate_device(struct vtd *v, struct invalidation *inv, uint64_t addr, bool sized)
{
    vtd_desc_ats_range(vtd_desc_addr(addr), sized, &inv->first, &inv->last);
    trace_dev_iotlb(v, inv);
    struct invalidation taken = *inv;
    if (taken.last - taken.first > VTD_BITS(31, 0) - 1 &&
        env_quirk(v->base.env, QUIRK_VTD_DEVTLB_SIZE_32)) {
        taken.last = taken.first | PAGE_MASK; /* a shift by 32 and more is one by 0 */
    }
    carry_out_as(v, inv, &taken);
}

void
vtd_inval_dev_iotlb(struct vtd *v, uint64_t lo, uint64_t hi)
{
    struct invalidation inv = {
        .kind = INVAL_DEV_IOTLB,
        .scope = INVAL_DEVICE,
        .sid = vtd_desc_sid(lo),
    };

    invalidate_device(v, &inv, hi, (hi & VTD_DESC_DEV_IOTLB_HI_S) != 0);
}

void
vtd_inval_pasid_dev_iotlb(struct vtd *v, uint64_t lo, uint64_t hi)
{
    struct invalidation inv = {
        .kind = INVAL_DEV_IOTLB,
        .scope = INVAL_DEVICE,
        .sid = vtd_desc_pdevtlb_sid(lo),
        .has_pasid = true,
        .pasid =
            (hi & VTD_DESC_PDEVTLB_HI_G) != 0 ? NOTIFY_EVERY_PASID : vtd_desc_pasid(lo),
    };

    invalidate_device(v, &inv, hi, (hi & VTD_DESC_PDEVTLB_HI_S) != 0);
}

/* ---- the rest ---- */

void
vtd_inval_iec(struct vtd *v, uint64_t lo)
{
    const bool one = (lo & VTD_DESC_IEC_G) != 0;
    struct invalidation inv = { .kind = INVAL_IEC,
                                .scope = one ? INVAL_DEVICE : INVAL_GLOBAL };
    struct trace_rec r;

    if (vtd_wants(v, TE_INVALIDATE)) {
        vtd_trace_begin(v, &r, TE_INVALIDATE);
        trace_text(&r, TF_KIND, "iec");
        trace_text(&r, TF_GRANULARITY, one ? "index" : "global");
        if (one) {
            trace_u64(&r, TF_INDEX, lo >> 32 & 0xffff);
        }
        trace_emit(v->base.env->trace, &r);
    }
    observe(v->base.env, invalidated, &v->base, &inv);
}
