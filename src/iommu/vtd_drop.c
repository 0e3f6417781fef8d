/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an invalidation drops from the caches of vtd_caches.h. Over-invalidation is
 * lawful and used where the reference leaves the choice; never less than it asks for.
 */
#include "iommu/vtd_caches.h"
#include "iommu/vtd_late.h"

/* ---- IOTLB ---- */

static bool
of_first_stage(const struct vtd_cached *e, const void *arg)
{
    (void)arg;
    return (e->key & VTD_KEY_FIRST) != 0;
}

static bool
overlaps(const struct vtd_cached *e, const struct invalidation *inv)
{
    return ranges_overlap(e->tag, vtd_cached_last(e), inv->first, inv->last);
}

/* Software that changes a second stage cannot know which nested pages went through it. */
static bool
of_pages(const struct vtd_cached *e, const void *arg)
{
    return (e->key & VTD_KEY_FIRST) != 0 || overlaps(e, arg);
}

/* Frame numbers compared in eight bits, less those that the address mask leaves out. */
static bool
of_low_frame_bits(const struct vtd_cached *e, const void *arg)
{
    const struct invalidation *inv = arg;
    const uint64_t pages = ((inv->last - inv->first) >> PAGE_LG2) + 1;
    const uint64_t differ = (e->tag ^ inv->first) >> PAGE_LG2;

    return (differ & 0xff & ~(pages - 1)) == 0 ||
           (inv->first >= e->tag && inv->first <= vtd_cached_last(e));
}

static uint32_t
drop_pages(struct vtd *v, const struct invalidation *inv)
{
    if (env_quirk(v->base.env, QUIRK_VTD_IOTLB_MASK_U8)) {
        return vtd_cache_drop_if(&v->iotlb, inv->did, of_low_frame_bits, inv);
    }
    if (vtd_cache_has_foreign(&v->iotlb, inv->did)) {
        return vtd_cache_drop_if(&v->iotlb, inv->did, of_pages, inv);
    }
    return vtd_cache_drop_pages(&v->iotlb, inv->did, inv->first, inv->last);
}

/* Every paging-structure cache of a stage. Where mirrors are all, none ever fills. */
static uint32_t
drop_tables(struct vtd *v, bool first, const struct invalidation *inv,
            uint32_t (*drop)(struct vtd_cache *, const struct invalidation *))
{
    uint32_t n = 0, left = 0;

    if (!v->tables_filled[first]) {
        return 0;
    }
    for (unsigned i = 0; i < VTD_TABLE_CACHES; i++) {
        n += drop(&v->tables[first][i], inv);
        left += vtd_cache_count(&v->tables[first][i]);
    }
    v->tables_filled[first] = left != 0;
    return n;
}

static uint32_t
drop_all(struct vtd_cache *c, const struct invalidation *inv)
{
    (void)inv;
    return vtd_cache_drop_all(c);
}

static uint32_t
drop_domain(struct vtd_cache *c, const struct invalidation *inv)
{
    return vtd_cache_drop_did(c, inv->did);
}

static uint32_t
drop_range(struct vtd_cache *c, const struct invalidation *inv)
{
    return vtd_cache_drop_pages(c, inv->did, inv->first, inv->last);
}

static void
invalidate_iotlb(struct vtd *v, const struct invalidation *inv)
{
    uint32_t pages = 0, tables = 0;

    switch (inv->scope) {
    case INVAL_DOMAIN:
        pages = vtd_cache_drop_did(&v->iotlb, inv->did);
        tables = drop_tables(v, false, inv, drop_domain);
        tables += drop_tables(v, true, inv, drop_domain);
        break;
    case INVAL_PAGE:
        pages = drop_pages(v, inv);
        /*
         * The way to a nested first-stage table ends in a leaf: the hint is not for it.
         */
        tables = drop_tables(v, true, inv, drop_domain);
        if (!inv->leaf_only) {
            tables += drop_tables(v, false, inv, drop_range);
        }
        break;
    case INVAL_GLOBAL:
    case INVAL_DEVICE:
    case INVAL_PASID:
        pages = vtd_cache_drop_all(&v->iotlb);
        tables = drop_tables(v, false, inv, drop_all);
        tables += drop_tables(v, true, inv, drop_all);
        break;
    }
    vtd_line_drops(v, TE_IOTLB_DROP, pages);
    vtd_line_drops(v, TE_TABLE_DROP, tables);
}

/* ---- IOTLB by PASID ---- */

static bool
of_pasid(const struct vtd_cached *e, const void *arg)
{
    const struct invalidation *inv = arg;

    return of_first_stage(e, NULL) && (e->key >> 16 & VTD_BITS(19, 0)) == inv->pasid &&
           (inv->scope != INVAL_PAGE || overlaps(e, inv));
}

