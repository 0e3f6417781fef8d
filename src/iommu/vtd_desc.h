/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Descriptors of the invalidation queue: which kinds there are, and what is wrong
 * with one that was fetched.
 *
 * Types that the unit's options do not offer are unknown to it. Kinds that name a
 * PASID need 256-bit descriptors. In those the upper half is reserved.
 * Source: VT-d specification, "Queued Invalidation Interface"; QEMU 7.2 as observed.
 */
#ifndef IOMMUSIM_IOMMU_VTD_DESC_H
#define IOMMUSIM_IOMMU_VTD_DESC_H

#include <stdbool.h>
#include <stdint.h>

#include "iommu/vtd.h"

struct vtd_desc_kind {
    const char *name; /* for the trace */
    enum vtd_desc_type type;
    uint64_t lo_rsvd, hi_rsvd;
    unsigned grans; /* legal values of G as a set of bits; 0: it has no G */
    unsigned needs; /* what the unit must offer for it to be known */
    bool ignored;   /* accepted, and nothing happens */
};

/* Of the type that `lo` names; NULL if the unit knows none such. */
const struct vtd_desc_kind *vtd_desc_kind(const struct vtd *v, uint64_t lo);

/*
 * What is wrong with d, whose kind is `kind` (which may be NULL); VTD_IQEI_NONE:
 * nothing. `wide` says that it is a 256-bit descriptor.
 */
enum vtd_iqei vtd_desc_check(const struct vtd *v, const struct vtd_desc_kind *kind,
                             const struct vtd_desc *d, bool wide);

#endif
