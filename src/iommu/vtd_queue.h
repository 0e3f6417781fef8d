/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Queued invalidation: a ring of 128-bit descriptors from IQH to IQT, executed in
 * order. With latencies of zero everything happens inside the register write that
 * starts it; otherwise each descriptor is fetched, executed and retired by events,
 * and what notifications cost delays the next one.
 *
 * On an error the head stays at the descriptor, FSTS.IQE is set, and nothing moves
 * until software has cleared that and written the tail again.
 */
#ifndef IOMMUSIM_IOMMU_VTD_QUEUE_H
#define IOMMUSIM_IOMMU_VTD_QUEUE_H

#include <stdbool.h>

#include "iommu/vtd.h"

/* Software wrote IQT, or the queue was switched on: run if there is work. */
void vtd_queue_kick(struct vtd *v);

/* Whether QIE may be cleared: the queue is empty and ended with a wait. */
bool vtd_queue_may_stop(const struct vtd *v);

#endif
