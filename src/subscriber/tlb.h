/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The translations that a cache below the IOMMU has learnt: entries of any size, as
 * many as its capacity, dropped in order of insertion when it is full.
 *
 * Nothing keeps entries from overlapping. A look-up gets, of the entries that cover
 * the address, the one with the lowest start (the elder of equals), as an interval
 * tree would find it. An invalidation takes every entry that it touches, whole.
 */
#ifndef IOMMUSIM_SUBSCRIBER_TLB_H
#define IOMMUSIM_SUBSCRIBER_TLB_H

#include <stdbool.h>
#include <stdint.h>

#include "subscriber/subscriber.h"

struct tlb_entry;

struct tlb {
    struct subscriber *s;      /* whose it is: for the trace and the budget */
    struct rangemap owner;     /* page -> index of entry << PAGE_LG2 */
    struct tlb_entry *entries; /* entries[0].newer is the oldest, .older the newest */
    uint32_t allocated;        /* entries[] has room for this many */
    uint32_t used;             /* highest index ever used + 1 */
    uint32_t free;             /* first free one below `used`, linked by newer */
    uint64_t live, capacity;
    uint64_t inserted;
    bool tangled; /* some live entries may overlap */
};

/* capacity > 0; UINT64_MAX: no limit. */
void tlb_init(struct tlb *t, struct subscriber *s, uint64_t capacity);
void tlb_fini(struct tlb *t);

/*
 * Learn `kept`, where the answer was `answer`: an `evict` line if another entry has to
 * go, a `fill` line, and word to the observer.
 */
void tlb_fill(struct tlb *t, const struct range_piece *answer,
              const struct range_piece *kept);
void tlb_invalidate(struct tlb *t, uint64_t first, uint64_t last);

/* As the subscriber operations of these names. */
bool tlb_lookup(const struct tlb *t, uint64_t addr, struct range_piece *out);
bool tlb_next(const struct tlb *t, uint64_t from, struct range_piece *out);

#endif
