/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One address through the stages of a context, with the paging-structure caches.
 *
 * First-stage tables are those of x86 paging. At each level: entry readable, present,
 * user, write, reserved bits; then A (and EA) is set in the entry, and D in the leaf of
 * a write, by a store to guest memory. Nested, each table address and the result go
 * through the second stage, and a table can be written only if that allows it.
 */
#ifndef IOMMUSIM_IOMMU_VTD_STAGE_H
#define IOMMUSIM_IOMMU_VTD_STAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "iommu/vtd_walk.h"

/*
 * A page from first to last stage for one kind of access, PERM_R or PERM_W. c is sound
 * and translates. On a fault out->perm is PERM_NONE if no access of any kind would have
 * got further. *clean: a first stage whose leaf's D is clear: a write must come here
 * again. Codes are those of the mode of c.
 */
enum vtd_fault vtd_stage_walk(struct vtd *v, const struct vtd_context *c, uint16_t sid,
                              uint64_t iova, enum perm access, struct vtd_page *out,
                              bool *clean);

#endif
