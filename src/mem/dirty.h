/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The dirty log of a migration: the pages of guest RAM that have to be sent again. It is
 * filled by whoever writes in the guest's name, or knows that a device did; what devices
 * really wrote is kept beside it, so that one can see what the log lacks.
 */
#ifndef IOMMUSIM_MEM_DIRTY_H
#define IOMMUSIM_MEM_DIRTY_H

#include <stdbool.h>
#include <stdint.h>

#include "util/rangemap.h"

/* All zero bytes: no migration, now or before. */
struct dirty {
    bool on;                      /* a migration is running */
    bool failed;                  /* and cannot succeed any more */
    struct rangemap log, written; /* guest-physical pages; kept when it is over */
};

/* A migration begins, with nothing dirty. */
void dirty_start(struct dirty *d, struct budget *budget);
void dirty_fini(struct dirty *d);

/* The pages of guest RAM [first, last] are dirty; a device has written there. */
void dirty_mark(struct dirty *d, uint64_t first, uint64_t last);
void dirty_written(struct dirty *d, uint64_t first, uint64_t last);

/* The first run of dirty pages that ends at or after `from`; false: there is none. */
bool dirty_next(const struct dirty *d, uint64_t from, uint64_t *first, uint64_t *last);

/* Pages in the log; pages that were written and are not in it. */
uint64_t dirty_pages(const struct dirty *d);
uint64_t dirty_missed(const struct dirty *d);

/* Add the pages of [first, last] to a CONSTANT map that is a set of pages. */
void page_set_add(struct rangemap *set, uint64_t first, uint64_t last);

#endif
