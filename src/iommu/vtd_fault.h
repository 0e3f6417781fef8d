/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fault recording and the two interrupts of VT-d: fault events (FECTL) and
 * completion events of the queue (IECTL).
 *
 * There is one fault record. A second fault of the source id that occupies it is
 * dropped ("compressed"), one of another source id sets the overflow bit, and
 * nothing more is recorded until software has cleared that.
 *
 * Every fault that is raised gives a `fault` line, recorded or not. One that FPD
 * suppresses is not raised. Interrupts are not delivered anywhere, they are notes
 * in the trace (-v).
 */
#ifndef IOMMUSIM_IOMMU_VTD_FAULT_H
#define IOMMUSIM_IOMMU_VTD_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "iommu/vtd.h"

/* The request was refused; fpd as the entries on its way say. */
void vtd_fault_raise(struct vtd *v, enum vtd_fault fault, const struct iommu_request *q,
                     bool fpd);

/* The queue stopped: sets FSTS.IQE, with the reason in IQERCD. */
void vtd_fault_queue(struct vtd *v, enum vtd_iqei why);

/* A wait descriptor asks for an interrupt. */
void vtd_fault_wait_interrupt(struct vtd *v);

/* Software wrote here: FSTS, FRCD or ICS bits were cleared, a mask was changed. */
void vtd_fault_status_cleared(struct vtd *v);
void vtd_fault_record_cleared(struct vtd *v);
void vtd_fault_ics_cleared(struct vtd *v);
void vtd_fault_control_written(struct vtd *v, enum vtd_reg ectl);

#endif
