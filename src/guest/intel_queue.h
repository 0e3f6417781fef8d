/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How the guest tells a VT-d unit to invalidate: through its queue, or through the
 * registers where there is no queue or it is off.
 *
 * Submissions of different operations follow one another in order of arrival: each
 * holds the unit until its own wait is done. A submission is one request and a wait
 * that stores into a status word of its own. A unit with scalable mode has descriptors
 * of 256 bits, of which the upper half is zero.
 */
#ifndef IOMMUSIM_GUEST_INTEL_QUEUE_H
#define IOMMUSIM_GUEST_INTEL_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "iommu/vtd_reg_fmt.h"
#include "iommu/vtd_sm_fmt.h"
#include "util/addr.h"

struct op;
struct phase;
struct intel_unit;

struct intel_queue {
    bool enabled; /* use it rather than the registers */
    bool wide;    /* descriptors of 256 bits */
    gpa_t base;
    uint32_t size;     /* descriptors */
    uint32_t tail;     /* index of the next one written */
    bool has_status;   /* the page of status words exists */
    gpa_t status;      /* one 32-bit word for each of the first 1024 descriptors */
    uint64_t resets;   /* of the unit, so far */
    struct op *holder; /* whose submission is in progress */
    struct op *first_wait, *last_wait;
};

enum intel_inv {
    INTEL_INV_IOTLB,
    INTEL_INV_CONTEXT,
    /* Through the queue only: */
    INTEL_INV_PASID_CACHE,
    INTEL_INV_PASID_IOTLB,
    INTEL_INV_DEV_IOTLB,
    INTEL_INV_PASID_DEV_IOTLB,
};

struct intel_request {
    uint8_t kind; /* enum intel_inv */
    uint8_t gran; /* of its descriptor: enum vtd_gran, _pasid_gran, _pasid_iotlb_gran */
    uint8_t am;   /* IOTLBs, pages: addr is aligned to 2^am pages */
    uint8_t lg2;  /* device TLBs: addr is aligned to 2^lg2 bytes, 12 to 64 */
    bool ih;      /* IOTLBs */
    uint16_t did, sid;
    uint32_t pasid;
    uint64_t addr;
};

struct intel_submission {
    struct intel_request request;
    struct phase (*after)(struct op *op);
    struct phase (*at_idle)(struct op *op);
    uint32_t first;  /* index of its request */
    uint32_t slot;   /* of its wait */
    uint64_t resets; /* of the unit, when it was submitted */
    unsigned tries;  /* that ended in a device's silence */
    uint32_t sent;   /* qi: descriptors written so far */
    bool calling;    /* iommu_when_idle has not returned yet */
    bool idle;       /* and has already called back */
    bool keep;       /* the operation holds the unit beyond this submission */
};

/*
 * Submit a request for op->vtd.unit and go on with `after` when it is done; if the
 * unit does not do it, the operation is failed first. A reset that comes in between
 * leaves nothing to be invalidated: then it is done. A request that the unit takes for
 * an error is replaced by a wait and fails; one whose device does not answer is
 * submitted again, a few times.
 */
struct phase intel_submit(struct op *op, const struct intel_request *r,
                          struct phase (*after)(struct op *op));

/* Take the unit for several submissions, and give it back. */
struct phase intel_hold(struct op *op, struct phase (*then)(struct op *op));
void intel_release(struct op *op);

/* Set up an empty queue; the unit is held. Then `then`. */
struct phase intel_queue_start(struct op *op, struct phase (*then)(struct op *op));

/* A register write of the driver, charged to op. */
void intel_write(struct op *op, enum vtd_reg reg, unsigned width, uint64_t value);
/* GCMD with one bit set, level bits as GSTS has them; false: GSTS never showed it. */
bool intel_command(struct op *op, uint64_t bit);

/* ---- for the step `qi`: see intel_qi.c ---- */

enum { INTEL_DESC_WORDS = 4 };

/*
 * What a unit's registers say of its queue, where the driver has not set it up. width:
 * of its descriptors in bits, 0: as IQA has it.
 */
void intel_queue_probe(struct op *op, unsigned width);
/* Page of status words; false, and the operation failed: no memory. */
bool intel_queue_status(struct op *op);
/* Store the words that the queue's width has at the tail; the unit sees it by ring. */
void intel_queue_put(struct op *op, const uint64_t word[INTEL_DESC_WORDS]);
void intel_queue_ring(struct op *op);
/* A wait that stores into the status word of the slot at the tail. */
struct vtd_pair intel_queue_wait(struct op *op);
/* Go on with `then` when the unit has nothing to do. */
struct phase intel_queue_idle(struct op *op, struct phase (*then)(struct op *op));

#endif
