/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a VT-d unit caches: context entries and pages. Each lookup, fill and drop is
 * a line in the trace (-v).
 */
#ifndef IOMMUSIM_IOMMU_VTD_CACHES_H
#define IOMMUSIM_IOMMU_VTD_CACHES_H

#include <stdint.h>

#include "iommu/vtd_walk.h"

/* The configuration of v says how large they are. */
void vtd_caches_init(struct vtd *v);
void vtd_caches_fini(struct vtd *v);

/* The entry of sid, cached or read; what may be cached is. */
struct vtd_context vtd_caches_context(struct vtd *v, uint16_t sid);

/* The page of domain did that holds iova, or a hole; NULL: not cached. */
const struct vtd_cached *vtd_caches_page(struct vtd *v, uint16_t did, uint64_t iova);
/* sid is for the trace. */
void vtd_caches_put_page(struct vtd *v, uint16_t sid, const struct vtd_cached *e);
void vtd_caches_trace_hit(const struct vtd *v, uint16_t sid, const struct vtd_cached *e);

/* An invalidation takes effect here: drop what it names. */
void vtd_caches_invalidate(struct vtd *v, const struct invalidation *inv);

/* Translation was switched on or off, or the unit reset: drop everything, silently. */
void vtd_caches_drop_all(struct vtd *v);

/* Trace a `cached` line for each entry. */
void vtd_caches_dump(const struct vtd *v);

#endif
