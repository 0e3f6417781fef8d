/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The checker's own walkers: what a guest's tables say at an address, read from
 * bytes, slow and plain. They share bit layouts with the models and nothing else.
 *
 * A piece with PERM_NONE is a hole: nothing there may be accessed, for whatever
 * reason (absent, reserved bits set, table unreadable, output forbidden).
 */
#ifndef IOMMUSIM_CHECK_WALK_H
#define IOMMUSIM_CHECK_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "iommu/iommu.h"
#include "iommu/vtd_fmt.h"
#include "mem/mem.h"
#include "util/rangemap.h"

/* A second-stage table, or the part of one below an entry. */
struct walk_table {
    const struct mem *mem;
    uint64_t page;  /* guest-physical, of the table to start at */
    unsigned level; /* of its entries */
    uint64_t base;  /* IOVA that its entry 0 stands for */
    enum perm perm; /* what the entries above it allow */
    struct vtd_ss_masks reserved;
};

/*
 * What the table says at `iova`, which lies in its span. A mapping is given
 * whole; a hole from `iova` (or a little before) up to some address that is
 * empty too, found at a cost that does not look past `limit`.
 */
void walk_table_at(const struct walk_table *t, uint64_t iova, uint64_t limit,
                   struct range_piece *out);

/* The last address that the table's entries stand for. */
uint64_t walk_table_last(const struct walk_table *t);

/* How one second-stage entry reads. */
enum walk_entry { WALK_HOLE, WALK_LEAF, WALK_TABLE };
enum walk_entry walk_classify(const struct walk_table *t, unsigned level, uint64_t entry);

/*
 * The piece that a leaf or hole entry of `level` at `iova` (start of its span)
 * makes, given the permission of the path above it.
 */
void walk_leaf_piece(const struct walk_table *t, unsigned level, uint64_t iova,
                     enum perm path, uint64_t entry, struct range_piece *out);

/* What a TCE window says at `ioba`, which lies in the window. As walk_table_at. */
void walk_window_at(const struct iommu_window *w, uint64_t ioba, uint64_t limit,
                    struct range_piece *out);

/* The piece of raw entry `index`. */
void walk_tce_piece(const struct iommu_window *w, uint64_t index, uint64_t tce,
                    struct range_piece *out);

/* The last bus address of a window that is switched on. */
uint64_t walk_window_last(const struct iommu_window *w);

/* How a device's root and context entries read. */
enum walk_context { WALK_BLOCKED, WALK_IDENTITY, WALK_TRANSLATED };
struct walk_device {
    enum walk_context state;
    uint16_t did;
    uint64_t table; /* WALK_TRANSLATED: top second-stage table */
    unsigned levels;
    uint64_t root_entry, context_entry; /* guest-physical; context 0 if unreachable */
    struct vtd_pair root, context;      /* their bytes as read; zero if unread */
};
void walk_device(const struct mem *mem, const struct iommu_roots *roots, uint16_t sid,
                 struct walk_device *out);

#endif
