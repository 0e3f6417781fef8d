/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a VT-d unit caches. Each lookup that finds something, each fill and each drop is
 * a line in the trace (-v).
 *
 *   context  tag: source id; level: 0 legacy, 1 scalable; lo, hi: the entry's words.
 *            DID of the entry, 0 if scalable or absent
 *   pasid    tag: source id in 15:0, PASID above; lo, hi: first and third word
 *   iotlb    tag: address of the page; level: of the leaf; lo: target. Found by DID;
 *            what a first stage had part in by DID and PASID (VTD_KEY_ bits)
 *   second, first
 *            paging-structure caches, one for each non-leaf level. tag: address that the
 *            non-leaf entry serves; level: of that entry; lo: the table it leads to
 *
 * An entry is used until something drops it, whatever became of the tables: that is
 * how a guest's missing invalidation shows. In caching mode absent entries and pages
 * of the second stage are cached too, but none of a first stage.
 */
#ifndef IOMMUSIM_IOMMU_VTD_CACHES_H
#define IOMMUSIM_IOMMU_VTD_CACHES_H

#include <stdbool.h>
#include <stdint.h>

#include "iommu/vtd_walk.h"

/* The configuration of v says how large they are. */
void vtd_caches_init(struct vtd *v);
void vtd_caches_fini(struct vtd *v);

/*
 * How to translate q: context and PASID entry, cached or read; what may be cached is.
 * The request itself is checked against them. The unit has a usable root table.
 */
void vtd_caches_resolve(struct vtd *v, const struct iommu_request *q,
                        struct vtd_context *c);

/* ---- pages ---- */

/* Keys of the IOTLB. The low 16 bits are a DID or, BY_SOURCE, a source id. */
#define VTD_KEY_PASID(p)   ((uint64_t)(p) << 16)
#define VTD_KEY_FIRST      VTD_BIT(40) /* a first stage had part in it */
#define VTD_KEY_PRIVILEGED VTD_BIT(41) /* for supervisor requests, not for users */
#define VTD_KEY_BY_SOURCE  VTD_BIT(42)

/* vtd_cached.flags of the IOTLB: first-stage leaf whose D is clear. */
enum {
    VTD_CACHED_CLEAN = 1 << 0,
};

/* The page that holds iova, or a hole; NULL: not cached. Valid until the next fill. */
const struct vtd_cached *vtd_caches_page(struct vtd *v, uint16_t sid, uint64_t key,
                                         uint64_t iova);
void vtd_caches_put_page(struct vtd *v, uint16_t sid, const struct vtd_cached *e);
/* Whether pages and entries that are absent are cached. */
bool vtd_caches_holes(const struct vtd *v);

/* ---- tables ---- */

/* The deepest table known on the way of iova, else `top`. */
struct vtd_table vtd_caches_table(struct vtd *v, const struct vtd_context *c, bool first,
                                  uint16_t sid, uint64_t iova, struct vtd_table top);
/* A walk of iova went this way. */
void vtd_caches_put_path(struct vtd *v, const struct vtd_context *c, bool first,
                         uint16_t sid, uint64_t iova, const struct vtd_path *path);

/* ---- dropping ---- */

/* An invalidation takes effect here: drop what it names. */
void vtd_caches_invalidate(struct vtd *v, const struct invalidation *inv);

/* Translation was switched on or off, or the unit reset: drop everything, silently. */
void vtd_caches_drop_all(struct vtd *v);

/* Trace a `cached` line for each entry. */
void vtd_caches_dump(const struct vtd *v);

/* ---- lines of the trace, for vtd_caches.c and vtd_drop.c ---- */

void vtd_trace_context(const struct vtd *v, enum trace_event event,
                       const struct vtd_cached *e);
void vtd_trace_pasid(const struct vtd *v, enum trace_event event,
                     const struct vtd_cached *e);
void vtd_trace_page(const struct vtd *v, enum trace_event event, uint16_t sid,
                    const struct vtd_cached *e);
void vtd_trace_table(const struct vtd *v, enum trace_event event, uint16_t sid,
                     const struct vtd_cached *e);
void vtd_trace_drops(const struct vtd *v, enum trace_event event, uint32_t count);

static inline void
vtd_line_context(const struct vtd *v, enum trace_event event, const struct vtd_cached *e)
{
    if (vtd_wants(v, event)) {
        vtd_trace_context(v, event, e);
    }
}

static inline void
vtd_line_pasid(const struct vtd *v, enum trace_event event, const struct vtd_cached *e)
{
    if (vtd_wants(v, event)) {
        vtd_trace_pasid(v, event, e);
    }
}

static inline void
vtd_line_page(const struct vtd *v, enum trace_event event, uint16_t sid,
              const struct vtd_cached *e)
{
    if (vtd_wants(v, event)) {
        vtd_trace_page(v, event, sid, e);
    }
}

static inline void
vtd_line_table(const struct vtd *v, enum trace_event event, uint16_t sid,
               const struct vtd_cached *e)
{
    if (vtd_wants(v, event)) {
        vtd_trace_table(v, event, sid, e);
    }
}

static inline void
vtd_line_drops(const struct vtd *v, enum trace_event event, uint32_t count)
{
    if (count > 0 && vtd_wants(v, event)) {
        vtd_trace_drops(v, event, count);
    }
}

#endif
