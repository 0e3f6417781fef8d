/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The checker's own walkers: what a guest's tables say at an address, read from
 * bytes, slow and plain. They share bit layouts with the models and nothing else.
 * What leads to the tables is in entries.h.
 *
 * A piece with PERM_NONE is a hole: nothing there may be accessed, for whatever
 * reason (absent, reserved bits set, table unreadable, output forbidden).
 */
#ifndef IOMMUSIM_CHECK_WALK_H
#define IOMMUSIM_CHECK_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "iommu/iommu.h"
#include "iommu/vtd_sm_fmt.h"
#include "mem/mem.h"
#include "util/rangemap.h"

/* A word of a table that is to be read as it was, not as it stands. */
struct walk_word {
    uint64_t addr; /* guest-physical */
    uint64_t value;
};

/*
 * A table of one stage, or the part of one below an entry. A first-stage table serves
 * canonical addresses, in two halves.
 */
struct walk_table {
    const struct mem *mem;
    uint64_t page;  /* guest-physical, of the table to start at */
    unsigned level; /* of its entries */
    uint64_t base;  /* address that its entry 0 stands for */
    enum perm perm; /* what the entries above it allow */
    bool first_stage;
    bool to_second;     /* its targets are addresses of a second stage, not of memory */
    unsigned bits;      /* of the addresses that the whole table takes */
    bool supervisor;    /* first stage: for requests that are privileged */
    bool write_protect; /* then: read-only entries bind them too */
    uint64_t accessed;  /* first stage: bits that use of an entry sets */
    struct vtd_ss_masks zeroes; /* bits that must be zero */
    const struct walk_word *was;
};

/*
 * What the table says at `addr`, which lies in its span. A mapping is given whole; a
 * hole from `addr` (or a little before) up to some address that is empty too, found
 * at a cost that does not look past `limit`, which lies in the span as well.
 */
void walk_table_at(const struct walk_table *t, uint64_t addr, uint64_t limit,
                   struct range_piece *out);

/* How one entry reads. */
enum walk_entry { WALK_HOLE, WALK_LEAF, WALK_TABLE };
enum walk_entry walk_classify(const struct walk_table *t, unsigned level, uint64_t entry);

/* What a table entry leads to. */
void walk_below(const struct walk_table *t, unsigned level, uint64_t first,
                enum perm path, uint64_t entry, struct walk_table *out);

/* The first address that slot i of a table of `level` based at `base` stands for. */
uint64_t walk_slot_first(const struct walk_table *t, unsigned level, uint64_t base,
                         unsigned i);

/*
 * The piece that a leaf or hole entry of `level` at `addr` (start of its span)
 * makes, given the permission of the path above it.
 */
void walk_leaf_piece(const struct walk_table *t, unsigned level, uint64_t addr,
                     enum perm path, uint64_t entry, struct range_piece *out);

/* All that an address goes through: one stage, or the first and then the second. */
struct walk_stages {
    struct walk_table table;  /* whole, base 0: the only stage, or the first of two */
    bool nested;              /* there is */
    struct walk_table second; /* which the first's own tables are found through, too */
};

/* Any address; as walk_table_at. */
void walk_stages_at(const struct walk_stages *s, uint64_t addr, uint64_t limit,
                    struct range_piece *out);

/*
 * The same, beginning at the table of 4 KiB leaves in which the walk before this one
 * ended, if that serves addr. The caller sets known to false when anything that leads to
 * it may have changed.
 */
struct walk_near {
    bool known;
    uint64_t page; /* of that table */
    uint64_t base; /* some address that it serves */
    enum perm perm;
};
void walk_stages_near(const struct walk_stages *s, uint64_t addr, uint64_t limit,
                      struct walk_near *near, struct range_piece *out);

/*
 * What the second stage makes of the first's address `addr`: false if it grants no
 * reading there. Tells in *out the piece, a hole included. A table that lies where the
 * second stage grants no writing can be used as far as its accessed and dirty bits are
 * set already.
 */
bool walk_second_at(const struct walk_stages *s, uint64_t addr, struct range_piece *out);

/* The stretches of addresses that the stages take at all: one, or two halves. */
unsigned walk_halves(const struct walk_stages *s, uint64_t first[static 2],
                     uint64_t last[static 2]);

/* What a TCE window says at `ioba`, which lies in the window. As walk_table_at. */
void walk_window_at(const struct iommu_window *w, uint64_t ioba, uint64_t limit,
                    struct range_piece *out);

/* The piece of raw entry `index`. */
void walk_tce_piece(const struct iommu_window *w, uint64_t index, uint64_t tce,
                    struct range_piece *out);

/* The last bus address of a window that is switched on. */
static inline uint64_t
walk_window_last(const struct iommu_window *w)
{
    return w->base + ((w->entries << w->page_lg2) - 1);
}

/* Whether what `was` mapped at its first address `is` not there, or with less. */
static inline bool
walk_piece_revokes(const struct range_piece *was, const struct range_piece *is)
{
    return was->perm != PERM_NONE &&
           (was->target != is->target || (was->perm & ~(unsigned)is->perm) != 0);
}

#endif