static uint32_t
drop_pasid(struct vtd_cache *c, const struct invalidation *inv)
{
    return vtd_cache_drop_if(c, inv->did, of_pasid, inv);
}

/* The second stage and what passes through are not concerned. */
static void
invalidate_pasid_iotlb(struct vtd *v, const struct invalidation *inv)
{
    vtd_line_drops(v, TE_IOTLB_DROP, drop_pasid(&v->iotlb, inv));
    if (inv->scope != INVAL_PAGE || !inv->leaf_only) {
        vtd_line_drops(v, TE_TABLE_DROP, drop_tables(v, true, inv, drop_pasid));
    }
}

/* ---- context and PASID cache ---- */

/*
 * The source ids that differ from inv->sid in masked bits only. Scalable entries have
 * no DID to compare.
 */
static uint32_t
drop_devices(struct vtd *v, const struct invalidation *inv)
{
    const bool any_did = env_quirk(v->base.env, QUIRK_VTD_CONTEXT_ANY_DID);
    uint32_t n = 0;

    for (unsigned bits = 0; bits < 8; bits++) {
        if ((bits & ~(unsigned)inv->sid_mask) != 0) {
            continue;
        }
        uint64_t sid = (inv->sid & ~(unsigned)inv->sid_mask) | bits;
        const struct vtd_cached *e = vtd_cache_find(&v->contexts, 0, 0, sid);
        if (e != NULL && (any_did || e->did == inv->did)) {
            n += vtd_cache_drop(&v->contexts, 0, 0, sid);
        }
        n += vtd_cache_drop(&v->contexts, 0, 1, sid);
    }
    return n;
}

static bool
is_scalable(const struct vtd_cached *e, const void *arg)
{
    (void)arg;
    return e->level == 1;
}

/* Any mask. */
static bool
of_devices(const struct vtd_cached *e, const void *arg)
{
    const struct invalidation *inv = arg;

    return ((e->tag ^ inv->sid) & ~(unsigned)inv->sid_mask & VTD_BITS(15, 0)) == 0;
}

static uint32_t
drop_contexts(struct vtd *v, const struct invalidation *inv)
{
    switch (inv->scope) {
    case INVAL_DOMAIN:
        return vtd_cache_drop_did(&v->contexts, inv->did) +
               vtd_cache_drop_if(&v->contexts, 0, is_scalable, NULL);
    case INVAL_DEVICE:
        return inv->sid_mask < 8
                   ? drop_devices(v, inv)
                   : vtd_cache_drop_if(&v->contexts, inv->did, of_devices, inv);
    case INVAL_GLOBAL:
    case INVAL_PAGE:
    case INVAL_PASID:
        break;
    }
    return vtd_cache_drop_all(&v->contexts);
}

static bool
has_pasid(const struct vtd_cached *e, const void *arg)
{
    return e->tag >> 16 == ((const struct invalidation *)arg)->pasid;
}

/* Absent entries are of DID 0: one that names the PASID reaches them too. */
static uint32_t
drop_pasids(struct vtd *v, const struct invalidation *inv)
{
    switch (inv->scope) {
    case INVAL_DOMAIN:
        return vtd_cache_drop_did(&v->pasids, inv->did);
    case INVAL_PASID:
        return vtd_cache_drop_if(&v->pasids, inv->did, has_pasid, inv) +
               vtd_cache_drop_if(&v->pasids, 0, has_pasid, inv);
    case INVAL_GLOBAL:
    case INVAL_PAGE:
    case INVAL_DEVICE:
        break;
    }
    return vtd_cache_drop_all(&v->pasids);
}

/* ---- all ---- */

void
vtd_caches_invalidate(struct vtd *v, const struct invalidation *inv)
{
    vtd_late_invalidate(v);
    switch (inv->kind) {
    case INVAL_IOTLB:
        invalidate_iotlb(v, inv);
        break;
    case INVAL_CONTEXT:
        vtd_line_drops(v, TE_CONTEXT_DROP, drop_contexts(v, inv));
        break;
    case INVAL_PASID_CACHE:
        vtd_line_drops(v, TE_PASID_DROP, drop_pasids(v, inv));
        break;
    case INVAL_PASID_IOTLB:
        invalidate_pasid_iotlb(v, inv);
        break;
    case INVAL_DEV_IOTLB:
    case INVAL_IEC:
        break;
    }
}

void
vtd_caches_drop_all(struct vtd *v)
{
    vtd_late_invalidate(v);
    vtd_cache_drop_all(&v->contexts);
    vtd_cache_drop_all(&v->pasids);
    vtd_cache_drop_all(&v->iotlb);
    drop_tables(v, false, NULL, drop_all);
    drop_tables(v, true, NULL, drop_all);
}
