/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One request, from the switch of translation to the answer or the fault.
 *
 * What may be cached is cached as long as the specification allows: an entry is used
 * until an invalidation drops it, with caching mode also one that says that there is
 * nothing. Only a hit without the permission asked for is walked anew, since software
 * may raise a permission without invalidating.
 *
 * Translation requests (ATS) whose page is absent, or lacks the permission, are
 * answered XLATE_ABSENT: no fault. The answer to one that reads a first-stage page never
 * written to has no W, so that the device asks again before it writes (D is set then).
 */
#ifndef IOMMUSIM_IOMMU_VTD_TRANSLATE_H
#define IOMMUSIM_IOMMU_VTD_TRANSLATE_H

#include "iommu/vtd.h"

enum xlate_result vtd_translate(struct iommu *m, const struct iommu_request *q,
                                struct xlate *out);

#endif
