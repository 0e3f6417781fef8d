/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DMA windows of a PAPR bridge as the platform's firmware makes and removes them,
 * for whoever plays that part: the replay of a capture. Each iommu here is one of
 * IOMMU_KIND_PAPR. A change is traced, takes effect on the bridge's address space
 * and is told to the observer before these return.
 *
 * What a window mapped is gone with it. Subscribers get an UNMAP for each entry
 * before; under quirk papr.silent-teardown they do not, the region just leaves the
 * address space.
 * Source: reference on PAPR TCE, sections 2, 5 and 8.
 */
#ifndef IOMMUSIM_IOMMU_PAPR_H
#define IOMMUSIM_IOMMU_PAPR_H

#include <stdbool.h>
#include <stdint.h>

#include "iommu/iommu.h"

/*
 * Switch window `liobn` on, empty. False, and nothing changed, if it is not a
 * window of this bridge, is switched on already, is of a VIO table, or if the
 * geometry is impossible: base unaligned, a page size outside 2^12 to 2^34, no
 * entries or 2^32 of them, a range that wraps.
 */
bool papr_window_create(struct iommu *iommu, uint64_t liobn, uint64_t base,
                        unsigned page_lg2, uint64_t entries);

/* Switch it off. False if it is not a window of this bridge, or not on. */
bool papr_window_remove(struct iommu *iommu, uint64_t liobn);

/* The default window alone is there, empty (ibm,reset-pe-dma-windows). */
void papr_window_reset(struct iommu *iommu);

#endif
