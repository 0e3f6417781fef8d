/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See vtd_caches.h. */
#include "iommu/vtd_caches.h"

#include <stdlib.h>

bool
vtd_caches_holes(const struct vtd *v)
{
    return v->cfg.caching_mode && !env_quirk(v->base.env, QUIRK_VTD_NO_HOLES);
}

/* ---- context and PASID entries ---- */

/* Not cached: from memory. */
static void
fetch_context(struct vtd *v, uint16_t sid, unsigned level, struct vtd_entry *e)
{
    struct vtd_cached evicted;

    *e = vtd_context_fetch(v, sid);
    const bool sound = e->fault == VTD_FAULT_NONE;
    if (v->contexts.cfg.entries != 0 && (sound || vtd_caches_holes(v))) {
        const struct vtd_cached put = {
            .tag = sid,
            .level = (uint8_t)level,
            .lo = e->w[0],
            .hi = e->w[1],
            .did = sound && level == 0 ? vtd_ctx_did(e->w[1]) : 0,
            .fault = (uint8_t)e->fault,
        };
        if (vtd_cache_put(&v->contexts, &put, &evicted)) {
            vtd_line_context(v, TE_CONTEXT_DROP, &evicted);
        }
        vtd_line_context(v, TE_CONTEXT_FILL, &put);
    }
}

static const struct vtd_cached *
cached_context(struct vtd *v, uint16_t sid, unsigned level)
{
    const struct vtd_cached *hit = vtd_cache_find(&v->contexts, 0, level, sid);

    if (hit != NULL) {
        vtd_line_context(v, TE_CONTEXT_HIT, hit);
    }
    return hit;
}

static void
find_context(struct vtd *v, uint16_t sid, unsigned level, struct vtd_entry *e)
{
    const struct vtd_cached *hit = cached_context(v, sid, level);

    if (hit == NULL) {
        fetch_context(v, sid, level, e);
    } else {
        *e = (struct vtd_entry){ { hit->lo, hit->hi }, (enum vtd_fault)hit->fault };
    }
}

static struct vtd_entry
find_pasid(struct vtd *v, uint16_t sid, const struct vtd_entry *context, uint32_t pasid)
{
    const uint64_t tag = (uint64_t)pasid << 16 | sid;
    const struct vtd_cached *hit = vtd_cache_find(&v->pasids, 0, 0, tag);
    struct vtd_cached evicted;

    if (hit != NULL) {
        vtd_line_pasid(v, TE_PASID_HIT, hit);
        return (struct vtd_entry){ { hit->lo, hit->did, hit->hi },
                                   (enum vtd_fault)hit->fault };
    }
    struct vtd_entry e = vtd_pasid_fetch(v, context, pasid);
    const bool sound = e.fault == VTD_FAULT_NONE;
    if (v->pasids.cfg.entries != 0 && (sound || vtd_caches_holes(v))) {
        const struct vtd_cached put = {
            .tag = tag,
            .lo = e.w[0],
            .hi = e.w[2],
            .did = sound ? (uint16_t)e.w[1] : 0,
            .fault = (uint8_t)e.fault,
        };
        if (vtd_cache_put(&v->pasids, &put, &evicted)) {
            vtd_line_pasid(v, TE_PASID_DROP, &evicted);
        }
        vtd_line_pasid(v, TE_PASID_FILL, &put);
    }
    return e;
}

static void
resolve_legacy(struct vtd *v, const struct iommu_request *q, struct vtd_context *c)
{
    if (q->pasid != IOMMU_NO_PASID) {
        *c = (struct vtd_context){ .fault = VTD_FAULT_SM_TTM_PASID };
        return;
    }
    const struct vtd_cached *hit = cached_context(v, q->sid, 0);
    uint64_t lo;
    if (hit != NULL) {
        lo = hit->lo;
        vtd_context_legacy(lo, hit->hi, (enum vtd_fault)hit->fault, c);
    } else {
        struct vtd_entry e;
        fetch_context(v, q->sid, 0, &e);
        lo = e.w[0];
        vtd_context_legacy(lo, e.w[1], e.fault, c);
    }
    if (q->type != REQUEST_UNTRANSLATED && c->fault == VTD_FAULT_NONE &&
        vtd_ctx_tt(lo) != VTD_TT_ATS) {
        c->fault = VTD_FAULT_BLOCKED;
    }
}

