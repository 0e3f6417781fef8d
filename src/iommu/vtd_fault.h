/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fault recording and the two interrupts of VT-d: fault events (FECTL) and
 * completion events of the queue (IECTL).
 *
 * Faults are recorded in a ring of fault records. While a record of a source id waits
 * for software, more faults of that source id are dropped ("compressed": the
 * specification leaves it to the hardware). A fault that finds its record occupied
 * sets the overflow bit, and nothing more is recorded until software has cleared that.
 *
 * Every fault that is raised gives a `fault` line, recorded or not; with several
 * records it says where. One that FPD suppresses is not raised. An interrupt that is
 * sent is an `interrupt` line: nothing else in the machine takes it.
 */
#ifndef IOMMUSIM_IOMMU_VTD_FAULT_H
#define IOMMUSIM_IOMMU_VTD_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "iommu/vtd.h"

/*
 * The request was refused; fpd as the entries on its way say. `walked`: by the page
 * tables, after a context was found.
 */
void vtd_fault_raise(struct vtd *v, enum vtd_fault fault, const struct iommu_request *q,
                     bool walked, bool fpd);

/* The queue stopped: sets FSTS.IQE, with the reason in IQERCD. */
void vtd_fault_queue(struct vtd *v, enum vtd_iqei why);

/* A device did not complete an invalidation in time; it completed what is not due. */
void vtd_fault_timeout(struct vtd *v, uint16_t sid);
void vtd_fault_bad_completion(struct vtd *v, uint16_t sid);

/* A wait descriptor asks for an interrupt. */
void vtd_fault_wait_interrupt(struct vtd *v);

/* Software wrote here: FSTS, FRCD or ICS bits were cleared, a mask was changed. */
void vtd_fault_status_cleared(struct vtd *v);
void vtd_fault_record_cleared(struct vtd *v);
void vtd_fault_ics_cleared(struct vtd *v);
void vtd_fault_control_written(struct vtd *v, enum vtd_reg ectl);

#endif
