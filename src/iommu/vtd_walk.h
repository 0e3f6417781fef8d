/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading second-stage tables as the hardware does: one address, and everything that
 * a range holds.
 *
 * At each level: entry readable, permission, reserved bits; a leaf must not lead into
 * the interrupt range. Faults have the codes of legacy mode; vtd_translate.c makes
 * those of scalable mode of them.
 */
#ifndef IOMMUSIM_IOMMU_VTD_WALK_H
#define IOMMUSIM_IOMMU_VTD_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "iommu/vtd_context.h"

enum {
    VTD_MAX_LEVELS = 5,
};

/* A leaf, or what stands in its place. */
struct vtd_page {
    uint64_t first, last; /* input addresses of all of it */
    uint64_t target;      /* at first */
    unsigned level;
    enum perm perm; /* of all levels together; PERM_NONE: nothing here for anybody */
};

/* The page that an entry of `level` at `iova` stands for. */
static inline struct vtd_page
vtd_page_at(uint64_t iova, unsigned level, uint64_t target, enum perm perm)
{
    const unsigned lg2 = vtd_ss_span_lg2(level);
    const uint64_t first = align_down(iova, lg2);

    return (struct vtd_page){
        .first = first,
        .last = first + ((UINT64_C(1) << lg2) - 1),
        .target = target,
        .level = level,
        .perm = perm,
    };
}

/* A table on the way down, and what the entries above it allow. */
struct vtd_table {
    uint64_t page;
    unsigned level; /* of its entries */
    enum perm perm;
    bool user;   /* first stage: user requests too */
    bool locked; /* first stage: the second lets nobody write to this table */
};

/* The tables of one walk below the one it began at, by the level of their entries. */
struct vtd_path {
    struct vtd_table at[VTD_MAX_LEVELS]; /* [lowest] to [from - 1] */
    unsigned from, lowest;
};

/* Where a walk begins that remembers nothing. */
static inline struct vtd_table
vtd_top_table(const struct vtd_context *c)
{
    return (
        struct vtd_table){ .page = c->ss_table, .level = c->ss_levels, .perm = PERM_RW };
}

/*
 * One address below the width, one kind of access (PERM_R or PERM_W), through the
 * second stage of a sound c, beginning at `from`. On a fault `out` says where the walk
 * ended, with PERM_NONE if no access of any kind would have got further. `sid` is for
 * the trace.
 */
enum vtd_fault vtd_walk(const struct vtd *v, const struct vtd_context *c,
                        struct vtd_table from, uint16_t sid, uint64_t iova,
                        enum perm access, struct vtd_path *path, struct vtd_page *out);

/*
 * What the tables hold at iova, whoever asks: false if nothing. Caches play no part.
 * For those who replay a space page by page.
 */
bool vtd_lookup(const struct vtd *v, const struct vtd_context *c, uint16_t sid,
                uint64_t iova, struct vtd_page *out);

/* An entry of any table; false if there is no memory. */
bool vtd_read_entry(const struct vtd *v, uint64_t addr, uint64_t *entry);

/* A `walk` line; first: of a first-stage table. */
void vtd_trace_walk(const struct vtd *v, const struct vtd_context *c, uint16_t sid,
                    uint64_t iova, unsigned level, uint64_t addr, uint64_t entry,
                    bool first);

/*
 * Everything in [first, last], in ascending order: each leaf of the second stage that
 * translates, and the runs of entries between them that do not. Both are told whole,
 * even where they stick out of the range. Costs as much as the range holds, not as it
 * spans. Where c has a first stage alone there is nothing: what that holds cannot be
 * announced, since software need not invalidate what it adds.
 */
struct vtd_visitor {
    void (*page)(struct vtd_visitor *self, const struct vtd_page *p);
    /* Entries of `level` that lead nowhere; [first, last] are whole spans of them. */
    void (*hole)(struct vtd_visitor *self, unsigned level, uint64_t first, uint64_t last);
    /*
     * NULL: they are holes. One entry with reserved bits set, present or not, or the
     * entries of a table that cannot be read.
     */
    void (*bad)(struct vtd_visitor *self, unsigned level, uint64_t first, uint64_t last);
    bool interrupt_pages; /* leaves over the interrupt range are pages like any other */
};
void vtd_visit(const struct vtd *v, const struct vtd_context *c, uint64_t first,
               uint64_t last, struct vtd_visitor *visitor);

#endif
