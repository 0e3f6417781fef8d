/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tables of one stage as a guest kernel builds them: entries stored one by one into
 * guest RAM, table pages taken from table memory. Nothing here tells the IOMMU;
 * what remains to be done after the invalidation is left in a `struct table_work`.
 *
 * The tables are always read from memory, where raw steps may have changed them;
 * only the address of the level 1 table used last is remembered.
 * Ranges are [first, last] in whole 4 KiB pages, inside the width of the tables.
 */
#ifndef IOMMUSIM_GUEST_INTEL_TABLES_H
#define IOMMUSIM_GUEST_INTEL_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest/table_pages.h"
#include "util/addr.h"

struct intel_tables {
    struct mem *mem;           /* borrowed */
    struct table_pages *pages; /* borrowed */
    bool first_stage;          /* entries as x86's, else second-stage ones */
    unsigned levels;           /* 3 to 5 */
    unsigned superpages;       /* bit 0: 2 MiB, bit 1: 1 GiB leaves may be used */
    bool has_root;
    gpa_t root;
    uint64_t near;    /* IOVA >> 21 of near_table, UINT64_MAX: none */
    gpa_t near_table; /* a level 1 table */
};

/* One contiguous mapping that is to be written. */
struct table_run {
    uint64_t first, last, gpa;
    enum perm perm;
    unsigned page_lg2; /* as for intel_tables_map */
};

/* What a change of tables did and left to do. All zero is empty. */
struct table_work {
    uint64_t stores;           /* entries stored */
    struct page_list unlinked; /* table pages cut off, to give back after invalidation */
    struct table_run *runs;    /* to be written after invalidation, n_runs of them */
    size_t n_runs, runs_capacity;
    uint64_t first, last; /* IOVAs of the leaves taken away, wider than asked for */
};
void table_work_begin(struct table_work *w, uint64_t first, uint64_t last);
void table_work_fini(struct table_work *w);

/* The root table; made when first asked for. False: table memory is exhausted. */
bool intel_tables_root(struct intel_tables *t, gpa_t *root);

/*
 * Store leaves for [first, last] -> gpa, ascending. page_lg2 is the size to use
 * where it fits, 0 the largest that fits and the IOMMU supports. What stands there
 * is overwritten; a larger leaf in the way is replaced by a table of the same
 * translations. On exhaustion false: *done is the first address not mapped.
 */
bool intel_tables_map(struct intel_tables *t, const struct table_run *run,
                      struct table_work *w, uint64_t *done);

/* Unlink the tables that stand where intel_tables_map would store a larger leaf. */
void intel_tables_make_way(struct intel_tables *t, const struct table_run *run,
                           struct table_work *w);

/*
 * Clear [first, last]. Tables that serve nothing else are unlinked; of a larger
 * leaf that reaches out of the range, all is cleared and the rest becomes runs.
 */
void intel_tables_unmap(struct intel_tables *t, uint64_t first, uint64_t last,
                        struct table_work *w);

/* A change in place: what is not given stays as it is for each page. */
struct table_change {
    uint64_t first, last;
    bool has_gpa, has_perm;
    uint64_t gpa;
    enum perm perm;
    unsigned page_lg2; /* 0: leaves keep their sizes where they can */
};

/*
 * One store for each leaf; leaves whose size must change are cleared and become
 * runs. False, and nothing is done, if a page of the range is not mapped.
 */
bool intel_tables_change(struct intel_tables *t, const struct table_change *c,
                         struct table_work *w);

/*
 * The address of the entry of `level` for iova; tables above it are made. False:
 * table memory is exhausted.
 */
bool intel_tables_slot(struct intel_tables *t, uint64_t iova, unsigned level,
                       struct table_work *w, gpa_t *slot);

/* Give all table pages back, the root too. Nothing may use them any more. */
void intel_tables_drop(struct intel_tables *t);

/* Somebody else stored into table memory. */
static inline void
intel_tables_forget(struct intel_tables *t)
{
    t->near = UINT64_MAX;
}

#endif
