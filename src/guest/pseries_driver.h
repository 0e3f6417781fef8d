/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The guest's PAPR driver: map, unmap and change as hypercalls, and the hypercalls
 * themselves. Pages are those of the window that the address is in: the default one, or
 * the one that the driver made (pseries_ddw.h).
 *
 * One page is H_PUT_TCE, more are H_PUT_TCE_INDIRECT by up to 512 through one list
 * page, unmap is H_STUFF_TCE by up to 512; with `multitce: off`, as firmware does it,
 * everything is one H_PUT_TCE a page. A call that fails ends the operation; what
 * earlier calls did stays.
 *
 * The list page is the first page taken from table memory, or, where there is none,
 * the last page of the highest RAM below 4 GiB. It is written when it is used, not
 * before.
 * Source: Linux arch/powerpc/platforms/pseries/iommu.c.
 */
#ifndef IOMMUSIM_GUEST_PSERIES_DRIVER_H
#define IOMMUSIM_GUEST_PSERIES_DRIVER_H

#include <stdint.h>

#include "iommu/iommu.h"

struct guest;
struct op;
struct phase;

struct pseries_work {
    struct hcall call;
    uint64_t liobn;
    unsigned page_lg2;
    uint64_t at;            /* next page to deal with */
    uint64_t n;             /* pages left */
    uint64_t chunk;         /* pages of the call in the making */
    uint64_t have;          /* of which are in the list */
    uint64_t tce;           /* the one entry of a chunk of one page */
    bool clears;            /* entries go to 0 */
    bool has_gpa, has_perm; /* or as the old entries have it */
    uint64_t first, gpa;    /* of the operation: bus address, and what it leads to */
    enum perm perm;
    size_t range; /* of RAM: see pseries_ddw.c */
    struct phase (*filled)(struct op *op);
    struct phase (*after)(struct op *op);
};

/*
 * Map n pages of papr.page_lg2 at bus address `first` of papr.liobn to gpa and on, rw,
 * or clear them, and go on with `then`.
 */
struct phase pseries_fill(struct op *op, uint64_t first, uint64_t n, uint64_t gpa,
                          struct phase (*then)(struct op *op));
struct phase pseries_clear(struct op *op, uint64_t first, uint64_t n,
                           struct phase (*then)(struct op *op));

void pseries_init(struct guest *g);

/* First phases. */
struct phase
pseries_map(struct op *op); /* map, unmap, change; step's device has a window */
struct phase pseries_hcall(struct op *op); /* STEP_H_x */
struct phase pseries_rtas(struct op *op);  /* STEP_RTAS */

#endif
