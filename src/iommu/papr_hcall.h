/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The hypercalls that write TCEs, by whose rules: what is checked, in which order,
 * and what remains of a call that fails in the middle.
 * Source: reference on PAPR TCE, sections 4.1 and 4.2.
 */
#ifndef IOMMUSIM_IOMMU_PAPR_HCALL_H
#define IOMMUSIM_IOMMU_PAPR_HCALL_H

#include <stdint.h>

#include "iommu/iommu.h"
#include "iommu/papr_table.h"

/*
 * Each serves h on the table that its LIOBN names, which may be switched off, and
 * returns the call's status; h->wrote, first and last say what was written.
 */
struct papr_rules {
    int64_t (*put)(struct papr_table *t, const struct mem *ram, struct hcall *h);
    int64_t (*put_indirect)(struct papr_table *t, const struct mem *ram, struct hcall *h);
    int64_t (*stuff)(struct papr_table *t, const struct mem *ram, struct hcall *h);
    /* The status of any call on a number that names no table. */
    int64_t (*unknown)(uint64_t liobn);
};

/* LoPAR: everything is validated, and lists copied, before anything is written. */
extern const struct papr_rules papr_rules_lopar;
/* QEMU: entry by entry, without a look at where they point. */
extern const struct papr_rules papr_rules_qemu;

/* For whoever serves a call: `count` entries from `index` on were written. */
void papr_hcall_wrote(const struct papr_table *t, struct hcall *h, uint64_t index,
                      uint64_t count);

/* H_GET_TCE, the same by all rules: status, and the raw entry in h->value. */
int64_t papr_hcall_get(const struct papr_table *t, struct hcall *h);

#endif
