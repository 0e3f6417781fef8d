/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See vtd_caches.h. */
#include "iommu/vtd_caches.h"

#include <stdlib.h>

/* ---- trace ---- */

static const char *
type_of_context(const struct vtd_context *c)
{
    return c->fault != VTD_FAULT_NONE ? "absent"
           : vtd_context_passes(c)    ? "passthrough"
                                      : "translate";
}

static void
trace_context(const struct vtd *v, enum trace_event event, uint16_t sid,
              const struct vtd_context *c)
{
    struct trace_rec r;

    if (!vtd_wants(v, event)) {
        return;
    }
    vtd_trace_begin(v, &r, event);
    trace_u64(&r, TF_SID, sid);
    trace_u64(&r, TF_DID, vtd_ctx_did(c->entry.hi));
    trace_text(&r, TF_TYPE, type_of_context(c));
    if (event == TE_CONTEXT_FILL) {
        trace_u64(&r, TF_LO, c->entry.lo);
        trace_u64(&r, TF_HI, c->entry.hi);
    }
    trace_emit(v->base.env->trace, &r);
}

/* Hits and fills have a sid, drops have a cause. */
static void
trace_iotlb(const struct vtd *v, enum trace_event event, uint16_t sid,
            const struct vtd_cached *e)
{
    struct trace_rec r;

    if (!vtd_wants(v, event)) {
        return;
    }
    vtd_trace_begin(v, &r, event);
    if (event != TE_IOTLB_DROP) {
        trace_u64(&r, TF_SID, sid);
    }
    trace_u64(&r, TF_DID, e->did);
    trace_u64(&r, TF_IOVA, e->tag);
    trace_u64(&r, TF_SIZE, UINT64_C(1) << vtd_ss_span_lg2(e->level));
    trace_u64(&r, TF_GPA, e->lo);
    trace_u64(&r, TF_PERM, e->perm);
    if (event == TE_IOTLB_DROP) {
        trace_text(&r, TF_CAUSE, "evict");
    }
    trace_emit(v->base.env->trace, &r);
}

void
vtd_caches_trace_hit(const struct vtd *v, uint16_t sid, const struct vtd_cached *e)
{
    trace_iotlb(v, TE_IOTLB_HIT, sid, e);
}

/* ---- context ---- */

static void
cache_context(struct vtd *v, uint16_t sid, const struct vtd_context *c)
{
    const bool sound = c->fault == VTD_FAULT_NONE;
    const struct vtd_cached e = {
        .tag = sid,
        .lo = c->entry.lo,
        .hi = c->entry.hi,
        .did = sound ? vtd_ctx_did(c->entry.hi) : 0,
        .fault = (uint8_t)c->fault,
    };
    struct vtd_cached evicted;

    if (!sound && !v->cfg.caching_mode) {
        return;
    }
    if (vtd_cache_put(&v->contexts, &e, &evicted)) {
        const struct vtd_context gone = { { evicted.lo, evicted.hi },
                                          (enum vtd_fault)evicted.fault };
        trace_context(v, TE_CONTEXT_DROP, (uint16_t)evicted.tag, &gone);
    }
    trace_context(v, TE_CONTEXT_FILL, sid, c);
}

struct vtd_context
vtd_caches_context(struct vtd *v, uint16_t sid)
{
    const struct vtd_cached *e = vtd_cache_find(&v->contexts, 0, 0, sid);
    struct vtd_context c;

    if (e != NULL) {
        c = (struct vtd_context){ { e->lo, e->hi }, (enum vtd_fault)e->fault };
        trace_context(v, TE_CONTEXT_HIT, sid, &c);
        return c;
    }
    c = vtd_context_read(v, sid);
    cache_context(v, sid, &c);
    return c;
}

/* ---- IOTLB ---- */

const struct vtd_cached *
vtd_caches_page(struct vtd *v, uint16_t did, uint64_t iova)
{
    for (unsigned level = 1; level < VTD_CACHE_LEVELS; level++) {
        const struct vtd_cached *e = vtd_cache_find(
            &v->iotlb, did, level, align_down(iova, vtd_ss_span_lg2(level)));
        if (e != NULL) {
            return e;
        }
    }
    return NULL;
}

void
vtd_caches_put_page(struct vtd *v, uint16_t sid, const struct vtd_cached *e)
{
    struct vtd_cached evicted;

    if (vtd_cache_put(&v->iotlb, e, &evicted)) {
        trace_iotlb(v, TE_IOTLB_DROP, 0, &evicted);
    }
    trace_iotlb(v, TE_IOTLB_FILL, sid, e);
}

/* ---- dump ---- */

static void
dump_cache(const struct vtd *v, const struct vtd_cache *cache,
           void (*line)(struct trace_rec *, const struct vtd_cached *))
{
    size_t n;
    const struct vtd_cached **list = vtd_cache_list(cache, &n);
    struct trace_rec r;

    for (size_t i = 0; i < n; i++) {
        vtd_trace_begin(v, &r, TE_DUMP_CACHED);
        line(&r, list[i]);
        trace_emit(v->base.env->trace, &r);
    }
    free(list);
}