static void
resolve_scalable(struct vtd *v, const struct iommu_request *q, struct vtd_context *c)
{
    struct vtd_entry e;
    find_context(v, q->sid, 1, &e);
    const bool fpd = (e.w[0] & VTD_SM_CTX_FPD) != 0;
    const bool with_pasid = q->pasid != IOMMU_NO_PASID;

    if (e.fault == VTD_FAULT_NONE) {
        e.fault = vtd_context_admits(v, &e, q);
    }
    if (e.fault != VTD_FAULT_NONE) {
        *c = (struct vtd_context){ .fault = e.fault, .fpd = fpd };
        return;
    }
    const uint32_t pasid = with_pasid ? q->pasid : vtd_context_rid_pasid(v, &e);
    const struct vtd_entry p = find_pasid(v, q->sid, &e, pasid);
    *c = vtd_context_scalable(&p, pasid, fpd);
    c->privileged = q->privileged || (!with_pasid && (e.w[1] & VTD_SM_CTX_RID_PRIV) != 0);
    if (c->fault == VTD_FAULT_NONE && c->privileged && vtd_context_has_first(c) &&
        (p.w[2] & VTD_PASID_SRE) == 0) {
        c->fault = VTD_FAULT_SM_SRE;
    }
}

void
vtd_caches_resolve(struct vtd *v, const struct iommu_request *q, struct vtd_context *c)
{
    switch (v->ttm) {
    case VTD_TTM_LEGACY:
        resolve_legacy(v, q, c);
        return;
    case VTD_TTM_SCALABLE:
        resolve_scalable(v, q, c);
        return;
    case VTD_TTM_RESERVED:
    case VTD_TTM_ABORT:
        break;
    }
    *c = (struct vtd_context){ .fault = VTD_FAULT_SM_RTADDR };
}

/* ---- pages ---- */

const struct vtd_cached *
vtd_caches_page(struct vtd *v, uint16_t sid, uint64_t key, uint64_t iova)
{
    for (unsigned level = 1; level <= 3; level++) {
        const struct vtd_cached *e = vtd_cache_find(
            &v->iotlb, key, level, align_down(iova, vtd_ss_span_lg2(level)));
        if (e != NULL) {
            vtd_line_page(v, TE_IOTLB_HIT, sid, e);
            return e;
        }
    }
    return NULL;
}

/* QEMU has one way to make room. */
static void
make_room(struct vtd *v)
{
    if (vtd_cache_count(&v->iotlb) == v->iotlb.cfg.entries &&
        env_quirk(v->base.env, QUIRK_VTD_IOTLB_OVERFLOW)) {
        struct trace_rec r;
        uint32_t n = vtd_cache_drop_all(&v->iotlb);
        if (n != 0 && vtd_wants(v, TE_IOTLB_DROP)) {
            vtd_trace_begin(v, &r, TE_IOTLB_DROP);
            trace_text(&r, TF_CAUSE, "overflow");
            trace_u64(&r, TF_COUNT, n);
            trace_emit(v->base.env->trace, &r);
        }
    }
}

void
vtd_caches_put_page(struct vtd *v, uint16_t sid, const struct vtd_cached *e)
{
    struct vtd_cached evicted;

    if (v->iotlb.cfg.entries == 0) {
        return;
    }
    make_room(v);
    if (vtd_cache_put(&v->iotlb, e, &evicted)) {
        vtd_line_page(v, TE_IOTLB_DROP, 0, &evicted);
    }
    vtd_line_page(v, TE_IOTLB_FILL, sid, e);
}

