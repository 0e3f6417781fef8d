/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A map from ranges of 4 KiB pages to a 64-bit word: every shadow, mapping tree
 * and record index of the simulator is one of these.
 *
 * It is a radix tree with 64 slots a node over page numbers (address >> 12),
 * grown upwards only as far as the highest address needs. A slot at any level
 * holds a child, a piece (a word that stands for the slot's whole naturally
 * aligned span) or nothing. An inserted range is cut into such dyadic pieces, so
 * a gigabyte costs a few words and dense single pages cost 8.5 bytes each, and
 * everything is visited in address order.
 *
 * A piece carries: a target (page aligned, bits 63:12), a permission, and
 * whether an *entry* begins here. What was inserted by one call is one entry; its
 * pieces after the first have `head` clear, which is how a shadow knows that an
 * unmap would cut an entry in two. In a LINEAR map the target advances with the
 * address inside a piece and across the pieces of one entry (a mapping); in a
 * CONSTANT map it does not (an index, a tag).
 *
 * All ranges are inclusive byte ranges whose first is page aligned and whose last
 * is one below a page boundary.
 */
#ifndef IOMMUSIM_UTIL_RANGEMAP_H
#define IOMMUSIM_UTIL_RANGEMAP_H

#include <stdbool.h>
#include <stdint.h>

#include "util/addr.h"
#include "util/alloc.h"

enum rangemap_kind { RANGEMAP_LINEAR, RANGEMAP_CONSTANT };

struct rangemap {
    struct rangemap_node *root;      /* NULL: empty */
    struct rangemap_node *last_leaf; /* the leaf node touched last, or NULL */
    uint64_t last_leaf_base;         /* its first page number */
    unsigned height;                 /* levels below and including root */
    enum rangemap_kind kind;
    uint64_t pages;              /* covered 4 KiB pages */
    uint64_t entries;            /* heads */
    struct budget *budget;       /* borrowed, may be NULL */
    struct rangemap_node *spare; /* a few nodes that were in use before */
    unsigned n_spare;
};

/* A piece as found: the whole naturally aligned span of its slot. */
struct range_piece {
    uint64_t first, last; /* bytes, inclusive */
    uint64_t target;      /* at `first`; page aligned */
    enum perm perm;
    bool head; /* an entry begins at `first` */
};

void rangemap_init(struct rangemap *m, enum rangemap_kind kind, struct budget *budget);
void rangemap_fini(struct rangemap *m);
void rangemap_clear(struct rangemap *m);

/*
 * Insert one entry over [first, last], which must hold nothing (asserted in
 * debug builds of the tests; see rangemap_any). PERM_NONE is allowed: the
 * piece is present all the same. The target wraps at 2^64.
 */
void rangemap_insert(struct rangemap *m, uint64_t first, uint64_t last, uint64_t target,
                     enum perm perm);

/*
 * Remove every page in [first, last]. Entries that stick out are cut: what is
 * left of them stays, and the part after the cut becomes an entry of its own.
 * Returns the number of pages removed. Cost follows what the range holds.
 */
uint64_t rangemap_remove(struct rangemap *m, uint64_t first, uint64_t last);

/* The piece that covers `addr`. */
bool rangemap_lookup(const struct rangemap *m, uint64_t addr, struct range_piece *out);

/* Whether an entry begins before `addr`, which is page aligned, and reaches beyond. */
bool rangemap_cuts(const struct rangemap *m, uint64_t addr);

/* Whether anything lies in [first, last]. */
bool rangemap_any(const struct rangemap *m, uint64_t first, uint64_t last);

/*
 * The first piece that ends at or after `from`, in address order. To go on:
 * stop if out->last == UINT64_MAX, else from = out->last + 1. The map may be
 * changed between two calls.
 */
bool rangemap_next(const struct rangemap *m, uint64_t from, struct range_piece *out);

/* The same, but false, at less cost, if that piece begins after `last`. */
bool rangemap_next_until(const struct rangemap *m, uint64_t from, uint64_t last,
                         struct range_piece *out);

/*
 * The entry (all pieces inserted together, as far as removals left it) that
 * covers `addr`; `out` spans the whole entry.
 */
bool rangemap_entry(const struct rangemap *m, uint64_t addr, struct range_piece *out);

/* The first entry that ends at or after `from`, as rangemap_next for entries. */
bool rangemap_next_entry(const struct rangemap *m, uint64_t from,
                         struct range_piece *out);

#endif
