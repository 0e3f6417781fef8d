/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Device-TLB invalidations on their way: a request goes to the device, which completes
 * it when it has forgotten what it should.
 *
 * A device that does not complete within the time-out has ITE set, with its source id,
 * and waits that were under way are aborted. A completion that the unit cannot match
 * sets ICE and completes nothing: that request times out later.
 */
#ifndef IOMMUSIM_IOMMU_VTD_DEVTLB_H
#define IOMMUSIM_IOMMU_VTD_DEVTLB_H

#include "iommu/vtd.h"

/* The device `sid` was told, and will answer `how` after `cost`. */
void vtd_devtlb_sent(struct vtd *v, uint16_t sid, sim_time cost, enum completion how);

/* Requests under way to one device, and to all. */
size_t vtd_devtlb_pending_of(const struct vtd *v, uint16_t sid);
size_t vtd_devtlb_pending(const struct vtd *v);

/* Forget what is under way: a reset, or the end. */
void vtd_devtlb_reset(struct vtd *v);

#endif
