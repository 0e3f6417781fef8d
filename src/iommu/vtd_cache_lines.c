/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The lines that vtd_caches.h promises: hits, fills, drops, dumps. The caller wants them.
 */
#include <stdlib.h>

#include "iommu/vtd_caches.h"

static bool
is_drop(enum trace_event event)
{
    return event == TE_CONTEXT_DROP || event == TE_PASID_DROP || event == TE_IOTLB_DROP ||
           event == TE_TABLE_DROP;
}

static const char *
type_of_context(const struct vtd_cached *e)
{
    if (e->fault != VTD_FAULT_NONE) {
        return "absent";
    }
    if (e->level == 1) {
        return "scalable";
    }
    return vtd_ctx_tt(e->lo) == VTD_TT_PASS ? "passthrough" : "translate";
}

static const char *
type_of_pasid(const struct vtd_cached *e)
{
    static const char *const types[] = { [VTD_PGTT_FIRST] = "first",
                                         [VTD_PGTT_SECOND] = "second",
                                         [VTD_PGTT_NESTED] = "nested",
                                         [VTD_PGTT_PASS] = "passthrough" };

    return e->fault != VTD_FAULT_NONE ? "absent" : types[e->lo >> 6 & 7];
}

static void
fields_of_pasid_tag(struct trace_rec *r, const struct vtd_cached *e)
{
    trace_u64(r, TF_SID, e->tag & 0xffff);
    trace_u64(r, TF_DID, e->did);
    trace_u64(r, TF_PASID, e->tag >> 16);
}

/* What stands in the key of the IOTLB and the paging-structure caches. */
static void
fields_of_key(struct trace_rec *r, const struct vtd_cached *e)
{
    trace_u64(r, TF_DID, e->did);
    if ((e->key & VTD_KEY_FIRST) != 0) {
        trace_u64(r, TF_PASID, e->key >> 16 & VTD_BITS(19, 0));
    }
    trace_u64(r, TF_IOVA, e->tag);
    trace_u64(r, TF_SIZE, UINT64_C(1) << vtd_ss_span_lg2(e->level));
}

/* Drops of one entry say why; there is one reason: no room. */
static void
emit(const struct vtd *v, struct trace_rec *r, enum trace_event event)
{
    if (is_drop(event)) {
        trace_text(r, TF_CAUSE, "evict");
    }
    trace_emit(v->base.env->trace, r);
}

void
vtd_trace_context(const struct vtd *v, enum trace_event event, const struct vtd_cached *e)
{
    struct trace_rec r;

    vtd_trace_begin(v, &r, event);
    trace_u64(&r, TF_SID, e->tag);
    trace_u64(&r, TF_DID, e->did);
    if (!is_drop(event)) {
        trace_text(&r, TF_TYPE, type_of_context(e));
    }
    if (event == TE_CONTEXT_FILL) {
        trace_u64(&r, TF_LO, e->lo);
        trace_u64(&r, TF_HI, e->hi);
    }
    emit(v, &r, event);
}

void
vtd_trace_pasid(const struct vtd *v, enum trace_event event, const struct vtd_cached *e)
{
    struct trace_rec r;

    vtd_trace_begin(v, &r, event);
    fields_of_pasid_tag(&r, e);
    if (!is_drop(event)) {
        trace_text(&r, TF_TYPE, type_of_pasid(e));
    }
    emit(v, &r, event);
}

/* Begin a line about an entry of an IOTLB. Hits and fills have a sid, drops a cause. */
static void
begin_keyed(const struct vtd *v, struct trace_rec *r, enum trace_event event,
            uint16_t sid, const struct vtd_cached *e)
{
    vtd_trace_begin(v, r, event);
    if (!is_drop(event)) {
        trace_u64(r, TF_SID, sid);
    }
    fields_of_key(r, e);
}

void
vtd_trace_page(const struct vtd *v, enum trace_event event, uint16_t sid,
               const struct vtd_cached *e)
{
    struct trace_rec r;

    begin_keyed(v, &r, event, sid, e);
    trace_u64(&r, TF_GPA, e->lo);
    trace_u64(&r, TF_PERM, e->perm);
    emit(v, &r, event);
}

void
vtd_trace_table(const struct vtd *v, enum trace_event event, uint16_t sid,
                const struct vtd_cached *e)
{
    struct trace_rec r;

    begin_keyed(v, &r, event, sid, e);
    trace_u64(&r, TF_LEVEL, e->level);
    trace_u64(&r, TF_TABLE, e->lo);
    emit(v, &r, event);
}

void
vtd_trace_drops(const struct vtd *v, enum trace_event event, uint32_t count)
{
    struct trace_rec r;

    vtd_trace_begin(v, &r, event);
    trace_text(&r, TF_CAUSE, "invalidate");
    trace_u64(&r, TF_COUNT, count);
    trace_emit(v->base.env->trace, &r);
}

/* ---- dump ---- */

static void
dump(const struct vtd *v, const struct vtd_cache *cache,
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
dumped_context(struct trace_rec *r, const struct vtd_cached *e)
{
    trace_text(r, TF_KIND, "context");
    trace_u64(r, TF_SID, e->tag);
    trace_u64(r, TF_DID, e->did);
    trace_text(r, TF_TYPE, type_of_context(e));
}

static void
dumped_pasid(struct trace_rec *r, const struct vtd_cached *e)
{
    trace_text(r, TF_KIND, "pasid");
    fields_of_pasid_tag(r, e);
    trace_text(r, TF_TYPE, type_of_pasid(e));
}

static void
dumped_page(struct trace_rec *r, const struct vtd_cached *e)
{
    trace_text(r, TF_KIND, "iotlb");
    if ((e->key & VTD_KEY_BY_SOURCE) != 0) {
        trace_u64(r, TF_SID, e->key & 0xffff);
    }
    fields_of_key(r, e);
    if (e->fault == VTD_FAULT_NONE) {
        trace_u64(r, TF_GPA, e->lo);
    }
    trace_u64(r, TF_PERM, e->perm);
}

static void
dumped_table(struct trace_rec *r, const struct vtd_cached *e)
{
    trace_text(r, TF_KIND, (e->key & VTD_KEY_FIRST) != 0 ? "first-table" : "table");
    fields_of_key(r, e);
    trace_u64(r, TF_GPA, e->lo);
    trace_u64(r, TF_PERM, e->perm);
}

void
vtd_caches_dump(const struct vtd *v)
{
    dump(v, &v->contexts, dumped_context);
    dump(v, &v->pasids, dumped_pasid);
    dump(v, &v->iotlb, dumped_page);
    for (unsigned first = 0; first < 2; first++) {
        for (unsigned i = 0; i < VTD_TABLE_CACHES; i++) {
            dump(v, &v->tables[first][i], dumped_table);
        }
    }
}
