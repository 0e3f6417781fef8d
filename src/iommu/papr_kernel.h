/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The hypercalls of a table that the host's kernel holds. What the kernel serves is
 * written past the notifiers: nobody is told, and only hosts whose tables it holds as
 * well stay in step. What it cannot serve it hands to the
 * monitor, which goes by its own rules and does announce; so subscribers hear of a part
 * of the traffic only.
 * Source: Linux arch/powerpc/kvm/book3s_64_vio.c; reference on PAPR TCE, sections 4.1
 * and 10.
 */
#ifndef IOMMUSIM_IOMMU_PAPR_KERNEL_H
#define IOMMUSIM_IOMMU_PAPR_KERNEL_H

#include "iommu/iommu.h"
#include "iommu/papr_table.h"

/*
 * Serve h on a table that is in the kernel: true, with h->ret set. False, and nothing
 * is done: it is the monitor's.
 */
bool papr_kernel_hcall(struct papr_table *t, const struct mem *ram, struct hcall *h);

#endif
