/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Records: what a page's truth was before a change whose required invalidation
 * has not completed yet. While a record is open, its old value is allowed beside
 * the new one.
 *
 * Records are ranges. Those of one page form a chain, newest first; pages changed
 * alike in one go share one record. A set belongs to one table or one device.
 */
#ifndef IOMMUSIM_CHECK_RECORDS_H
#define IOMMUSIM_CHECK_RECORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "check/origin.h"
#include "check/reported.h"
#include "iommu/iommu.h"
#include "iommu/vtd_fmt.h"
#include "util/rangemap.h"

/* Beside the VTD_NEED_ bits: closes when the hypercall returns. */
enum {
    RECORD_NEED_HCALL = 1 << 16,
    /* No need: the device-TLB invalidation came before the others of its set. */
    RECORD_TLB_EARLY = 1 << 17,
};

struct record {
    uint64_t base;   /* first address when opened */
    uint64_t target; /* old target at base, advancing with the address */
    enum perm perm;  /* old permission; PERM_NONE: nothing was mapped */
    bool anything;   /* what it was is not known: then all is allowed */
    bool revokes;    /* something mapped was taken away, or moved, or cut */
    unsigned need;   /* VTD_NEED_ and RECORD_NEED_ bits still to come */
    uint16_t did;    /* whose invalidation is required */
    uint32_t pasid;  /* VTD_NEED_PASID_ and VTD_NEED_PIOTLB_: likewise */
    /*
     * Below two stages, for a change of the second: what the invalidation of IOTLB pages
     * must cover, instead of the page itself. input_last 0: no such thing.
     */
    uint64_t input_first, input_last;
    uint64_t seq;   /* only invalidations executed after this count */
    uint64_t drops; /* of the checker's count, when it was opened: see spans.c */
    struct origin origin;
    uint64_t refs;  /* pages and newer records that point here */
    uint32_t older; /* index; 0 = none */
};

struct recordset {
    struct rangemap map; /* CONSTANT: target >> 12 is an index into pool */
    struct record *pool; /* [0] is unused */
    uint32_t n, cap, free;
    uint32_t newest; /* the record opened last, while it may still grow */
    uint64_t newest_last;
    sim_time oldest;         /* not empty: no record was opened before */
    struct reported accused; /* pages that were never invalidated */
};

/* The book may be NULL. */
void recordset_init(struct recordset *rs, struct budget *budget,
                    struct exposure_book *book);
void recordset_fini(struct recordset *rs);

static inline bool
recordset_empty(const struct recordset *rs)
{
    return rs->map.pages == 0;
}

/* Whether some record was opened before `now`. */
static inline bool
recordset_aged(const struct recordset *rs, sim_time now)
{
    return !recordset_empty(rs) && rs->oldest < now;
}

/* Open a record over [first, last]; r gives all but refs and older. */
void recordset_open(struct recordset *rs, uint64_t first, uint64_t last,
                    const struct record *r);

/*
 * The records at the first recorded page at or after `from`: `out` spans the pages
 * that share them. Walk the chain with recordset_at; 0 ends it.
 */
bool recordset_next(const struct recordset *rs, uint64_t from, struct range_piece *out,
                    uint32_t *newest);
struct record *recordset_at(const struct recordset *rs, uint32_t index);

/*
 * Close, in [first, last], what `done` satisfies: it is asked for each record and
 * returns the needs that remain. closed() is told of each record that has none
 * left, over which pages; it must not change the set.
 */
typedef unsigned record_done_fn(void *self, const struct record *r, uint64_t first,
                                uint64_t last);
typedef void record_closed_fn(void *self, const struct record *r, uint64_t first,
                              uint64_t last);
void recordset_close(struct recordset *rs, uint64_t first, uint64_t last,
                     record_done_fn *done, record_closed_fn *closed, void *self);
void recordset_clear(struct recordset *rs);

/* What `r` says of the page at `addr`. */
static inline uint64_t
record_target(const struct record *r, uint64_t addr)
{
    return r->target + (addr - r->base);
}

/* The source id and PASID of requests that a record is about. */
struct record_requester {
    uint16_t sid;
    uint32_t pasid; /* or IOMMU_NO_PASID */
};

/*
 * Which of r's needs remain after `inv`, if it was executed as number `seq`, for pages
 * [first, last] of `who`.
 */
unsigned record_remains(const struct record *r, const struct invalidation *inv,
                        uint64_t seq, uint64_t first, uint64_t last,
                        const struct record_requester *who);

#endif
