/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How the guest tells a VT-d unit to invalidate: through its queue, or through the
 * registers where there is no queue or it is off.
 *
 * Submissions of different operations follow one another in order of arrival: each
 * holds the unit until its own wait is done. A submission is one request and a wait
 * that stores into a status word of its own.
 */
#ifndef IOMMUSIM_GUEST_INTEL_QUEUE_H
#define IOMMUSIM_GUEST_INTEL_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "iommu/vtd_fmt.h"
#include "util/addr.h"

struct op;
struct phase;
struct intel_unit;

struct intel_queue {
    bool enabled; /* use it rather than the registers */
    gpa_t base;
    uint32_t size;     /* descriptors */
    uint32_t tail;     /* index of the next one written */
    bool has_status;   /* the page of status words exists */
    gpa_t status;      /* one 32-bit word for each of the first 1024 descriptors */
    uint64_t resets;   /* of the unit, so far */
    struct op *holder; /* whose submission is in progress */
    struct op *first_wait, *last_wait;
};

struct intel_request {
    bool context; /* else IOTLB */
    enum vtd_gran gran;
    uint16_t did, sid;
    uint64_t addr; /* pages: aligned to 2^am pages */
    unsigned am;
    bool ih;
};

struct intel_submission {
    struct intel_request request;
    struct phase (*after)(struct op *op);
    uint32_t slot;   /* of its wait */
    uint64_t resets; /* of the unit, when it was submitted */
    uint32_t sent;   /* qi: descriptors written so far */
    bool calling;    /* iommu_when_idle has not returned yet */
    bool idle;       /* and has already called back */
    bool keep;       /* the operation holds the unit beyond this submission */
};

/*
 * Submit a request for op->vtd.unit and go on with `after` when it is done; if the
 * unit does not do it, the operation is failed first. A reset that comes in between
 * leaves nothing to be invalidated: then it is done.
 */
struct phase intel_submit(struct op *op, struct intel_request r,
                          struct phase (*after)(struct op *op));

/* Take the unit for several submissions, and give it back. */
struct phase intel_hold(struct op *op, struct phase (*then)(struct op *op));
void intel_release(struct op *op);

/* Set up an empty queue; the unit is held. Then `then`. */
struct phase intel_queue_start(struct op *op, struct phase (*then)(struct op *op));

/* Register accesses of the driver, charged to op. */
uint64_t intel_read(struct op *op, enum vtd_reg reg, unsigned width);
void intel_write(struct op *op, enum vtd_reg reg, unsigned width, uint64_t value);
/* GCMD with one bit set, level bits as GSTS has them; false: GSTS never showed it. */
bool intel_command(struct op *op, uint64_t bit);

/* The request for [first, last]: the smallest block that covers it, or the domain. */
struct intel_request intel_request_pages(uint64_t cap, uint16_t did, uint64_t first,
                                         uint64_t last, bool ih);

#endif
