/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside guest/: everything that one guest is. */
#ifndef IOMMUSIM_GUEST_STATE_H
#define IOMMUSIM_GUEST_STATE_H

#include "guest/guest.h"
#include "guest/intel_driver.h"
#include "guest/intel_entry.h"
#include "guest/op.h"
#include "guest/pseries_ddw.h"
#include "guest/table_pages.h"

struct guest {
    struct env *env;
    const struct scenario *sc;
    struct iommu *const *iommus; /* sc->n_iommus of them */
    enum guest_driver driver;
    struct op *all_ops, *spare_ops;
    struct table_pages pages;
    struct intel_unit **units; /* one for each IOMMU; NULL where it is no VT-d */
    /* Scenario domains in file order, then each device's own, NULL until needed. */
    struct intel_domain **domains;
    struct intel_domain **attached;   /* one for each device; NULL: to none */
    struct intel_function *functions; /* one for each device */
    struct pseries_direct *direct;    /* one for each IOMMU */
    gpa_t list_page;                  /* PAPR: where lists of TCEs are written */
};

#endif
