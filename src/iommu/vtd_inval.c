/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See vtd_inval.h. */
#include "iommu/vtd_inval.h"

#include "iommu/vtd_caches.h"
#include "iommu/vtd_notify.h"

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

void
vtd_inval_iotlb(struct vtd *v, enum vtd_gran g, uint16_t did, uint64_t pages)
{
    const unsigned am = vtd_desc_am(pages);
    struct invalidation inv = { .kind = INVAL_IOTLB,
                                .scope = iotlb_scope[g],
                                .did = did };

    if (inv.scope == INVAL_PAGE) {
        inv.addr = vtd_desc_addr(pages);
        inv.first = align_down(inv.addr, PAGE_LG2 + am);
        inv.last = inv.first + ((PAGE_BYTES << am) - 1);
        inv.leaf_only = (pages & VTD_DESC_IOTLB_IH) != 0;
    }
    trace_iotlb(v, &inv, am);
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
    }
    trace_emit(v->base.env->trace, &r);
}

void
vtd_inval_context(struct vtd *v, enum vtd_gran g, uint16_t did, uint16_t sid, unsigned fm)
{
    struct invalidation inv = { .kind = INVAL_CONTEXT,
                                .scope = context_scope[g],
                                .did = did };

    if (inv.scope == INVAL_DEVICE) {
        inv.sid = sid;
        inv.sid_mask = vtd_fm_mask(fm);
    }
    trace_context(v, &inv);
    vtd_caches_invalidate(v, &inv);
    vtd_notify_invalidated(v, &inv);
    observe(v->base.env, invalidated, &v->base, &inv);
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
