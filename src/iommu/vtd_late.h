/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Walks that take time (latency `walk`): what a walk read reaches the IOTLB when it is
 * over, and not at all if anything was invalidated meanwhile, for it may be old by then.
 */
#ifndef IOMMUSIM_IOMMU_VTD_LATE_H
#define IOMMUSIM_IOMMU_VTD_LATE_H

#include <stdint.h>

#include "iommu/vtd.h"

/* A walk begins: how long it takes, which is charged. */
sim_time vtd_late_walk(struct vtd *v);
/* A walk of that length for sid, begun now, finds e. */
void vtd_late_put_page(struct vtd *v, uint16_t sid, const struct vtd_cached *e,
                       sim_time time);
/* Something is invalidated. */
static inline void
vtd_late_invalidate(struct vtd *v)
{
    v->late.invalidations++;
}
void vtd_late_fini(struct vtd *v);

#endif
