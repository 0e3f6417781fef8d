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

/*
 * `pages` is the high word of a descriptor, or IVA: address, IH, AM; FINE only.
 * `drained` says which accesses under way must be done before it is complete: PERM_R,
 * PERM_W or both.
 */
void vtd_inval_iotlb(struct vtd *v, enum vtd_gran g, uint16_t did, uint64_t pages,
                     unsigned drained);

/*
 * sid and fm count with FINE. Only cached entries of that DID are dropped, then.
 * Returns the granularity that it was done with.
 */
enum vtd_gran vtd_inval_context(struct vtd *v, enum vtd_gran g, uint16_t did,
                                uint16_t sid, unsigned fm);

/* The words of the descriptor. The IOTLB's drains accesses of both kinds. */
void vtd_inval_pasid_cache(struct vtd *v, uint64_t lo);
void vtd_inval_pasid_iotlb(struct vtd *v, uint64_t lo, uint64_t pages);

/* One of these that is taken and not carried out: the guest has asked for it. */
void vtd_inval_ignored(struct vtd *v, enum vtd_desc_type type, uint64_t lo,
                       uint64_t pages);

/*
 * The words of the descriptor. What the devices charge and answer (notify_answer) is
 * the caller's to take.
 */
void vtd_inval_dev_iotlb(struct vtd *v, uint64_t lo, uint64_t hi);
void vtd_inval_pasid_dev_iotlb(struct vtd *v, uint64_t lo, uint64_t hi);

/* `lo` of the descriptor. There is no interrupt entry cache: nothing to do. */
void vtd_inval_iec(struct vtd *v, uint64_t lo);

#endif