/* ---- tables ---- */

/* Besides perm, in vtd_cached.flags. */
enum {
    TABLE_USER = 1 << 0,
    TABLE_LOCKED = 1 << 1,
};

static uint64_t
key_of_tables(const struct vtd_context *c, bool first)
{
    return first ? c->did | VTD_KEY_FIRST | VTD_KEY_PASID(c->pasid) : c->did;
}

struct vtd_table
vtd_caches_table(struct vtd *v, const struct vtd_context *c, bool first, uint16_t sid,
                 uint64_t iova, struct vtd_table top)
{
    const uint64_t key = key_of_tables(c, first);

    for (unsigned level = 2; level <= top.level; level++) {
        const struct vtd_cached *e =
            vtd_cache_find(&v->tables[first][level - 2], key, level,
                           align_down(iova, vtd_ss_span_lg2(level)));
        if (e != NULL) {
            vtd_line_table(v, TE_TABLE_HIT, sid, e);
            return (struct vtd_table){
                .page = e->lo,
                .level = level - 1,
                .perm = (enum perm)e->perm,
                .user = (e->flags & TABLE_USER) != 0,
                .locked = (e->flags & TABLE_LOCKED) != 0,
            };
        }
    }
    return top;
}

void
vtd_caches_put_path(struct vtd *v, const struct vtd_context *c, bool first, uint16_t sid,
                    uint64_t iova, const struct vtd_path *path)
{
    const uint64_t key = key_of_tables(c, first);

    for (unsigned level = path->from; level > path->lowest; level--) {
        const struct vtd_table *t = &path->at[level - 1];
        struct vtd_cache *cache = &v->tables[first][level - 2];
        const struct vtd_cached put = {
            .tag = align_down(iova, vtd_ss_span_lg2(level)),
            .key = key,
            .lo = t->page,
            .did = c->did,
            .level = (uint8_t)level,
            .perm = (uint8_t)t->perm,
            .flags =
                (uint8_t)((t->user ? TABLE_USER : 0) | (t->locked ? TABLE_LOCKED : 0)),
        };
        struct vtd_cached evicted;
        if (cache->cfg.entries == 0) {
            return;
        }
        v->tables_filled[first] = true;
        if (vtd_cache_put(cache, &put, &evicted)) {
            vtd_line_table(v, TE_TABLE_DROP, sid, &evicted);
        }
        vtd_line_table(v, TE_TABLE_FILL, sid, &put);
    }
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
    static const struct iommu_cache_config none = { 0, IOMMU_CACHE_LRU };
    static const char *const names[2][VTD_TABLE_CACHES] = {
        { "second_2", "second_3", "second_4", "second_5" },
        { "first_2", "first_3", "first_4", "first_5" },
    };
    const struct env *env = v->base.env;
    const struct iommu_cache_config *tables =
        env_quirk(env, QUIRK_VTD_NO_TABLE_CACHE) ? &none : &v->cfg.paging_cache;

    init_cache(v, &v->contexts, &v->cfg.context_cache, "context_cache");
    init_cache(v, &v->pasids,
               env_quirk(env, QUIRK_VTD_NO_PASID_CACHE) ? &none : &v->cfg.pasid_cache,
               "pasid_cache");
    init_cache(v, &v->iotlb, &v->cfg.iotlb, "iotlb");
    for (unsigned i = 0; i < VTD_TABLE_CACHES; i++) {
        init_cache(v, &v->tables[false][i], tables, names[false][i]);
        init_cache(v, &v->tables[true][i], tables, names[true][i]);
    }
}

void
vtd_caches_fini(struct vtd *v)
{
    vtd_cache_fini(&v->contexts);
    vtd_cache_fini(&v->pasids);
    vtd_cache_fini(&v->iotlb);
    for (unsigned i = 0; i < VTD_TABLE_CACHES; i++) {
        vtd_cache_fini(&v->tables[false][i]);
        vtd_cache_fini(&v->tables[true][i]);
    }
}
