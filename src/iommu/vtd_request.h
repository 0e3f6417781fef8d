/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Invalidation by registers: CCMD for the context cache, IOTLB with IVA for the IOTLB.
 * The busy bit stays set until the request is complete; then the register says with
 * which granularity it was carried out, 0 if it was refused.
 */
#ifndef IOMMUSIM_IOMMU_VTD_REQUEST_H
#define IOMMUSIM_IOMMU_VTD_REQUEST_H

#include "iommu/vtd.h"

/*
 * Software set the busy bit; `request` is one VTD_REQUEST_ bit. With the queue on, or
 * while such a request is under way, it is ignored and the bit stays as written.
 */
void vtd_request_begin(struct vtd *v, unsigned request);

#endif
