/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Queued invalidation: a ring of descriptors from IQH to IQT, executed in order. With
 * latencies of zero everything happens inside the register write that starts it;
 * otherwise each descriptor is fetched, executed and retired by events, and what
 * notifications cost delays the next one.
 *
 * On an error the head stays at the descriptor, FSTS.IQE is set, and nothing moves
 * until software has cleared that and written the tail again.
 *
 * Requests to device TLBs are sent and not waited for, up to the number that the
 * descriptor allows for the device (MIP). A wait is done when every device has
 * completed what it was sent and when accesses are over that earlier invalidations
 * drain. Until then nothing after the wait is begun, fence or not; the specification
 * lets the hardware choose. When a device times out (FSTS.ITE), the wait that is under
 * way is aborted: no status, no interrupt, and the head moves past it. Nothing more is
 * fetched until software has cleared ITE.
 */
#ifndef IOMMUSIM_IOMMU_VTD_QUEUE_H
#define IOMMUSIM_IOMMU_VTD_QUEUE_H

#include <stdbool.h>

#include "iommu/vtd.h"

/* Software did this: run if there is work. */
void vtd_queue_tail_written(struct vtd *v);
void vtd_queue_switched_on(struct vtd *v); /* QIES is set */
void vtd_queue_timeout_cleared(struct vtd *v);

/* A device completed something that the queue may be waiting for. */
void vtd_queue_resume(struct vtd *v);
/* A device did not: a wait that is under way is given up. */
void vtd_queue_abort_wait(struct vtd *v);

/* Whether QIE may be cleared: the queue is empty and ended with a wait. */
bool vtd_queue_may_stop(const struct vtd *v);

/* Nothing is under way, nothing is drained, no device owes anything. */
void vtd_queue_reset(struct vtd *v);

#endif
