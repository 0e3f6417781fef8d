/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which invalidations a change asks for, as a list of requests that are submitted one
 * after the other, each complete before the next.
 *
 * The order is always: context cache, PASID cache, IOTLB, device TLB. What a domain's
 * translations are cached under: a second stage by the domain's id (and the ids of the
 * domains nested in it), a first stage by its id and each PASID that it is attached to.
 * Source: Linux drivers/iommu/intel/cache.c and pasid.c.
 */
#ifndef IOMMUSIM_GUEST_INTEL_INVALIDATE_H
#define IOMMUSIM_GUEST_INTEL_INVALIDATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest/intel_queue.h"

struct op;
struct phase;
struct intel_domain;

struct intel_plan {
    struct intel_request *list; /* n of them; the first `at` are done */
    size_t n, capacity, at;
    struct phase (*then)(struct op *op);
};
void intel_plan_begin(struct op *op);
void intel_plan_add(struct op *op, struct intel_request r);
/* Submit all, then go on with `then`. */
struct phase intel_plan_run(struct op *op, struct phase (*then)(struct op *op));

/*
 * [first, last] of what d translates: the smallest aligned block of 2^k pages that
 * covers it, or all of the domain if the unit takes no such block. ih: only leaves have
 * changed.
 */
void intel_plan_range(struct op *op, const struct intel_domain *d, uint64_t first,
                      uint64_t last, bool ih);
/* The same where nothing was present before: device TLBs hold nothing of it. */
void intel_plan_new_range(struct op *op, const struct intel_domain *d, uint64_t first,
                          uint64_t last);
/* All that d translates. */
void intel_plan_domain(struct op *op, const struct intel_domain *d);
/* All that the unit has cached in its IOTLB, and device TLBs for d (may be NULL). */
void intel_plan_global(struct op *op, const struct intel_domain *d);
/* What an entry said that is gone, or that has just become present. */
struct intel_binding {
    uint16_t did;
    bool by_pasid; /* gone, scalable: what it led to is cached under the PASID */
};
/* Of op->vtd.device and op->vtd.pasid: cleared, or (caching mode) present from now on. */
void intel_plan_unbind(struct op *op, struct intel_binding was);
void intel_plan_bind(struct op *op, struct intel_binding is);
/* The context entry of op->vtd.device has changed, and stays present. */
void intel_plan_context(struct op *op);

/* The device has a TLB of its own that the unit may fill. */
bool intel_has_device_tlb(const struct op *op, uint32_t device);

#endif