static void
line_of_context(struct trace_rec *r, const struct vtd_cached *e)
{
    const struct vtd_context c = { { e->lo, e->hi }, (enum vtd_fault)e->fault };

    trace_text(r, TF_KIND, "context");
    trace_u64(r, TF_SID, e->tag);
    trace_u64(r, TF_DID, e->did);
    trace_text(r, TF_TYPE, type_of_context(&c));
}

static void
line_of_page(struct trace_rec *r, const struct vtd_cached *e)
{
    trace_text(r, TF_KIND, "iotlb");
    trace_u64(r, TF_DID, e->did);
    trace_u64(r, TF_IOVA, e->tag);
    trace_u64(r, TF_SIZE, UINT64_C(1) << vtd_ss_span_lg2(e->level));
    if (e->fault == VTD_FAULT_NONE) {
        trace_u64(r, TF_GPA, e->lo);
    }
    trace_u64(r, TF_PERM, e->perm);
}

void
vtd_caches_dump(const struct vtd *v)
{
    dump_cache(v, &v->contexts, line_of_context);
    dump_cache(v, &v->iotlb, line_of_page);
}

/* ---- invalidation ---- */

static void
trace_drop(const struct vtd *v, enum trace_event event, uint32_t count)
{
    struct trace_rec r;

    if (count > 0 && vtd_wants(v, event)) {
        vtd_trace_begin(v, &r, event);
        trace_text(&r, TF_CAUSE, "invalidate");
        trace_u64(&r, TF_COUNT, count);
        trace_emit(v->base.env->trace, &r);
    }
}

static uint32_t
drop_iotlb(struct vtd *v, const struct invalidation *inv)
{
    switch (inv->scope) {
    case INVAL_DOMAIN:
        return vtd_cache_drop_did(&v->iotlb, inv->did);
    case INVAL_PAGE:
        return vtd_cache_drop_pages(&v->iotlb, inv->did, inv->first, inv->last);
    case INVAL_GLOBAL:
    case INVAL_DEVICE:
    case INVAL_PASID:
        break;
    }
    return vtd_cache_drop_all(&v->iotlb);
}

/* The source ids that differ from inv->sid in masked bits only. */
static uint32_t
drop_devices(struct vtd *v, const struct invalidation *inv)
{
    uint32_t n = 0;

    for (unsigned bits = 0; bits < 8; bits++) {
        if ((bits & ~(unsigned)inv->sid_mask) != 0) {
            continue;
        }
        uint64_t sid = (inv->sid & ~(unsigned)inv->sid_mask) | bits;
        const struct vtd_cached *e = vtd_cache_find(&v->contexts, 0, 0, sid);
        if (e != NULL && e->did == inv->did) {
            n += vtd_cache_drop(&v->contexts, 0, 0, sid);
        }
    }
    return n;
}

static uint32_t
drop_contexts(struct vtd *v, const struct invalidation *inv)
{
    switch (inv->scope) {
    case INVAL_DOMAIN:
        return vtd_cache_drop_did(&v->contexts, inv->did);
    case INVAL_DEVICE:
        return drop_devices(v, inv);
    case INVAL_GLOBAL:
    case INVAL_PAGE:
    case INVAL_PASID:
        break;
    }
    return vtd_cache_drop_all(&v->contexts);
}

void
vtd_caches_invalidate(struct vtd *v, const struct invalidation *inv)
{
    switch (inv->kind) {
    case INVAL_IOTLB:
        trace_drop(v, TE_IOTLB_DROP, drop_iotlb(v, inv));
        break;
    case INVAL_CONTEXT:
        trace_drop(v, TE_CONTEXT_DROP, drop_contexts(v, inv));
        break;
    case INVAL_DEV_IOTLB:
    case INVAL_IEC:
    case INVAL_PASID_CACHE:
    case INVAL_PASID_IOTLB:
        break;
    }
}

void
vtd_caches_drop_all(struct vtd *v)
{
    vtd_cache_drop_all(&v->contexts);
    vtd_cache_drop_all(&v->iotlb);
}

/* ---- birth and death ---- */

/* Random replacement draws from a stream of its own, named ID/CACHE. */
static void
init_cache(const struct vtd *v, struct vtd_cache *cache,
           const struct iommu_cache_config *c, const char *name)
{
    struct env *env = v->base.env;
    struct sim_stream *stream = NULL;

    if (c->policy == IOMMU_CACHE_RANDOM) {
        char *full = xasprintf("%s/%s", v->base.id, name);
        stream = sim_stream(env->sim, full);
        free(full);
    }
    vtd_cache_init(cache, c, stream, env->budget);
}

void
vtd_caches_init(struct vtd *v)
{
    init_cache(v, &v->contexts, &v->cfg.context_cache, "context_cache");
    init_cache(v, &v->iotlb, &v->cfg.iotlb, "iotlb");
}

void
vtd_caches_fini(struct vtd *v)
{
    vtd_cache_fini(&v->contexts);
    vtd_cache_fini(&v->iotlb);
}
