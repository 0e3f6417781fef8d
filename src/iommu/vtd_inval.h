/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an invalidation does, whether a descriptor or a register asked for it: traced,
 * caches first, then the events to subscribers, then the observer. Arguments are
 * already checked; completion is the caller's to announce.
 */
#ifndef IOMMUSIM_IOMMU_VTD_INVAL_H
#define IOMMUSIM_IOMMU_VTD_INVAL_H

#include <stdint.h>

#include "iommu/vtd.h"

/* `pages` is the high word of a descriptor, or IVA: address, IH, AM; FINE only. */
void vtd_inval_iotlb(struct vtd *v, enum vtd_gran g, uint16_t did, uint64_t pages);

/* sid and fm count with FINE. Only cached entries of that DID are dropped, then. */
void vtd_inval_context(struct vtd *v, enum vtd_gran g, uint16_t did, uint16_t sid,
                       unsigned fm);

/* `lo` of the descriptor. There is no interrupt entry cache: nothing to do. */
void vtd_inval_iec(struct vtd *v, uint64_t lo);

#endif
