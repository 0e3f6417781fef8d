/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Inside guest/: root and context entries, and bringing a unit up.
 *
 * A reset leaves a unit off; the driver sets it up again, by the whole boot
 * sequence over the old tables, when a step first needs it.
 */
#ifndef IOMMUSIM_GUEST_INTEL_CONTEXT_H
#define IOMMUSIM_GUEST_INTEL_CONTEXT_H

struct op;
struct phase;

/* Go on with `then` on op->vtd.unit set up (manual: as it is), else end, failed. */
struct phase intel_need_unit(struct op *op, struct phase (*then)(struct op *op));

#endif
