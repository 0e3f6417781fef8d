/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A tagged cache of fixed or unlimited capacity: each of the caches of VT-d.
 *
 * An entry is found by (key, level, tag) and belongs to a DID, whose entries can be
 * dropped together. What the fields mean is the user's: see vtd_caches.h. An entry with
 * `fault` set says that there is nothing (caching mode).
 *
 * Lookups, insertions and single removals take constant time, removals of many take
 * time in proportion to what they remove.
 */
#ifndef IOMMUSIM_IOMMU_VTD_CACHE_H
#define IOMMUSIM_IOMMU_VTD_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "iommu/iommu.h"
#include "iommu/vtd_fmt.h"

enum {
    VTD_CACHE_LEVELS = 6, /* levels 0 to 5 */
};

struct vtd_cached {
    uint64_t tag, lo, hi, key;
    uint16_t did; /* to which it belongs */
    uint8_t level;
    uint8_t perm;  /* enum perm */
    uint8_t fault; /* enum vtd_fault */
    uint8_t flags; /* the user's */
    /* Slots; VTD_CACHE_END ends a list. */
    uint32_t chain;        /* same hash bucket */
    uint32_t older, newer; /* by age of insertion, or of use with lru */
    uint32_t did_prev, did_next;
};

struct vtd_cache {
    struct iommu_cache_config cfg;
    struct sim_stream *stream; /* random replacement; borrowed */
    struct budget *budget;     /* borrowed */
    struct vtd_cached *slots;
    uint32_t *buckets;
    uint32_t size;  /* slots and buckets allocated; a power of two, 0 at first */
    uint32_t used;  /* slots ever used */
    uint32_t spare; /* list of emptied ones, by chain */
    uint32_t oldest, newest;
    uint32_t live[VTD_CACHE_LEVELS], count;
    struct vtd_cache_did {
        uint32_t head, count;
        uint32_t foreign; /* those with a key other than the DID */
    } * dids;             /* by DID */
    uint32_t n_dids;
};

/* The stream may be NULL unless replacement is random. */
void vtd_cache_init(struct vtd_cache *c, const struct iommu_cache_config *cfg,
                    struct sim_stream *stream, struct budget *budget);
void vtd_cache_fini(struct vtd_cache *c);

static inline uint32_t
vtd_cache_count(const struct vtd_cache *c)
{
    return c->count;
}

/* Marks the entry as used. Valid until the next insertion or removal; NULL: none. */
const struct vtd_cached *vtd_cache_find(struct vtd_cache *c, uint64_t key, unsigned level,
                                        uint64_t tag);

/*
 * Put a copy of e in, by its key, level and tag, in place of one that is there; the
 * list fields are ignored. When the cache is full another one is replaced: then
 * *evicted is that and the result true.
 */
bool vtd_cache_put(struct vtd_cache *c, const struct vtd_cached *e,
                   struct vtd_cached *evicted);

/* Removals; each returns how many there were. */
uint32_t vtd_cache_drop_all(struct vtd_cache *c);
uint32_t vtd_cache_drop_did(struct vtd_cache *c, uint16_t did);
uint32_t vtd_cache_drop(struct vtd_cache *c, uint64_t key, unsigned level, uint64_t tag);
/* Those of did, all found by the key `did`, whose span overlaps [first, last]. */
uint32_t vtd_cache_drop_pages(struct vtd_cache *c, uint16_t did, uint64_t first,
                              uint64_t last);
/* Those of did for which fn says so; looks at each of them. */
typedef bool vtd_cache_fn(const struct vtd_cached *e, const void *arg);
uint32_t vtd_cache_drop_if(struct vtd_cache *c, uint16_t did, vtd_cache_fn *fn,
                           const void *arg);

/* Whether entries of did are found by other keys than `did`. */
static inline bool
vtd_cache_has_foreign(const struct vtd_cache *c, uint16_t did)
{
    return did < c->n_dids && c->dids[did].foreign != 0;
}

/* What an entry of the IOTLB or of a paging-structure cache stands for, inclusive. */
static inline uint64_t
vtd_cached_last(const struct vtd_cached *e)
{
    return e->tag + ((UINT64_C(1) << vtd_ss_span_lg2(e->level)) - 1);
}

/*
 * Everything in it, ordered by (key, tag, level), as an array of n pointers that
 * the caller frees. Valid until the next insertion or removal.
 */
const struct vtd_cached **vtd_cache_list(const struct vtd_cache *c, size_t *n);

#endif
